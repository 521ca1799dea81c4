import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { type ArtifactManifest, Cache, recordFile } from "../../../lib/runner/cache/cache";
import { cacheEntries } from "../../../lib/runner/cache/cache-entries";
import { type ClearOptions, clearCache } from "../../../lib/runner/cache/clear-cache";
import { identify } from "../../../lib/runner/processes/processes";
import { scratchFolder } from "../../support/scratch";

const DAY = 24 * 3600 * 1000;
const NOW = Date.parse("2026-11-23T00:00:00Z");
let cache: Cache;

/** Publishes `<letter>` repeated, built so many days ago, of so many bytes, on another one. */
async function publish(letter: string, daysAgo: number, bytes: number, parent?: ArtifactManifest) {
  const staging = join(cache.root, "staging");
  mkdirSync(staging);
  const disk = join(staging, "disk.qcow2");
  writeFileSync(disk, Buffer.alloc(bytes, letter));
  const manifest: ArtifactManifest = {
    ...{ version: 1, fingerprint: letter.repeat(64), template: `t-${letter}`, inputs: {}, tools: {} },
    parent: parent && { fingerprint: parent.fingerprint, diskSha256: parent.disk.sha256 },
    disk: { ...(await recordFile(disk)), virtualSizeGb: 1 },
    createdAt: new Date(NOW - daysAgo * DAY).toISOString(),
    ...{ durationSeconds: 1, packageVersion: "0" },
  };
  await cache.publish(staging, manifest);
  return manifest;
}

beforeEach(async () => {
  cache = new Cache(scratchFolder());
  await cache.prepare();
  // b stands on a, c and d on b.
  const a = await publish("a", 40, 100_000);
  const b = await publish("b", 30, 2_000_000, a);
  await publish("c", 20, 3_000_000, b);
  await publish("d", 10, 50_000, b);
});
afterEach(() => rmSync(cache.root, { recursive: true, force: true }));

const left = () =>
  readdirSync(cache.artifacts)
    .map((name) => name.replace(/^(.)\1{63}/, "$1"))
    .sort();

/** What fits, and for whom it is kept. */
async function clear(options: ClearOptions): Promise<string[]> {
  const { entries } = await clearCache(cache, { now: NOW, ...options });
  return entries.map(({ entry, keptFor }) => `${entry.name[0]}${keptFor.map((name) => name[0]).join("")}`).sort();
}

test("lists what is there, the newest first, with what it takes", async () => {
  const entries = await cacheEntries(cache);
  expect(entries.map(({ template }) => template)).toEqual(["t-d", "t-c", "t-b", "t-a"]);
  expect(entries[1]?.bytes).toBeGreaterThan(3_000_000);
  expect(entries[1]).toMatchObject({ parent: "b".repeat(64), time: NOW - 20 * DAY });
});

test("removes what is old, and keeps what something younger stands on", async () => {
  expect(await clear({ olderThanMs: 15 * DAY })).toEqual(["ab", "bd", "c"]);
  expect(left()).toEqual(["a", "b", "d"]);
});

test("removes what is large, with the same care", async () => {
  expect(await clear({ largerThanBytes: 1_000_000 })).toEqual(["bd", "c"]);
  expect(left()).toEqual(["a", "b", "d"]);
});

test("removes only what is both where both are asked for", async () => {
  expect(await clear({ olderThanMs: 15 * DAY, largerThanBytes: 10_000_000 })).toEqual([]);
  expect(await clear({ olderThanMs: 25 * DAY, largerThanBytes: 1_000_000 })).toEqual(["bdc"]);
  expect(left()).toEqual(["a", "b", "c", "d"]);
});

test("removes everything, what was set aside too", async () => {
  await cache.setAside("d".repeat(64), "damaged");
  expect(await clear({})).toEqual(["a", "b", "c", "d"]);
  expect(left()).toEqual([]);
});

test("what was set aside stands on nothing, and is as old as its folder", async () => {
  await cache.setAside("c".repeat(64), "stale");
  await cache.setAside("d".repeat(64), "damaged");
  expect(await clear({ olderThanMs: 15 * DAY })).toEqual(["a", "b"]);
  expect(left()).toEqual([expect.stringMatching(/^c\.stale-/), expect.stringMatching(/^d\.damaged-/)]);
});

test("what a removal that was cut short left goes with the next one", async () => {
  mkdirSync(join(cache.artifacts, `${"e".repeat(64)}.cleared-1`));
  await clear({ now: Date.now() + 1000 });
  expect(left()).toEqual([]);
});

test("a dry run removes nothing", async () => {
  expect(await clear({ dryRun: true })).toEqual(["a", "b", "c", "d"]);
  expect(left()).toEqual(["a", "b", "c", "d"]);
});

test("fails while a build runs, and goes on where one only left its name", async () => {
  const owner = { ...identify(), host: hostname(), user: "u", since: "s" };
  const file = join(cache.locks, "x.owner");
  writeFileSync(file, JSON.stringify(owner));
  await expect(clear({})).rejects.toThrow(/is in use, by process \d+ on .*\n {2}fix: wait/);
  expect(left()).toEqual(["a", "b", "c", "d"]);
  writeFileSync(file, JSON.stringify({ ...owner, startTime: "1" }));
  await clear({});
  expect(left()).toEqual([]);
});

test("fails while a verification runs, which has no lock", async () => {
  const folder = join(cache.scratch, "verifying");
  mkdirSync(folder);
  writeFileSync(join(folder, "owner.json"), JSON.stringify({ worker: identify(), host: hostname(), temporary: "" }));
  await expect(clear({})).rejects.toThrow("is in use");
  expect(existsSync(cache.disk("a".repeat(64)))).toBe(true);
});
