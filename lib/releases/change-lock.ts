import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { sha256 } from "../fingerprint/digest";
import { acquireLock } from "../runner/cache/file-lock";
import { type Lock, readLock, writeLock } from "./release-lock";

/**
 * Reads the lock, changes it and writes it. Two images of one deploy are registered at the same time: one after the other.
 *
 * @param read how it is read @default {@link readLock}
 * @returns whether anything changed
 */
export async function changeLock(
  path: string,
  change: (lock: Lock) => Lock,
  read: (file: string) => Lock = readLock,
): Promise<boolean> {
  const file = resolve(path);
  const name = sha256(file).slice(0, 16);
  const held = await acquireLock(join(tmpdir(), `visa-images-${userInfo().uid}`), name, () => {});
  try {
    const before = read(file);
    const after = change(before);
    writeLock(file, after);
    return JSON.stringify(before) !== JSON.stringify(after);
  } finally {
    await held.release();
  }
}
