/** What is kept of how the release in use boots, beside the lock. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { KeptBoot } from "../verify/boot-report";
import { REPORT_FILE, type VerifyReport } from "../verify/verify-report";
import { releaseFolder } from "./release-files";
import { readLock } from "./release-lock";

/**
 * How the release in use of an image booted when it was verified; or why that is not known.
 *
 * @param image `<stack>/<id>`
 */
export function bootInUse(lockFile: string, image: string): KeptBoot | string {
  const inUse = readLock(lockFile).images[image]?.at(-1);
  if (!inUse) return `"${image}" has no release in use: this one is the first to be compared with`;
  const { release } = inUse;
  const file = join(releaseFolder(lockFile, release), REPORT_FILE);
  let report: Partial<VerifyReport>;
  try {
    report = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return `nothing is kept of how the release in use (${release}) boots: there is no ${file}`;
  }
  const { boot, accelerator = "" } = report;
  if (!boot) return `nothing is kept of how the release in use (${release}) boots: ${file} is of an earlier version`;
  return { release, accelerator, boot };
}
