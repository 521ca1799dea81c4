/**
 * Folders and files of this user alone. Whoever else may write to the folder above (as everybody may to /tmp) can lay a
 * folder or a link at any name that is known in advance: what is not ours is refused, and no link is written through.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { ExitCode, VisaImageError } from "../../errors";

/** Mode bits by which others may read, write or pass. */
const OTHERS = 0o077;

const FIX = "remove it, or let VISA_IMAGE_CACHE name a folder of your own";

/**
 * Makes a folder that only this user may enter (0700), or takes the one that is there: it has to be this user's, and is
 * closed to others where it was open to them. A link of this user's own, or of root's, may stand in its place.
 *
 * @throws VisaImageError where it belongs to somebody else
 */
export function privateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const own = process.getuid?.() ?? 0;
  const link = lstatSync(path);
  if (link.isSymbolicLink() && link.uid !== own && link.uid !== 0) throw foreign(path, "a link of", link.uid);
  const { uid, mode } = statSync(path);
  if (uid !== own) throw foreign(path, "a folder of", uid);
  if ((mode & OTHERS) === 0) return;
  try {
    chmodSync(path, mode & 0o700);
  } catch {
    // A file system that is read-only, or knows no modes: whoever mounted it decides.
  }
}

/**
 * Writes a file that only this user may read, in one step: whoever reads it finds the text before or this one, and a link
 * that stands there is replaced and not followed.
 *
 * @param durable whether it is on the disk when this returns. @default false
 */
export function writePrivateFile(path: string, text: string, durable = false): void {
  preparePrivateFile(path, text, durable)();
}

/** The first half of {@link writePrivateFile}, which a full disk may refuse; returns the second one. */
export function preparePrivateFile(path: string, text: string, durable = false): () => void {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.new`;
  const file = openSync(temporary, "wx", 0o600);
  try {
    writeFileSync(file, text);
    if (durable) fsyncSync(file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  return () => {
    try {
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  };
}

/** Opens a file to add to, that only this user may read; returns its number. Fails where a link stands in its place. */
export function openPrivateLog(path: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
}

function foreign(path: string, what: string, uid: number): VisaImageError {
  return new VisaImageError(`"${path}" is ${what} user ${uid}, who could change or read what is kept there`, {
    fix: FIX,
    exitCode: ExitCode.USAGE,
  });
}
