import type { BuildContext, Item } from "./context";
import { acquireLock } from "./processes/file-lock";

/** Does something while nobody else builds the same item; says for whom it waits. */
export async function whileLocked<T>(
  { cache, progress }: BuildContext,
  { name, fingerprint }: Item,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await acquireLock(cache.locks, fingerprint, (owner) =>
    progress.message(
      owner
        ? `${name}: waiting for process ${owner.pid} of ${owner.user} on ${owner.host}, which builds it since ${owner.since}`
        : `${name}: waiting for another process that builds it`,
    ),
  );
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
