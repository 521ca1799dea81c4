import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../lib/replace-file";
import { scratchFolder } from "./support/scratch";

test("the text is in the place of the old one, and nothing lies beside it", () => {
  const folder = scratchFolder();
  writeFileSync(join(folder, "a.json"), "old");
  replaceFile(join(folder, "a.json"), "new");
  expect(readFileSync(join(folder, "a.json"), "utf8")).toBe("new");
  expect(readdirSync(folder)).toEqual(["a.json"]);
});

test("fails where a folder stands in its place, and leaves nothing beside it", () => {
  const folder = scratchFolder();
  mkdirSync(join(folder, "a.json"));
  expect(() => replaceFile(join(folder, "a.json"), "new")).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
  expect(readdirSync(folder)).toEqual(["a.json"]);
});
