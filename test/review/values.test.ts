import type { ResourceChange } from "../../lib/review/plan";
import { changedAttributes, differences, isUnknown, shown } from "../../lib/review/values";

const change = (given: Partial<ResourceChange>): ResourceChange => ({
  ...{ address: "a.b", type: "a", name: "b", prefix: "", fate: "updated", forcedBy: [] },
  ...{ before: {}, after: {}, unknown: {}, sensitive: [false, false] },
  ...given,
});

test("a value is shown as text, and one that only the apply knows is told so", () => {
  const given = change({ before: { n: 7, t: { x: "y" } }, after: { n: true, t: {} }, unknown: { t: { x: true } } });
  expect(shown(given, "before", "n")).toBe("7");
  expect(shown(given, "after", "n")).toBe("true");
  expect(shown(given, "before", "t")).toBeUndefined();
  expect(shown(given, "after", "t", "x")).toBe("(known after apply)");
  expect(isUnknown(change({ unknown: { t: true } }), ["t", "x"])).toBe(true);
});

test.each([
  ["before", [{ t: { x: true } }, {}]],
  ["after", [{}, { t: { x: true } }]],
  ["as a whole map", [{ t: true }, {}]],
  ["as a whole resource", [true, {}]],
] as const)("a secret is never shown: sensitive %s", (_how, sensitive) => {
  const given = change({ before: { t: { x: "Canary" } }, after: { t: { x: "Canary-2" } }, sensitive });
  expect(differences(given, "t")).toEqual([{ name: "x", before: "(sensitive)", after: "(sensitive)" }]);
  expect(shown(given, "after", "t", "x")).toBe("(sensitive)");
});

test("entries of a map that come, go, change or become unknown", () => {
  const given = change({
    before: { t: { a: "1", b: "2", c: "3", d: "4" } },
    after: { t: { a: "1", c: "5", e: "6" } },
    unknown: { t: { d: true } },
  });
  expect(differences(given, "t")).toEqual([
    { name: "b", before: "2" },
    { name: "c", before: "3", after: "5" },
    { name: "d", before: "4", after: "(known after apply)" },
    { name: "e", after: "6" },
  ]);
});

test("attributes that change are told by name; null is nothing", () => {
  expect(
    changedAttributes(
      change({ before: { a: 1, b: null, c: [1] }, after: { a: 2, c: [1] }, unknown: { d: true, e: {} } }),
    ),
  ).toEqual(["a", "d"]);
});
