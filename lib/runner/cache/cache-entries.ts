/** What the artifact cache holds. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "../../presence";
import type { DiskFormat } from "../../specification";
import type { ArtifactManifest, Cache } from "./cache";

/** A folder below `artifacts`. */
export interface CacheEntry {
  /** Its name: a fingerprint, or one with `.damaged-` or `.stale-` and a time. */
  readonly name: string;
  /** `undefined` where its manifest cannot be read. */
  readonly template?: string;
  /** Fingerprint of the artifact that it stands on. */
  readonly parent?: string;
  /** What it takes on the disk, its flattened disks too. */
  readonly bytes: number;
  /** When it was built, or set aside: milliseconds since 1970. */
  readonly time: number;
  /** Formats of the flattened disks that are kept beside its own. */
  readonly flat: readonly DiskFormat[];
  /** What was written down of it; `undefined` where no build may use it. */
  readonly manifest?: ArtifactManifest;
  /** Why no build may use it. */
  readonly unusable?: string;
}

const ARTIFACT = /^[0-9a-f]{64}$/;
export const SET_ASIDE = /^[0-9a-f]{64}\.(damaged|stale|cleared)-/;

/** All entries, the newest first. */
export async function cacheEntries(cache: Cache): Promise<CacheEntry[]> {
  const names = await readdir(cache.artifacts).catch(() => []);
  const wanted = names.filter((name) => ARTIFACT.test(name) || SET_ASIDE.test(name));
  const entries = await Promise.all(wanted.map((name) => readEntry(cache, name)));
  return entries.sort((a, b) => b.time - a.time);
}

async function readEntry(cache: Cache, name: string): Promise<CacheEntry> {
  const folder = join(cache.artifacts, name);
  const flat: DiskFormat[] = [];
  for (const format of ["raw", "qcow2"] as const) if (await exists(cache.flat(name, format))) flat.push(format);
  const common = { name, bytes: await folderBytes(folder), flat };
  const manifest = ARTIFACT.test(name) ? await cache.manifest(name) : undefined;
  if (typeof manifest === "object") {
    const { template, parent, createdAt } = manifest;
    return { ...common, template, parent: parent?.fingerprint, time: Date.parse(createdAt), manifest };
  }
  const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: 0 }));
  const unusable = manifest ?? SET_ASIDE.exec(name)?.[1] ?? "it is gone";
  return { ...common, template: await templateOf(folder), time: mtimeMs, unusable };
}

async function templateOf(folder: string): Promise<string | undefined> {
  try {
    const { template } = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as { template?: unknown };
    return typeof template === "string" ? template : undefined;
  } catch {
    return undefined;
  }
}

/** What files take, holes left out. */
export async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    bytes += await stat(join(folder, name)).then(
      ({ blocks }) => blocks * 512,
      () => 0,
    );
  }
  return bytes;
}
