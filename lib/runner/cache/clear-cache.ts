/** Makes room in the artifact cache, without taking away what others stand on. */
import { readdir, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { VisaImageError } from "../../errors";
import { type CheckpointEntry, checkpointEntries, removeFolder } from "../checkpoints/store";
import { readOwner } from "../processes/file-lock";
import { isAlive } from "../processes/processes";
import type { Cache } from "./cache";
import { type CacheEntry, cacheEntries, SET_ASIDE } from "./cache-entries";
import { cleanUpAbandoned, readScratchOwner } from "./scratch";

/** Which entries are to go: all that fit both. */
export interface ClearOptions {
  /** @default - of any age */
  readonly olderThanMs?: number;
  /** @default - of any size */
  readonly largerThanBytes?: number;
  /** Whether nothing is to be removed. @default false */
  readonly dryRun?: boolean;
  /** @default Date.now() */
  readonly now?: number;
}

/** What goes, and what would have gone. */
export interface Cleared {
  readonly entries: readonly ClearedEntry[];
  /** Folders of checkpoints that fit, or whose parent goes: all of them went. */
  readonly checkpoints: readonly CheckpointEntry[];
}

/** What became of an entry that fits. */
export interface ClearedEntry {
  readonly entry: CacheEntry;
  /** Names of what stands on it, for which it is kept; empty where it went. */
  readonly keptFor: readonly string[];
}

/**
 * Removes entries by age and size. What an entry that stays stands on stays too, since it is worth nothing without.
 *
 * @throws VisaImageError where a build or a verification runs: it may stand on what would go
 */
export async function clearCache(cache: Cache, options: ClearOptions): Promise<Cleared> {
  const { olderThanMs = Number.NEGATIVE_INFINITY, largerThanBytes = 0, dryRun = false, now = Date.now() } = options;
  await cache.prepare();
  await cleanUpAbandoned(cache);
  await refuseWhileUsed(cache);
  const entries = await cacheEntries(cache);
  const fits = (entry: { readonly time: number; readonly bytes: number }) =>
    now - entry.time >= olderThanMs && entry.bytes >= largerThanBytes;
  const going = new Set(entries.filter(fits));
  const children = (entry: CacheEntry) => entries.filter((each) => each.manifest && each.parent === entry.name);
  const staysFor = (entry: CacheEntry) => children(entry).filter((child) => !going.has(child));
  const keptFor = new Map<CacheEntry, readonly CacheEntry[]>();
  // What stays keeps what is below it, which keeps what is below that.
  for (let changed = true; changed; ) {
    changed = false;
    for (const entry of going) {
      const stays = staysFor(entry);
      if (stays.length === 0) continue;
      keptFor.set(entry, stays);
      going.delete(entry);
      changed = true;
    }
  }
  // Nothing is kept for checkpoints: they save time, and are made again.
  const gone = (fingerprint?: string) => !entries.some((each) => each.name === fingerprint && !going.has(each));
  const checkpoints = (await checkpointEntries(cache)).filter((each) => fits(each) || gone(each.parent));
  if (!dryRun) {
    for (const { folder } of checkpoints) await removeFolder(folder);
    for (const entry of going) await remove(cache, entry);
  }
  const cleared = entries
    .filter(fits)
    .map((entry) => ({ entry, keptFor: (keptFor.get(entry) ?? []).map(({ name }) => name) }));
  return { entries: cleared, checkpoints };
}

/** Out of the way first: a removal that is cut short leaves nothing that looks like an artifact. */
async function remove(cache: Cache, entry: CacheEntry): Promise<void> {
  const folder = join(cache.artifacts, entry.name);
  if (!entry.manifest && SET_ASIDE.test(entry.name)) {
    await rm(folder, { recursive: true, force: true });
    return;
  }
  const aside = `${folder}.cleared-${process.pid}`;
  await rename(folder, aside);
  await rm(aside, { recursive: true, force: true });
}

async function refuseWhileUsed(cache: Cache): Promise<void> {
  const owners = (await readdir(cache.locks))
    .filter((name) => name.endsWith(".owner"))
    .map((name) => readOwner(join(cache.locks, name)));
  const scratches = await Promise.all(
    (await readdir(cache.scratch)).map(async (name) => {
      const owner = await readScratchOwner(join(cache.scratch, name));
      return owner && { ...owner.worker, host: owner.host };
    }),
  );
  const user = [...owners, ...scratches].find((each) => each && (each.host !== hostname() || isAlive(each)));
  if (!user) return;
  throw new VisaImageError(`the cache "${cache.root}" is in use, by process ${user.pid} on ${user.host}`, {
    fix: "wait until the build or verification has ended",
  });
}
