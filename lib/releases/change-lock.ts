import { resolve } from "node:path";
import { sha256 } from "../fingerprint/digest";
import { Cache, cacheRoot } from "../runner/cache/cache";
import { privateFolder } from "../runner/host/private-files";
import { acquireLock } from "../runner/processes/file-lock";
import { type ReleaseLock, readLock, writeLock } from "./release-lock";

/**
 * Reads the lock, changes it and writes it. Two images of one deploy are registered at the same time: one after the other,
 * by a lock in the cache, which all shells of a user share.
 *
 * @param read how it is read @default {@link readLock}
 * @returns whether anything changed
 */
export async function changeLock(
  path: string,
  change: (lock: ReleaseLock) => ReleaseLock,
  read: (file: string) => ReleaseLock = readLock,
): Promise<boolean> {
  const file = resolve(path);
  const { root, locks } = new Cache(cacheRoot());
  privateFolder(root);
  const held = await acquireLock(locks, `release-lock-${sha256(file).slice(0, 16)}`, () => {});
  try {
    const before = read(file);
    const after = change(before);
    writeLock(file, after);
    return JSON.stringify(before) !== JSON.stringify(after);
  } finally {
    await held.release();
  }
}
