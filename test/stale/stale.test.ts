import { readDebianBill } from "../../lib/stale/debian-bill";
import { lookAt } from "../../lib/stale/stale";
import type { Suite } from "../../lib/stale/suites";
import { suitesOf } from "../../lib/stale/suites";
import { billOf } from "./mirror";

const NOW = Date.parse("2026-11-28T00:00:00Z");

function subject(image: string, packages: Record<string, string>, bill = billOf(packages)) {
  return {
    image,
    template: "t",
    billed: { layers: [{ layer: "t", bill: readDebianBill(bill, image) }], complete: true },
  };
}

function indexOf(suite: Suite, more: object = {}) {
  const find = (name: string) => (suite.kind === "main" && name === "a" ? { version: "2", source: "a" } : undefined);
  const date = "2026-11-27T00:00:00.000Z";
  return { ...{ suite: suite.name, date, checked: true, first: date, find }, ...more };
}

test("each index is asked for once, whatever the number of images", async () => {
  const asked: string[] = [];
  const source = async (suite: Suite) => {
    asked.push(suite.name);
    return suite.kind === "updates" ? undefined : indexOf(suite);
  };
  const subjects = Array.from({ length: 100 }, (_, n) => subject(`i${n}`, { a: n % 2 ? "1" : "2" }));
  const { images, indexes } = await lookAt(subjects, source, NOW);
  expect(images.map(({ state }) => state).slice(0, 2)).toEqual(["current", "stale"]);
  expect(images).toHaveLength(100);
  expect(asked).toEqual(["bookworm", "bookworm-updates", "bookworm-security"]);
  expect(indexes.map(({ suite }) => suite)).toEqual(["bookworm", "bookworm-security"]);
});

test("which layers would be built anew", async () => {
  const bill = (packages: Record<string, string>) => readDebianBill(billOf(packages), "x");
  const layers = [
    { layer: "system-base", bill: bill({ z: "1" }) },
    { layer: "visa-base", bill: bill({ z: "1", a: "1" }) },
    { layer: "visa-apps", bill: bill({ z: "1", a: "1" }) },
  ];
  const look = async (complete: boolean) => {
    const { images } = await lookAt([{ image: "i", template: "t", billed: { layers, complete } }], async (s) =>
      indexOf(s),
    );
    return images[0]?.rebuilt;
  };
  await expect(look(true)).resolves.toEqual(["visa-base", "visa-apps"]);
  await expect(look(false)).resolves.toEqual(["visa-base", "visa-apps"]);
});

test("an index whose signature was not checked, or that is past its time, is warned about", async () => {
  const until = { checked: false, validUntil: "2026-11-01T00:00:00.000Z" };
  const { warnings } = await lookAt(
    [subject("i", { a: "2" })],
    async (s) => indexOf(s, s.kind === "security" ? until : {}),
    NOW,
  );
  expect(warnings).toEqual([
    expect.stringContaining("the signature of bookworm-security was not checked"),
    "the index of bookworm-security was good until 2026-11-01: newer packages may be missing from it",
  ]);
});

test("nothing is known of a Debian that has no name here, and no index is asked for", async () => {
  const old = billOf({ a: "1" }).replaceAll("debian-12", "debian-7");
  const source = jest.fn();
  const { images } = await lookAt([subject("i", {}, old)], source, NOW);
  expect(images).toMatchObject([{ state: "unknown", reason: "its system is Debian 7, which has no name here" }]);
  expect(source).not.toHaveBeenCalled();
  expect(suitesOf("13").map(({ name }) => name)).toEqual(["trixie", "trixie-updates", "trixie-security"]);
});
