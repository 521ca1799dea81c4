/** Which artifact of the cache a person means. */
import { ExitCode, VisaImageError } from "../errors";
import { suggestion } from "../nearest";
import type { Cache } from "../runner/cache/cache";
import { type CacheEntry, cacheEntries, SET_ASIDE } from "../runner/cache/cache-entries";
import type { Release, ReleaseLock } from "./release-lock";

/** A release, and `<stack>/<id>` of its image. */
export interface NamedRelease {
  readonly image: string;
  readonly release: Release;
}

/**
 * Finds an artifact by a template, for its newest one; by the first digits of its fingerprint; or by a release that the
 * lock knows: its digits, or its image's id in Glance.
 *
 * @throws VisaImageError where there is none, or more than one
 */
export async function chooseArtifact(name: string, cache: Cache, lock: ReleaseLock): Promise<CacheEntry> {
  // The newest are first.
  const artifacts = (await cacheEntries(cache)).filter((entry) => !SET_ASIDE.test(entry.name));
  const newest = artifacts.find(({ manifest }) => manifest?.template === name);
  if (newest) return newest;
  const found = /^[0-9a-f]{4,64}$/.test(name) ? artifacts.filter((artifact) => artifact.name.startsWith(name)) : [];
  const [first] = found;
  if (first && found.length === 1) return first;
  const named = findRelease(name, lock);
  const released = named && artifacts.find((artifact) => artifact.name === named.release.fingerprint);
  if (released) return released;
  if (named) {
    throw new VisaImageError(`the cache "${cache.root}" does not have the artifact of release "${name}"`, {
      fix: `name the cache of the machine that built it (VISA_IMAGE_CACHE), or build it: visa-image build ${named.release.template}`,
      exitCode: ExitCode.USAGE,
    });
  }
  const templates = [...new Set(artifacts.flatMap(({ manifest }) => manifest?.template ?? []))];
  throw new VisaImageError(
    first ? `"${name}" begins ${found.length} fingerprints` : `the cache "${cache.root}" has no artifact "${name}"`,
    {
      fix: first
        ? `give more digits: ${found.map((artifact) => artifact.name.slice(0, 16)).join(", ")}`
        : `${suggestion(name, templates, "templates")}; visa-image cache list shows all`,
      exitCode: ExitCode.USAGE,
    },
  );
}

/** The release that a lock has by its digits, or by its image's id in Glance. */
export function findRelease(name: string, lock: ReleaseLock): NamedRelease | undefined {
  return allReleases(lock).find(({ release }) => release.release === name || release.imageId === name);
}

/** The releases that were made of an artifact. */
export function releasesOf(lock: ReleaseLock, fingerprint: string): NamedRelease[] {
  return allReleases(lock).filter(({ release }) => release.fingerprint === fingerprint);
}

function allReleases({ images }: ReleaseLock): NamedRelease[] {
  return Object.entries(images).flatMap(([image, releases]) => releases.map((release) => ({ image, release })));
}
