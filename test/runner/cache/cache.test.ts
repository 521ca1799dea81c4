import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ArtifactManifest, Cache, cacheRoot, recordFile } from "../../../lib/runner/cache/cache";
import { digestDisk } from "../../../lib/runner/cache/disk-digest";
import { recall, remember, stateOf } from "../../../lib/runner/host/memory";

let folder: string;
let cache: Cache;
let base: ArtifactManifest;
let layer: ArtifactManifest;
const BASE = "b".repeat(64);
const LAYER = "c".repeat(64);

async function publish(
  fingerprint: string,
  content: string,
  parent?: ArtifactManifest,
  more: Partial<ArtifactManifest> = {},
): Promise<ArtifactManifest> {
  const staging = join(folder, "staging");
  mkdirSync(staging);
  writeFileSync(join(staging, "disk.qcow2"), content);
  const manifest: ArtifactManifest = {
    version: 1,
    fingerprint,
    template: parent ? "layer" : "base",
    inputs: {},
    parent: parent && { fingerprint: parent.fingerprint, diskSha256: parent.disk.sha256 },
    disk: { ...(await recordFile(join(staging, "disk.qcow2"))), virtualSizeGb: 1 },
    createdAt: new Date().toISOString(),
    durationSeconds: 1,
    tools: {},
    packageVersion: "0.0.0",
    ...more,
  };
  await cache.publish(staging, manifest);
  return manifest;
}

function damage(fingerprint: string, content: string): void {
  const disk = cache.disk(fingerprint);
  const { atime, mtime } = statSync(disk);
  chmodSync(disk, 0o644);
  writeFileSync(disk, content);
  utimesSync(disk, atime, mtime);
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "visa-image-cache-"));
  cache = new Cache(folder);
  await cache.prepare();
  base = await publish(BASE, "base disk");
  layer = await publish(LAYER, "layer disk", base);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("what was published is intact", async () => {
  await expect(cache.check(BASE, undefined, "full")).resolves.toEqual({ kind: "intact", manifest: base });
  await expect(cache.check(LAYER, base, "full")).resolves.toEqual({ kind: "intact", manifest: layer });
});

test("what came from Glance stands on nothing, and a chain starts there while it is intact", async () => {
  const chain = [BASE, LAYER, "d".repeat(64)];
  await expect(cache.foundation(chain)).resolves.toBe(0);
  const source = { glance: "http://g", imageId: "id", imageName: "VISA", sha512: "5a12", properties: {} };
  await cache.setAside(LAYER, "stale");
  layer = await publish(LAYER, "whole disk", undefined, { source });
  await expect(cache.check(LAYER, base, "full")).resolves.toEqual({ kind: "intact", manifest: layer });
  await expect(cache.foundation(chain)).resolves.toBe(1);
  damage(LAYER, "disk");
  await expect(cache.foundation(chain)).resolves.toBe(0);
});

test("what was never published is missing", async () => {
  await expect(cache.check("a".repeat(64), undefined)).resolves.toEqual({ kind: "missing" });
});

test("a disk of another size is damaged", async () => {
  damage(LAYER, "layer");
  await expect(cache.check(LAYER, base)).resolves.toMatchObject({
    kind: "damaged",
    reason: "its disk has 5 bytes instead of 10",
  });
});

test("a disk of the same size and time and of other bytes is seen by a full look", async () => {
  damage(LAYER, "layer disc");
  await expect(cache.check(LAYER, base, "quick")).resolves.toMatchObject({ kind: "intact" });
  await expect(cache.check(LAYER, base, "full")).resolves.toMatchObject({ kind: "damaged" });
});

test("a full look reads a disk once an hour, and whenever it was written to", async () => {
  const note = `${cache.disk(LAYER)}.read.json`;
  // That it was read is known from its publication; here it has been, by the note, with another finding.
  remember(note, stateOf(cache.disk(LAYER)), "another checksum");
  await expect(cache.check(LAYER, base, "full")).resolves.toMatchObject({ kind: "intact" });
  expect(recall(note, cache.disk(LAYER))).toBe(layer.disk.sha256);
  // A look that trusts the note does not see what no write of the file system has done.
  damage(LAYER, "layer disc");
  remember(note, stateOf(cache.disk(LAYER)), layer.disk.sha256);
  await expect(cache.check(LAYER, base, "full")).resolves.toMatchObject({ kind: "intact" });
  rmSync(note);
  await expect(cache.check(LAYER, base, "full")).resolves.toMatchObject({ kind: "damaged" });
});

test("a disk whose time differs is read even by a quick look, and its time set back where it is good", async () => {
  const { mtimeMs } = statSync(cache.disk(LAYER));
  utimesSync(cache.disk(LAYER), 1, 1);
  await expect(cache.check(LAYER, base)).resolves.toMatchObject({ kind: "intact" });
  expect(Math.abs(statSync(cache.disk(LAYER)).mtimeMs - mtimeMs)).toBeLessThan(2);
  damage(LAYER, "layer disc");
  utimesSync(cache.disk(LAYER), 1, 1);
  await expect(cache.check(LAYER, base)).resolves.toMatchObject({ kind: "damaged" });
});

test("a layer whose parent was built again is stale", async () => {
  await cache.setAside(BASE, "damaged");
  const again = await publish(BASE, "base again");
  await expect(cache.check(LAYER, again)).resolves.toMatchObject({ kind: "stale" });
});

/**
 * @fault cache: a manifest is damaged
 * @then as a damaged disk
 */
test.each([
  ["no JSON", "{"],
  ["another version", '{"version": 99}'],
  ["incomplete", JSON.stringify({ version: 1, fingerprint: LAYER })],
  ["of another artifact", JSON.stringify({ version: 1, fingerprint: BASE })],
])("an artifact whose manifest is %s is damaged", async (_, text) => {
  writeFileSync(join(cache.folder(LAYER), "manifest.json"), text);
  await expect(cache.check(LAYER, base)).resolves.toMatchObject({ kind: "damaged" });
});

test("setting aside keeps what there was, as often as it happens", async () => {
  const first = await cache.setAside(LAYER, "damaged");
  await publish(LAYER, "again", base);
  const second = await cache.setAside(LAYER, "damaged");
  expect(first).not.toBe(second);
  expect([first, second].map((path) => existsSync(join(path, "disk.qcow2")))).toEqual([true, true]);
});

test("fails to publish over an artifact that is there, which stays", async () => {
  await expect(publish(LAYER, "other", base)).rejects.toThrow(/ENOTEMPTY|EEXIST/);
  await expect(cache.check(LAYER, base, "full")).resolves.toMatchObject({ kind: "intact" });
});

test("a flattened disk is there once its manifest is, and intact while it has its bytes", async () => {
  await expect(cache.checkFlat(LAYER, "raw")).resolves.toBeUndefined();
  const file = join(folder, "flat");
  writeFileSync(file, "flat");
  const { bytes, modified } = await recordFile(file);
  const manifest = {
    version: 2,
    format: "raw",
    bytes,
    modified,
    virtualSizeBytes: 4,
    digest: await digestDisk(file),
    sourceSha256: "",
  } as const;
  await cache.publishFlat(LAYER, file, manifest);
  await expect(cache.checkFlat(LAYER, "raw", "full")).resolves.toEqual(manifest);
  await expect(cache.checkFlat(LAYER, "qcow2")).resolves.toBeUndefined();
  chmodSync(cache.flat(LAYER, "raw"), 0o644);
  writeFileSync(cache.flat(LAYER, "raw"), "flaw");
  await expect(cache.checkFlat(LAYER, "raw", "full")).resolves.toBeUndefined();
});

test("the cache's place comes from VISA_IMAGE_CACHE, XDG_CACHE_HOME, or the home directory", () => {
  expect(cacheRoot({ VISA_IMAGE_CACHE: "/a", XDG_CACHE_HOME: "/b" })).toBe("/a");
  expect(cacheRoot({ XDG_CACHE_HOME: "/b" })).toBe("/b/visa-images");
  expect(cacheRoot({})).toMatch(/\/\.cache\/visa-images$/);
});
