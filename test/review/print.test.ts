import { printMarkdown, printText } from "../../lib/review/print";
import { reviewOf } from "./support";

const INSTANCE = "openstack_compute_instance_v2.trial_6BBBC3DD";

test("what is lost comes first, loudly, with what to say where it is meant", () => {
  expect(
    printText(reviewOf("release")),
  ).toBe(`TO BE JUDGED: 1 instance is REPLACED, not named by --allow; 1 new release, 1 layer built, VISA is told.

Lost, and not named by --allow:
  REPLACED: instance trial (5f0e9b7c-0000-4000-8000-000000000023) of ada
    its disk is lost, and whoever works on it is thrown out
    because: its image changes; it runs on visa-apps_5c329d84cf97
    if that is meant: --allow '${INSTANCE}'

Images:
  desktops/visa-apps (VISA desktop): new release 6ff1232e560f in the place of 5c329d84cf97
    because of: layer visa-apps
    uploaded: about 2.4 GiB, as the release before, raw
    hidden: 5c329d84cf97
    forgotten by Terraform, stays in Glance: 0123456789ab
    protected in Glance: 6ff1232e560f

Layers that are built:
  visa-apps bd4cebc973fd
    scripts/jupyter.sh 77b2c0ffee00 -> 3fa1c0ffee00

Sent to VISA:
  general: the entry changes
    description: On Debian bookworm, in layers: system-base, visa-base, visa-apps. language: en -> Jupyter 4.2
    image: 5f0e9b7c-0000-4000-8000-000000000005 -> (known after apply)
    plans: Small (preset), Large -> move
    version: 5c329d84cf97 -> 6ff1232e560f
`);
});

test("a review is one screen", () => {
  for (const name of ["first", "release", "rollback", "destroy"])
    expect(printText(reviewOf(name)).split("\n").length).toBeLessThan(40);
});

test("Markdown says the same, and what others wrote is code", () => {
  const review = reviewOf("release", [], (json) => {
    const { change } = json.resource_changes.find(({ address }: { address: string }) => address === INSTANCE);
    change.before.name = "a `b` @admin <img src=x>\n# c\u001b[31m\u202e";
    change.before.metadata.owner = "[x](http://y)";
  });
  const text = printMarkdown(review);
  expect(text).toMatch(/^\*\*TO BE JUDGED: 1 instance is REPLACED/);
  expect(text).toContain("- REPLACED: instance ``a `b` @admin <img src=x> # c [31m`` (");
  expect(text).toContain("of `[x](http://y)`");
  for (const order of ["\u001b", "\u202e"]) expect(text).not.toContain(order);
  expect(text.match(/^ {2}- `scripts\/jupyter\.sh` 77b2c0ffee00 -> 3fa1c0ffee00$/m)).not.toBeNull();
});

test("a comment is never longer than a forge takes, and what is lost is in it", () => {
  const text = printMarkdown(
    reviewOf("release", [], (json) => {
      const found = json.resource_changes.find(({ address }: { address: string }) => address === INSTANCE);
      for (let i = 0; i < 400; i++) json.resource_changes.push({ ...found, address: `${INSTANCE}[${i}]` });
    }),
  );
  expect(text.length).toBeLessThan(61_000);
  expect(text).toMatch(/401 instances are REPLACED/);
  expect(text).toMatch(/\d+ lines more: `visa-image review --json` has all/);
});
