import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileHistory, gitState } from "../../../lib/runner/host/git";
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

test("says of a file which commit touched it last, and whether it is committed", async () => {
  const folder = scratchFolder();
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", folder, "-c", "user.name=Ada", "-c", "user.email=t@example.org", ...args], {
      stdio: "ignore",
    });
  const of = (name: string) => fileHistory(join(folder, name), masker);
  writeFileSync(join(folder, "one"), "1");
  expect(await of("one")).toEqual({ state: "outside" });
  git("init");
  expect(await of("one")).toEqual({ state: "untracked" });
  writeFileSync(join(folder, ".gitignore"), "left\n");
  writeFileSync(join(folder, "left"), "");
  expect(await of("left")).toEqual({ state: "outside" });
  git("add", ".");
  expect(await of("one")).toEqual({ state: "untracked" });
  git("commit", "-m", "first\tof all");
  const commit = { hash: expect.stringMatching(/^[0-9a-f]{7,}$/), author: "Ada", date: expect.any(String) };
  expect(await of("one")).toEqual({ state: "committed", commit: { ...commit, subject: "first of all" } });
  writeFileSync(join(folder, "two"), "2");
  git("add", ".");
  git("commit", "-m", "second");
  writeFileSync(join(folder, "one"), "11");
  expect(await of("one")).toMatchObject({ state: "modified", commit: { subject: "first of all" } });

  // Git takes the oldest commit that it has for the one that made everything.
  const clone = join(folder, "clone");
  execFileSync("git", ["clone", "--quiet", "--depth", "1", `file://${folder}`, clone], { stdio: "ignore" });
  expect(await fileHistory(join(clone, "one"), masker)).toMatchObject({ state: "committed", shallow: true });
});

test("says nothing of a file where there is no git", async () => {
  const before = process.env.PATH;
  process.env.PATH = scratchFolder();
  try {
    expect(await fileHistory(join(scratchFolder(), "one"), masker)).toBeUndefined();
  } finally {
    process.env.PATH = before;
  }
});
