import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { releaseOf } from "../../lib/releases/release";
import {
  formatLock,
  type Release,
  type ReleaseLock,
  readLock,
  withoutRelease,
  withRefresh,
  withRelease,
  withReleaseInUse,
  withRenamed,
  withRetired,
  writeLock,
} from "../../lib/releases/release-lock";
import { scratchFolder } from "../support/scratch";

const empty: ReleaseLock = { version: 1, images: {} };

function release(digits: string, changes: Partial<Release> = {}): Release {
  return {
    release: digits,
    fingerprint: "f",
    template: "t",
    name: "n",
    diskFormat: "raw",
    imageId: `id of ${digits}`,
    sha512: "s",
    sizeBytes: 1,
    registered: "2026-11-23T00:00:00Z",
    ...changes,
  };
}

function fileWith(text: string): string {
  const file = join(scratchFolder(), "visa-images.lock.json");
  writeFileSync(file, text);
  return file;
}

test("a lock that is not there is an empty one", () => {
  expect(readLock("/nowhere/visa-images.lock.json")).toEqual(empty);
});

test("what is written is read again, and is the same text for the same lock", () => {
  const file = fileWith("{}");
  const lock = withRelease(withRelease(empty, "b", release("1")), "a", release("2"));
  writeLock(file, lock);
  expect(readLock(file)).toEqual(lock);
  const other = withRelease(withRelease(empty, "a", release("2")), "b", release("1"));
  expect(formatLock(other)).toBe(readFileSync(file, "utf8"));
});

test("a new release comes last, and one that is there is replaced where it stands", () => {
  let lock = withRelease(withRelease(empty, "a", release("1")), "a", release("2"));
  lock = withRelease(lock, "a", release("1", { imageId: "again" }));
  expect(lock.images.a?.map((each) => each.imageId)).toEqual(["again", "id of 2"]);
});

test("the release in use comes last, whenever it was registered, and the rest keeps its order", () => {
  const lock = ["1", "2", "3"].reduce((all, digits) => withRelease(all, "a", release(digits)), empty);
  const { images, retain } = withReleaseInUse(lock, "a", "1", { retain: 2 });
  expect(images.a?.map((each) => each.release)).toEqual(["2", "3", "1"]);
  expect(retain).toEqual({ a: 2 });
});

test("where an image is stands in it, as long as the stack says so", () => {
  const lock = withRelease(empty, "a", release("1"));
  const there = withReleaseInUse(lock, "a", "1", { retain: 1, cloud: "north", region: "N" });
  expect(there.clouds).toEqual({ a: { cloud: "north", region: "N" } });
  expect(formatLock(withReleaseInUse(there, "a", "1", { retain: 1 }))).not.toContain("clouds");
});

test.each([
  ["clouds", { clouds: { a: { cloud: 1 } } }],
  ["renamed", { renamed: { a: ["b"] } }],
])("fails for %s that are none", (name, more) => {
  const file = join(scratchFolder(), "visa-images.lock.json");
  writeFileSync(file, JSON.stringify({ version: 1, images: {}, ...more }));
  expect(() => readLock(file)).toThrow(`"${name}" in the lock is no map of`);
});

test("an image without releases is not in it", () => {
  expect(withoutRelease(withRelease(empty, "a", release("1")), "a", "1")).toEqual(empty);
});

test("why layers are built anew stands in it, and goes with an image that gets another name", () => {
  const lock = withRefresh(withRefresh(withRelease(empty, "a", release("1")), "a", "z", "old"), "a", "b", "why");
  const changed = withRefresh(lock, "a", "z", "new");
  expect(readLock(fileWith(formatLock(changed))).refreshes).toEqual({ a: { b: "why", z: "new" } });
  expect(withRenamed(changed, "a", "c").refreshes).toEqual({ c: { b: "why", z: "new" } });
});

test("is not written where nothing changed", () => {
  const lock = withRelease(empty, "a", release("1"));
  const file = fileWith(formatLock(lock));
  const { ino } = statSync(file);
  writeLock(file, lock);
  expect(statSync(file).ino).toBe(ino);
  writeLock(file, empty);
  expect(statSync(file).ino).not.toBe(ino);
  expect(existsSync(`${file}.${process.pid}`)).toBe(false);
});

test.each([
  ["no JSON", "<<<<<<< HEAD\n", "the lock is no JSON"],
  ["no object", "[]", "the lock is no JSON object"],
  ["a newer version", '{"version": 2, "images": {}}', "the lock has version 2, expected 1"],
  ["no images", '{"version": 1}', 'the lock has no "images"'],
  [
    "no numbers",
    '{"version": 1, "images": {}, "retain": {"a": "2"}}',
    '"retain" in the lock is no map of whole numbers',
  ],
  ["no reasons", '{"version": 1, "images": {}, "refreshes": {"a": "x"}}', '"refreshes" in the lock is no map'],
  ["no list", '{"version": 1, "images": {"a": {}}}', 'the releases of "a" are no list'],
  ["half a release", '{"version": 1, "images": {"a": [{"release": "1"}]}}', 'release 1 of "a" has "fingerprint"'],
])("fails for %s, with the file and a fix", (_, text, message) => {
  const file = fileWith(text);
  expect(() => readLock(file)).toThrow(message);
  expect(() => readLock(file)).toThrow(/visa-images\.lock\.json: .*\n {2}fix: /s);
});

test("a release's digits are a contract", () => {
  const properties = { os_type: "linux", os_distro: "debian", hw_disk_bus: "virtio" };
  expect(releaseOf({ fingerprint: "f", diskFormat: "raw", properties })).toBe("81e2e4aa73f9");
  const { hw_disk_bus: _, ...fixed } = properties;
  expect(releaseOf({ fingerprint: "f", diskFormat: "raw", properties: fixed })).toBe("81e2e4aa73f9");
});

test("that a release is retired is forgotten with its last image", () => {
  let lock = withRelease(withRelease(empty, "a", release("1")), "b", release("1"));
  lock = withRetired(withRelease(lock, "a", release("2")), { "1": "2026-11-28", "2": "2026-11-28" });
  lock = withoutRelease(lock, "a", "1");
  expect(Object.keys(lock.retired ?? {})).toEqual(["1", "2"]);
  expect(withoutRelease(lock, "b", "1").retired).toEqual({ "2": "2026-11-28" });
  expect(withRetired(lock, { "1": undefined, "2": undefined })).not.toHaveProperty("retired");
  expect(withRetired(lock, {})).toBe(lock);
});
