import { readFileSync } from "node:fs";
import { printMarkdown, printText } from "../../lib/review/print";
import { planFile, reviewOf } from "./support";

const INSTANCE = "openstack_compute_instance_v2.trial_6BBBC3DD";

test("what is lost comes first, loudly, with what to say where it is meant", () => {
  const shown = readFileSync(planFile("release").replace(/json$/, "txt"), "utf8");
  expect(printText(reviewOf("release"))).toBe(shown);
  expect(shown).toMatch(/^TO BE JUDGED: 1 instance is REPLACED.*\n\n.*\n {2}REPLACED: instance trial/);
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
