/**
 * `visa-media.lock.json`: SHA-256 sums of media whose template states none, as they were when they were first used.
 *
 * It lies beside the template's manifest.yml and is committed with it. A build writes it, and is held to it afterwards.
 */
import { existsSync, readFileSync } from "node:fs";
import { ExitCode, VisaImageError } from "../errors";
import { replaceFile } from "../replace-file";

/** The file's name; no input of an image. */
export const MEDIA_LOCK_FILE = "visa-media.lock.json";

const MEDIA_LOCK_VERSION = 1;

/** Checksums (`sha256:…`) by medium: its URL, or its path from the template's folder. */
export type MediaLock = Readonly<Record<string, string>>;

/**
 * Reads a lock; a file that is not there is an empty one.
 * @throws VisaImageError where it is no lock
 */
export function readMediaLock(file: string): MediaLock {
  if (!existsSync(file)) return {};
  const fail = (what: string, cause?: unknown) =>
    new VisaImageError(what, {
      location: { file },
      fix: "take it from version control again; without it the medium is taken on first use once more",
      exitCode: ExitCode.USAGE,
      cause,
    });
  let lock: { version?: unknown; media?: unknown } | null;
  try {
    lock = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw fail("the lock of media is no JSON (a merge conflict?)", cause);
  }
  if (lock?.version !== MEDIA_LOCK_VERSION) {
    throw fail(`the lock of media has version ${JSON.stringify(lock?.version)}, expected ${MEDIA_LOCK_VERSION}`);
  }
  const { media } = lock;
  if (typeof media !== "object" || media === null) throw fail('the lock of media has no "media"');
  for (const [medium, checksum] of Object.entries(media)) {
    if (typeof checksum === "string" && /^sha256:[0-9a-f]{64}$/.test(checksum)) continue;
    throw fail(`the checksum of "${medium}" is ${JSON.stringify(checksum)}, expected "sha256:" and 64 hex digits`);
  }
  return media as MediaLock;
}

/** Adds a medium; the others stay. @throws VisaImageError where it cannot be written */
export function addToMediaLock(file: string, medium: string, checksum: string): void {
  const media = Object.entries({ ...readMediaLock(file), [medium]: checksum }).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify({ version: MEDIA_LOCK_VERSION, media: Object.fromEntries(media) }, undefined, 2);
  try {
    replaceFile(file, `${text}\n`);
  } catch (cause) {
    throw new VisaImageError(`cannot write the lock of media: ${(cause as Error).message}`, {
      location: { file },
      fix: `make its folder writable, or state the medium's checksum in manifest.yml: ${checksum}`,
      exitCode: ExitCode.USAGE,
      cause,
    });
  }
}
