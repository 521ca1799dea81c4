import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openMirror } from "../../lib/stale/mirror-files";
import { PackageIndexes } from "../../lib/stale/package-indexes";
import { scratchFolder } from "../support/scratch";
import { type SuiteFiles, writeMirror } from "./mirror";

const OCTOBER = "Thu, 01 Oct 2026 10:00:00 UTC";
const NOVEMBER = "Sun, 01 Nov 2026 10:00:00 UTC";
const iso = (date: string) => new Date(date).toISOString();

/** Neither gpgv nor xz: what they do is tested elsewhere, and a mirror's small indexes are packed with gzip. */
const path = process.env.PATH;
beforeEach(() => {
  process.env.PATH = "/nowhere";
});
afterEach(() => {
  process.env.PATH = path;
});

function setUp() {
  const folder = scratchFolder();
  const kept = join(folder, "indexes");
  const indexes = new PackageIndexes(kept);
  const update = (files: SuiteFiles, suite = "bookworm") =>
    indexes.update(suite, openMirror(writeMirror(join(folder, "debian"), { [suite]: files }), {}));
  const mirror = join(folder, "debian");
  const packed = join(mirror, "dists", "bookworm", "main", "binary-amd64", "Packages.gz");
  return { folder, kept, indexes, update, mirror, packed };
}

test("the first index says since when it is known, and not since when a package is there", async () => {
  const { indexes, update, kept } = setUp();
  await update({ date: OCTOBER, packages: ["libssl3 3.0.17-1 openssl", "nano 7.2"] });
  const index = indexes.read("bookworm");
  expect(index).toMatchObject({ suite: "bookworm", date: iso(OCTOBER), first: iso(OCTOBER), checked: false });
  expect(index?.find("libssl3")).toEqual({ version: "3.0.17-1", source: "openssl" });
  expect(index?.find("nano")).toEqual({ version: "7.2", source: "nano" });
  expect(index?.find("constructor")).toBeUndefined();
  expect(readFileSync(join(kept, "bookworm.json"), "utf8")).toContain("BEGIN PGP SIGNED MESSAGE");
});

test("a later one says since when each new version is there, and keeps that", async () => {
  const { update } = setUp();
  await update({ date: OCTOBER, packages: ["openssl 3.0.17-1", "nano 7.2"] });
  await update({ date: NOVEMBER, packages: ["openssl 3.0.17-2", "nano 7.2", "vim 9"] });
  const last = await update({
    date: "Tue, 01 Dec 2026 10:00:00 UTC",
    packages: ["openssl 3.0.17-2", "nano 7.2", "vim 9"],
  });
  expect(last?.find("openssl")).toEqual({ version: "3.0.17-2", source: "openssl", since: iso(NOVEMBER) });
  expect(last?.find("vim")?.since).toBe(iso(NOVEMBER));
  expect(last?.find("nano")?.since).toBeUndefined();
  expect(last?.first).toBe(iso(OCTOBER));
});

test("files are taken under their checksum, where a mirror has them there", async () => {
  const { update, packed } = setUp();
  const index = await update({ date: OCTOBER, packages: ["nano 7.2"], byHash: true });
  expect(existsSync(packed)).toBe(false);
  expect(index?.find("nano")?.version).toBe("7.2");
});

test("a mirror that is behind does not take back what is known", async () => {
  const { update } = setUp();
  await update({ date: NOVEMBER, packages: ["nano 7.3"] });
  const index = await update({ date: OCTOBER, packages: ["nano 7.2"] });
  expect(index?.find("nano")?.version).toBe("7.3");
});

test("a suite that a mirror need not have", async () => {
  const { indexes, mirror } = setUp();
  await expect(indexes.update("bookworm-updates", openMirror(mirror, {}), { optional: true })).resolves.toBeUndefined();
  await expect(indexes.update("bookworm", openMirror(mirror, {}))).rejects.toThrow(
    `there is no "${mirror}/dists/bookworm/InRelease"`,
  );
});

test("fails for a Packages file that is cut off, and keeps the index that was there", async () => {
  const { folder, indexes, update, packed } = setUp();
  await update({ date: OCTOBER, packages: ["nano 7.2"] });
  const mirror = writeMirror(join(folder, "debian"), { bookworm: { date: NOVEMBER, packages: ["nano 7.3"] } });
  truncateSync(packed, 30);
  await expect(indexes.update("bookworm", openMirror(mirror, {}))).rejects.toThrow(
    /Packages.gz" is cut off: 30 bytes of/,
  );
  expect(indexes.read("bookworm")?.find("nano")?.version).toBe("7.2");
});

test("fails for other bytes than the Release file lists", async () => {
  const { folder, indexes, packed } = setUp();
  const mirror = writeMirror(join(folder, "debian"), { bookworm: { date: OCTOBER, packages: ["nano 7.2"] } });
  writeFileSync(packed, Buffer.alloc(5000));
  await expect(indexes.update("bookworm", openMirror(mirror, {}))).rejects.toThrow(
    "is not what the Release file lists",
  );
  expect(indexes.read("bookworm")).toBeUndefined();
});

test("fails for a mirror without an index that can be read, such as one packed with xz without xz", async () => {
  const { folder, indexes, packed } = setUp();
  const mirror = writeMirror(join(folder, "debian"), { bookworm: { date: OCTOBER, packages: ["nano 7.2"] } });
  rmSync(packed);
  await expect(indexes.update("bookworm", openMirror(mirror, {}))).rejects.toThrow("install xz-utils");
});

test("fails for a kept index that is damaged, which the next update replaces", async () => {
  const { kept, indexes, update } = setUp();
  mkdirSync(kept, { recursive: true });
  for (const text of ['{"version":1,"suite":"book', '{"version":99}', "null"]) {
    writeFileSync(join(kept, "bookworm.json"), text);
    expect(() => indexes.read("bookworm")).toThrow("is cut off, or of another version of this package");
  }
  await update({ date: OCTOBER, packages: ["nano 7.2"] });
  expect(indexes.read("bookworm")?.find("nano")?.version).toBe("7.2");
});
