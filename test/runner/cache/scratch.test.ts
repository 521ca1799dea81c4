import { existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { Cache } from "../../../lib/runner/cache/cache";
import { clearCache } from "../../../lib/runner/cache/clear-cache";
import { cleanUpAbandoned, createScratch, removeScratch } from "../../../lib/runner/cache/scratch";
import { identify } from "../../../lib/runner/processes/processes";
import { scratchFolder } from "../../support/scratch";

let cache: Cache;
beforeEach(async () => {
  cache = new Cache(join(scratchFolder(), "cache"));
  await cache.prepare();
});

/** A scratch folder of a process that has ended, which names this folder for temporary files. */
function abandoned(temporary: unknown, more: object = {}): string {
  const folder = join(cache.scratch, "0123456789ab-1-aaaa");
  mkdirSync(folder);
  const worker = { ...identify(), startTime: "1" };
  const owner = { worker, host: hostname(), marker: "", ownSession: false, temporary, ...more };
  writeFileSync(join(folder, "owner.json"), JSON.stringify(owner));
  return folder;
}

/** A folder with a file in it. */
function precious(name: string, parent = scratchFolder()): string {
  const folder = join(parent, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "file"), "precious");
  return folder;
}

test("goes with all that is in it", async () => {
  const scratch = await createScratch(cache, "one");
  writeFileSync(join(scratch.temporary, "file"), "");
  await removeScratch(scratch);
  expect(readdirSync(cache.scratch)).toEqual([]);
  expect(existsSync(scratch.temporary)).toBe(false);
});

test("where its path is too long for a socket, temporary files are elsewhere, and go with it", async () => {
  const long = new Cache(join(scratchFolder(), "x".repeat(80)));
  await long.prepare();
  const scratch = await createScratch(long, "one");
  expect(scratch.temporary).toMatch(/\/visa-image-\w{6}$/);
  await removeScratch(scratch);
  expect(existsSync(scratch.temporary)).toBe(false);
});

/**
 * @fault cache: a note in the cache names a folder that is none of ours
 * @then it stays, whatever the note says; the note goes
 */
test.each([
  ["a folder of somebody's", () => precious("documents")],
  ["a folder of a name like ours", () => precious("visa-image-documents")],
  ["the cache's own", () => cache.artifacts],
  ["a path that leads out of the scratch folder", () => join(cache.scratch, "x", "..", "..", "artifacts")],
  [
    "a link of our name",
    () => {
      const link = join(scratchFolder(), "visa-image-abcdef");
      symlinkSync(precious("documents"), link);
      return link;
    },
  ],
])("what an owner.json names is not removed where it is %s", async (_, make) => {
  const named = make();
  const folder = abandoned(named);
  await clearCache(cache, {});
  expect(existsSync(folder)).toBe(false);
  expect(existsSync(named)).toBe(true);
  expect(readdirSync(named)).toEqual(named.includes("artifacts") ? [] : ["file"]);
});

test("what is ours by its name and its owner goes with the build that was interrupted", async () => {
  const temporary = mkdtempSync(join(tmpdir(), "visa-image-"));
  const folder = abandoned(temporary);
  expect(await cleanUpAbandoned(cache)).toEqual([`removed what an interrupted build left behind: ${folder}`]);
  expect([existsSync(folder), existsSync(temporary)]).toEqual([false, false]);
});

test("a link in the place of a scratch folder goes, and what it leads to stays", async () => {
  const target = precious("documents");
  const worker = { ...identify(), startTime: "1" };
  const owner = { worker, host: hostname(), marker: "", ownSession: false, temporary: target };
  writeFileSync(join(target, "owner.json"), JSON.stringify(owner));
  symlinkSync(target, join(cache.scratch, "0123456789ab-1-bbbb"));
  await cleanUpAbandoned(cache);
  expect(readdirSync(target).sort()).toEqual(["file", "owner.json"]);
});

test.each([
  ["no JSON", "{"],
  ["another form", '{"worker": null}'],
  ["no object", "null"],
])("an owner.json with %s names nobody, and ends nothing", async (_, text) => {
  const folder = abandoned("");
  writeFileSync(join(folder, "owner.json"), text);
  await expect(cleanUpAbandoned(cache)).resolves.toEqual([]);
  await expect(clearCache(cache, {})).resolves.toEqual({ entries: [], checkpoints: [] });
});
