/** Finds what is written down of an image: a release of the lock, an artifact of the cache, a folder or a file. */
import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { usageError, VisaImageError } from "../errors";
import { sha256, short } from "../fingerprint/digest";
import { chooseArtifact, findRelease } from "../releases/choose-artifact";
import { readProvenance } from "../releases/provenance";
import { releaseFolder } from "../releases/release-files";
import { type Release, readLock } from "../releases/release-lock";
import { type ArtifactManifest, type Cache, MANIFEST_VERSION, SBOM_FILE } from "../runner/cache/cache";
import { readBill } from "../runner/guest/read-sbom";
import { REPORT_FILE, type VerifyReport } from "../verify/verify-report";
import type { Side } from "./side";

/** Where {@link findSide} looks. */
export interface Places {
  readonly cache: Cache;
  /** Path of the lock of the releases. */
  readonly lockFile: string;
}

/**
 * What is known of an image.
 *
 * @param name a folder with a manifest.json, or a bill's file; an image of the lock (`<stack>/<id>`) for its release in
 *   use; a release by its first digits or its id in Glance; an artifact by the first digits of its fingerprint, or a template for
 *   its newest one
 * @throws VisaImageError where there is no such image, or one of its files cannot be read, or was changed
 */
export async function findSide(name: string, { cache, lockFile }: Places): Promise<Side> {
  if (existsSync(name)) {
    const path = resolve(name);
    if (statSync(path).isDirectory()) return artifactAt(path, name);
    if (basename(path) === "manifest.json") return artifactAt(dirname(path), name);
    const bill = readBill(await readFile(path, "utf8"), name);
    const { template, fingerprint, createdAt: built } = bill;
    return { title: name, template, fingerprint, built, bill };
  }
  const lock = readLock(lockFile);
  const { images } = lock;
  const inUse = images[name]?.at(-1);
  if (inUse) return releaseSide(name, inUse, { cache, lockFile });
  if (/^[0-9a-f]{4,12}$/.test(name)) {
    const all = Object.entries(images).flatMap(([image, releases]) => releases.map((release) => ({ image, release })));
    const [found, ...others] = all.filter(({ release }) => release.release.startsWith(name));
    // The same release may be of several images.
    if (found && others.every(({ release }) => release.release === found.release.release)) {
      return releaseSide(found.image, found.release, { cache, lockFile });
    }
  }
  const named = findRelease(name, lock);
  if (named) return releaseSide(named.image, named.release, { cache, lockFile });
  if (name.includes("/")) {
    const known = Object.keys(images).join(", ") || "none";
    throw usageError(
      `"${name}" is neither a file nor an image of the lock`,
      { file: lockFile },
      `known images: ${known}`,
    );
  }
  const { name: fingerprint, template } = await chooseArtifact(name, cache, lock);
  return cachedSide(`${template ?? "artifact"} ${short(fingerprint)}`, fingerprint, cache);
}

/** The releases of an image that came before the one in use, and that one. */
export function lastTwo(image: string, lockFile: string): readonly [string, string] {
  const releases = readLock(lockFile).images[image];
  if (!releases)
    throw usageError(
      `one name is enough for an image of the lock, and "${image}" is none`,
      { file: lockFile },
      "name two",
    );
  const [before, inUse] = releases.slice(-2);
  if (!before || !inUse) {
    throw usageError(`"${image}" has one release only`, { file: lockFile }, "name what it is to be compared with");
  }
  return [before.release, inUse.release];
}

async function releaseSide(image: string, release: Release, { cache, lockFile }: Places): Promise<Side> {
  const title = `release ${release.release} of ${image}`;
  const kept = releaseFolder(lockFile, release.release);
  const { sizeBytes: imageBytes, fingerprint, template } = release;
  // The cache may have built the same inputs again since.
  if (existsSync(join(kept, "manifest.json"))) return { ...(await artifactAt(kept, title)), imageBytes };
  if (typeof (await cache.manifest(fingerprint)) === "object") {
    return { ...(await cachedSide(title, fingerprint, cache)), imageBytes };
  }
  const noBill = `neither ${kept} nor the cache has it`;
  return { title, template, fingerprint, imageBytes, noBill };
}

async function cachedSide(title: string, fingerprint: string, cache: Cache): Promise<Side> {
  const side = await artifactAt(cache.folder(fingerprint), title);
  const report = (await readProvenance(cache, fingerprint))?.report?.report;
  return { ...side, layerBytes: await layersOf(cache, fingerprint), ...(report && { report }) };
}

/** What each layer takes in the cache, the first one first. */
async function layersOf(cache: Cache, fingerprint: string): Promise<Record<string, number>> {
  const manifest = await cache.manifest(fingerprint);
  if (typeof manifest !== "object") return {};
  const below = manifest.parent ? await layersOf(cache, manifest.parent.fingerprint) : {};
  return { ...below, [manifest.template]: manifest.disk.bytes };
}

/** What the files of a folder say. */
async function artifactAt(folder: string, title: string): Promise<Side> {
  const file = join(folder, "manifest.json");
  const manifest = parse<ArtifactManifest>(await read(file), file);
  if (manifest.version !== MANIFEST_VERSION) {
    throw usageError(
      `this manifest has version ${JSON.stringify(manifest.version)}, known is ${MANIFEST_VERSION}`,
      { file },
      "use the version of cdktf-visa-images that wrote it, or a later one",
    );
  }
  const { template, fingerprint, createdAt: built, sbom } = manifest;
  const bytes = manifest.disk?.bytes;
  if (typeof template !== "string" || typeof fingerprint !== "string" || typeof bytes !== "number") {
    throw usageError("this manifest is not whole", { file }, "take it from the cache or from Git again");
  }
  const reportFile = join(folder, REPORT_FILE);
  const report = existsSync(reportFile) ? parse<VerifyReport>(await read(reportFile), reportFile) : undefined;
  if (report && !Array.isArray(report.findings)) {
    throw usageError("this is no report of visa-image verify", { file: reportFile }, "take it from Git again");
  }
  return {
    ...{ title, template, fingerprint, built },
    layerBytes: { [template]: bytes },
    ...(report && { report }),
    ...(sbom ? { bill: await billAt(folder, sbom.sha256) } : { noBill: "it has no bill of materials" }),
  };
}

async function billAt(folder: string, expected: string) {
  const file = join(folder, SBOM_FILE);
  const text = await read(file);
  if (sha256(text) === expected) return readBill(text, file);
  throw new VisaImageError(
    "this bill of materials is not the one that was made with the image: its SHA-256 is another",
    {
      location: { file },
      fix: "it was changed, or cut off: take it from the cache or from Git again",
    },
  );
}

async function read(file: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: Error) => {
    throw usageError(
      `cannot be read: ${cause.message}`,
      { file },
      "name a folder with manifest.json and sbom.cdx.json",
      cause,
    );
  });
}

function parse<T extends object>(text: string, file: string): T {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as T;
  } catch (cause) {
    throw usageError(
      `this is no JSON, or was cut off: ${(cause as Error).message}`,
      { file },
      "take it from the cache or from Git again",
      cause,
    );
  }
  throw usageError("this is not what visa-image wrote", { file }, "take it from the cache or from Git again");
}
