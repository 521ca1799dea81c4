import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitState } from "../../../lib/runner/host/git";
import { createMasker } from "../../../lib/runner/output/masking";
import { scratchFolder } from "../../support/scratch";

const masker = createMasker([]);

test("names the commit of the repository that a folder is in, and whether a tracked file differs", async () => {
  const folder = scratchFolder();
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
      encoding: "utf8",
    }).trim();
  git("init", "--quiet");
  mkdirSync(join(folder, "cdktf.out"));
  writeFileSync(join(folder, "script"), "one");
  git("add", "script");
  git("commit", "--quiet", "--message", "first");
  const commit = git("rev-parse", "HEAD");
  writeFileSync(join(folder, "untracked"), "");
  expect(await gitState(join(folder, "cdktf.out"), masker)).toEqual({ commit, modified: false });
  writeFileSync(join(folder, "script"), "two");
  expect(await gitState(folder, masker)).toEqual({ commit, modified: true });
});

test("says nothing outside of a repository, and in one without a commit", async () => {
  const folder = scratchFolder();
  expect(await gitState(folder, masker)).toBeUndefined();
  execFileSync("git", ["-C", folder, "init", "--quiet"]);
  expect(await gitState(folder, masker)).toBeUndefined();
});
