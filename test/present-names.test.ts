import { PROPS, VARIABLES, withPresentNames } from "../lib/present-names";

function read(values: object, names = PROPS): { readonly values: object; readonly warnings: string[] } {
  const warnings: string[] = [];
  return { values: withPresentNames(values, names, (warning) => warnings.push(warning)), warnings };
}

test("a name of before is the present one, with a warning that names it", () => {
  expect(read({ refresh: "2026-11", template: "x" })).toEqual({
    values: { cacheBuster: "2026-11", template: "x" },
    warnings: ['"refresh" is "cacheBuster" now, and is known by its old name for one more version'],
  });
});

test.each([
  [true, "glance"],
  [false, undefined],
])("parentsFromGlance: %s is cacheFrom: %s", (parentsFromGlance, cacheFrom) => {
  const { values, warnings } = read({ parentsFromGlance });
  expect(values).toEqual({ cacheFrom });
  expect(warnings).toHaveLength(1);
});

test("where both are given the present one counts", () => {
  expect(read({ refresh: "old", cacheBuster: "new" }).values).toEqual({ cacheBuster: "new" });
});

test("what is not given, or is empty, is told of nothing", () => {
  expect(read({ refresh: undefined, template: "x" })).toEqual({ values: { template: "x" }, warnings: [] });
  expect(read({ VISA_REFRESH: "" }, VARIABLES)).toEqual({ values: {}, warnings: [] });
});

test("variables of the environment are read the same way", () => {
  const { values, warnings } = read({ VISA_REFRESH: "1", VISA_PARENTS_FROM_GLANCE: "true", HOME: "/h" }, VARIABLES);
  expect(values).toEqual({ VISA_CACHE_BUSTER: "1", VISA_CACHE_FROM: "glance", HOME: "/h" });
  expect(warnings).toHaveLength(2);
  expect(read({ VISA_PARENTS_FROM_GLANCE: "false" }, VARIABLES).values).toEqual({ VISA_CACHE_FROM: undefined });
  // What it never could be is refused by its present name.
  expect(read({ VISA_PARENTS_FROM_GLANCE: "maybe" }, VARIABLES).values).toEqual({ VISA_CACHE_FROM: "maybe" });
});
