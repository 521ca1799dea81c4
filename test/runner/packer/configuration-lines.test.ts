import { pathsOfLines } from "../../../lib/runner/packer/configuration-lines";

test("each line of a configuration's file has its path", () => {
  const configuration = { a: { b: [1, { c: "two\nlines" }], none: [], empty: {} }, d: null };
  const lines = JSON.stringify(configuration, null, 2).split("\n");
  const paths = pathsOfLines(configuration);
  expect(paths).toHaveLength(lines.length);
  const pathOf = (text: string) => paths[lines.findIndex((line) => line.includes(text))];
  expect(pathOf('"b"')).toEqual(["a", "b"]);
  expect(pathOf('"c"')).toEqual(["a", "b", 1, "c"]);
  expect(pathOf('"none"')).toEqual(["a", "none"]);
  expect(pathOf('"empty"')).toEqual(["a", "empty"]);
  expect(pathOf('"d"')).toEqual(["d"]);
  expect(paths.at(-1)).toEqual([]);
});
