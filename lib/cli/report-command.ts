/** `visa-image report`: all that is known of a release, as one file of HTML. */
import { resolve } from "node:path";
import { compareSides } from "../diff/compare";
import { findSide } from "../diff/find-side";
import { VisaImageError } from "../errors";
import { hasArtifactFiles } from "../releases/artifact-files";
import { chooseArtifact, findRelease, type NamedRelease, releasesOf } from "../releases/choose-artifact";
import { releaseFolder } from "../releases/release-files";
import { type Release, type ReleaseLock, readLock } from "../releases/release-lock";
import { readPage } from "../report/read-page";
import { writePage } from "../report/write-page";
import { Cache, cacheRoot } from "../runner/cache/cache";

/** Options of the command. */
export interface ReportCommandOptions {
  readonly html: string;
  readonly cache?: string;
  readonly lockFile: string;
}

/** Runs the command. */
export async function runReport(name: string, options: ReportCommandOptions): Promise<void> {
  const cache = new Cache(options.cache ? resolve(options.cache) : cacheRoot());
  const lock = readLock(options.lockFile);
  const { fingerprint, template, named } = await subjectOf(name, cache, lock, options.lockFile);
  const release = named && { ...named.release, image: named.image };
  const kept = named && releaseFolder(options.lockFile, named.release.release);
  const page = await readPage({ cache, fingerprint, template, release, ...(kept && { kept }) });
  const before = named && releaseBefore(named, lock);
  const [a, b] = before ? [before.release, named.release.release] : [];
  const places = { cache, lockFile: options.lockFile };
  const difference = a && b && compareSides(await findSide(a, places), await findSide(b, places));
  const file = writePage({ ...page, ...(difference && { difference }) }, options.html);
  process.stdout.write(`${file}\n`);
}

/** The artifact that is meant, and its release: by the cache, or by what is kept of the release beside the lock. */
async function subjectOf(name: string, cache: Cache, lock: ReleaseLock, lockFile: string) {
  const named = findRelease(name, lock);
  if (named && hasArtifactFiles(releaseFolder(lockFile, named.release.release))) {
    const { fingerprint, template } = named.release;
    return { fingerprint, template, named };
  }
  const { name: fingerprint, manifest, unusable } = await chooseArtifact(name, cache, lock);
  if (!manifest) {
    throw new VisaImageError(`the artifact "${fingerprint}" cannot be read: ${unusable}`, {
      fix: "build it again; visa-image cache clear removes what was set aside",
    });
  }
  return { fingerprint, template: manifest.template, named: named ?? releasesOf(lock, fingerprint).at(-1) };
}

/** The release that the lock has before another one of the same image. */
function releaseBefore({ image, release }: NamedRelease, { images }: ReleaseLock): Release | undefined {
  const releases = images[image] ?? [];
  return releases[releases.findIndex((each) => each.release === release.release) - 1];
}
