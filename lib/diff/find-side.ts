/** Finds what is written down of an image: a release of the lock, an artifact of the cache, a folder or a file. */
import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { usageError } from "../errors";
import { short } from "../fingerprint/digest";
import { hasArtifactFiles, readArtifactFiles } from "../releases/artifact-files";
import { chooseArtifact, findRelease } from "../releases/choose-artifact";
import { readProvenance } from "../releases/provenance";
import { releaseFolder } from "../releases/release-files";
import { type Release, readLock } from "../releases/release-lock";
import type { Cache } from "../runner/cache/cache";
import { chainOf } from "../runner/cache/chain";
import { readBill } from "../runner/guest/read-sbom";
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
  if (hasArtifactFiles(kept)) return { ...(await artifactAt(kept, title)), imageBytes };
  if (typeof (await cache.manifest(fingerprint)) === "object") {
    return { ...(await cachedSide(title, fingerprint, cache)), imageBytes };
  }
  const noBill = `neither ${kept} nor the cache has it`;
  return { title, template, fingerprint, imageBytes, noBill };
}

/** What the cache knows of an artifact. */
export async function cachedSide(title: string, fingerprint: string, cache: Cache): Promise<Side> {
  const side = await artifactAt(cache.folder(fingerprint), title);
  const report = (await readProvenance(cache, fingerprint))?.report?.report;
  return { ...side, layerBytes: await layersOf(cache, fingerprint), ...(report && { report }) };
}

/** What each layer takes in the cache, the first one first. */
async function layersOf(cache: Cache, fingerprint: string): Promise<Record<string, number>> {
  const chain = await chainOf(cache, fingerprint);
  return Object.fromEntries(chain.reverse().map(({ template, disk }) => [template, disk.bytes]));
}

async function artifactAt(folder: string, title: string): Promise<Side> {
  const { manifest, bill, report } = await readArtifactFiles(folder);
  const { template, fingerprint, createdAt: built, disk } = manifest;
  return {
    ...{ title, template, fingerprint, built },
    layerBytes: { [template]: disk.bytes },
    ...(report && { report }),
    ...(bill ? { bill } : { noBill: "it has no bill of materials" }),
  };
}
