/** `visa-image report`: all that is known of a release, as one file of HTML. */
import { resolve } from "node:path";
import { VisaImageError } from "../errors";
import { chooseArtifact, findRelease, releasesOf } from "../releases/choose-artifact";
import { readLock } from "../releases/release-lock";
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
  const file = writePage(await readPage({ cache, fingerprint, template, release }), options.html);
  process.stdout.write(`${file}\n`);
}
