/** `visa-image report`: all that is known of a release, as one file of HTML. */
import { resolve } from "node:path";
import { compareSides } from "../diff/compare";
import { findSide } from "../diff/find-side";
import { VisaImageError } from "../errors";
import { chooseArtifact, findRelease, type NamedRelease, releasesOf } from "../releases/choose-artifact";
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
  const { name: fingerprint, manifest, unusable } = await chooseArtifact(name, cache, lock);
  if (!manifest) {
    throw new VisaImageError(`the artifact "${fingerprint}" cannot be read: ${unusable}`, {
      fix: "build it again; visa-image cache clear removes what was set aside",
    });
  }
  const { template } = manifest;
  const named = findRelease(name, lock) ?? releasesOf(lock, fingerprint).at(-1);
  const release = named && { ...named.release, image: named.image };
  const page = await readPage({ cache, fingerprint, template, release });
  const before = named && releaseBefore(named, lock);
  const [a, b] = before ? [before.release, named.release.release] : [];
  const places = { cache, lockFile: options.lockFile };
  const difference = a && b && compareSides(await findSide(a, places), await findSide(b, places));
  const file = writePage({ ...page, ...(difference && { difference }) }, options.html);
  process.stdout.write(`${file}\n`);
}

/** The release that the lock has before another one of the same image. */
function releaseBefore({ image, release }: NamedRelease, { images }: ReleaseLock): Release | undefined {
  const releases = images[image] ?? [];
  return releases[releases.findIndex((each) => each.release === release.release) - 1];
}
