import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Provenance } from "../../lib/releases/provenance";
import { forgetRelease, keepReleaseFiles, releaseFolder } from "../../lib/releases/release-files";
import { type Release, readLock, withoutRelease, writeLock } from "../../lib/releases/release-lock";
import { scratchFolder } from "../support/scratch";

const RELEASE = "0123456789ab";
let folder: string;
let lockFile: string;

beforeEach(() => {
  folder = scratchFolder();
  lockFile = join(folder, "project", "visa-images.lock.json");
  mkdirSync(join(folder, "project"));
  process.env.VISA_IMAGE_CACHE = join(folder, "cache");
});
afterEach(() => {
  delete process.env.VISA_IMAGE_CACHE;
});

function provenance(source?: object): Provenance {
  const file = (name: string) => {
    writeFileSync(join(folder, name), `of ${name}`);
    return { path: join(folder, name), sha256: "" };
  };
  const manifest = { source } as unknown as Provenance["manifest"];
  return {
    manifest,
    parents: [],
    manifestFile: file("manifest.json"),
    sbom: { ...file("sbom.cdx.json"), packages: 1 },
    report: { ...file("report.json"), report: {} as never },
  };
}

test("a release's files lie beside the lock, and stay where another machine knows less", async () => {
  await keepReleaseFiles(lockFile, RELEASE, provenance());
  const kept = releaseFolder(lockFile, RELEASE);
  expect(kept).toBe(join(folder, "project", "visa-images.releases", RELEASE));
  expect(readdirSync(kept).sort()).toEqual(["manifest.json", "report.json", "sbom.cdx.json"]);
  const { report: _, ...unverified } = provenance();
  await keepReleaseFiles(lockFile, RELEASE, unverified);
  expect(readFileSync(join(kept, "report.json"), "utf8")).toBe("of report.json");
});

test("of an image that another machine built nothing is written", async () => {
  await keepReleaseFiles(lockFile, RELEASE, provenance({ imageId: "x" }));
  expect(existsSync(releaseFolder(lockFile, RELEASE))).toBe(false);
});

test("they go with the last image that has the release, and nothing else goes", async () => {
  const release = (digits: string): Release => ({
    ...{ release: digits, fingerprint: "ab".repeat(32), template: "t", name: "n", diskFormat: "raw" },
    ...{ imageId: "i", sha512: "00", sizeBytes: 1, registered: "2026-11-28T10:00:00Z" },
  });
  // A lock can be edited by hand.
  const images = { "a/b": [release(RELEASE), release("..")], "a/c": [release(RELEASE)] };
  writeLock(lockFile, { version: 1, images });
  await keepReleaseFiles(lockFile, RELEASE, provenance());
  const forget = (image: string, digits: string) =>
    forgetRelease(lockFile, digits, (lock) => withoutRelease(lock, image, digits));
  expect(await forget("a/b", RELEASE)).toBe(true);
  expect(existsSync(releaseFolder(lockFile, RELEASE))).toBe(true);
  expect(await forget("a/c", RELEASE)).toBe(true);
  expect(existsSync(releaseFolder(lockFile, RELEASE))).toBe(false);
  expect(await forget("a/b", "..")).toBe(true);
  expect(existsSync(lockFile)).toBe(true);
  expect(readLock(lockFile).images).toEqual({});
});
