import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_EXCLUDE, Exclusion, isLeftBehind } from "../lib/exclusion";
import { packageRoot } from "../lib/package-root";

test.each<[string, string, boolean, boolean]>([
  ["*.bak", "a.bak", false, true],
  ["*.bak", "deep/down/a.bak", false, true],
  ["*.bak", "a.bak/b", false, false],
  ["docs/", "docs", true, true],
  ["docs/", "deep/docs", true, true],
  ["docs/", "docs", false, false],
  ["system/docs", "system/docs", true, true],
  ["system/docs", "deep/system/docs", true, false],
  ["/top", "top", false, true],
  ["/top", "deep/top", false, false],
  ["a/**/z", "a/z", false, true],
  ["a/**/z", "a/b/c/z", false, true],
  ["a/*/z", "a/b/c/z", false, false],
  ["build-?.log", "build-1.log", false, true],
  ["a.b+(c)", "a.b+(c)", false, true],
  ["a.b", "axb", false, false],
])("%s and %s (folder: %s): %s", (pattern, path, isFolder, matches) => {
  expect(new Exclusion([pattern]).rule(path, isFolder) !== undefined).toBe(matches);
});

test("the last pattern that matches counts, and one with ! takes back", () => {
  const exclusion = new Exclusion(["*.bak", "!keep.bak"]);
  expect(exclusion.rule("a.bak", false)).toMatchObject({ takesBack: false, pattern: "*.bak" });
  expect(exclusion.rule("keep.bak", false)).toMatchObject({ takesBack: true });
});

test.each([
  ".git",
  ".git/config",
  "a/.DS_Store",
  "a/__pycache__/b.cpython-311.pyc",
  "a/.b.swp",
  "a/b~",
  "a/.#b",
  ".svn/entries",
])("%s is always left out", (path) => expect(isLeftBehind(path)).toBe(true));

test.each([".gitignore", ".gitkeep", ".bashrc", ".config/x", "node_modules/x", "a.orig", "CVS"])("%s is not", (path) =>
  expect(isLeftBehind(path)).toBe(false),
);

test("npm packs none of what is always left out", () => {
  const { files } = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as { files: string[] };
  expect(files).toEqual(expect.arrayContaining(DEFAULT_EXCLUDE.map((pattern) => `!**/${pattern.replace(/\/$/, "")}`)));
});
