/**
 * What speaks for a release, beside the lock in the repository: `visa-images.releases/<12 digits>/` with the manifest, the
 * bill of materials and the report of its build. The cache has them too, but only on the machine that built it, and only
 * until it is cleared. The image in Glance has the SHA-256 of each (provenance.ts).
 */
import { copyFile, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SBOM_FILE } from "../runner/cache/cache";
import { REPORT_FILE } from "../verify/verify-report";
import { changeLock } from "./change-lock";
import type { Provenance } from "./provenance";
import { type ReleaseLock, readLock } from "./release-lock";

/** The folder beside the lock. */
export const RELEASES_FOLDER = "visa-images.releases";

/** The folder of a release. @param lockFile path of the lock @param release its 12 digits */
export function releaseFolder(lockFile: string, release: string): string {
  return join(dirname(lockFile), RELEASES_FOLDER, release);
}

/** Writes them down; what this machine does not know stays as it is. */
export async function keepReleaseFiles(lockFile: string, release: string, provenance: Provenance): Promise<void> {
  const { manifest, manifestFile, sbom, report } = provenance;
  // Of an image that another machine built, this one's manifest says only where it came from.
  if (manifest.source) return;
  const folder = releaseFolder(lockFile, release);
  await mkdir(folder, { recursive: true });
  await copyFile(manifestFile.path, join(folder, "manifest.json"));
  if (sbom) await copyFile(sbom.path, join(folder, SBOM_FILE));
  if (report) await copyFile(report.path, join(folder, REPORT_FILE));
}

/**
 * Takes a release out of the lock, and its files away once no image of the lock has it any more.
 *
 * @param change how it is taken out
 * @returns whether the lock had it
 */
export async function forgetRelease(
  lockFile: string,
  release: string,
  change: (lock: ReleaseLock) => ReleaseLock,
): Promise<boolean> {
  const changed = await changeLock(lockFile, change);
  const left = Object.values(readLock(lockFile).images).flat();
  // The digits are a folder's name here, and a lock can be edited by hand.
  const forgotten = /^[0-9a-f]{12}$/.test(release) && !left.some((each) => each.release === release);
  if (forgotten) await rm(releaseFolder(lockFile, release), { recursive: true, force: true });
  return changed;
}
