/** The disk that Glance gets: one full copy, sparse, in the cache beside its overlay and from there where it is wanted. */

import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { VisaImageError } from "../errors";
import { short } from "../fingerprint/digest";
import { exists } from "../presence";
import type { DiskFormat } from "../specification";
import type { BuildReport } from "./build-report";
import { type ArtifactManifest, FLAT_VERSION, type FlatManifest } from "./cache/cache";
import { checkDiskSize, copyDisk, flattenDisk, replaceLink, virtualSizeOf } from "./cache/disks";
import { createScratch, removeScratch } from "./cache/scratch";
import type { BuildContext, Item, Output } from "./context";
import type { Masker } from "./output/masking";
import { size } from "./output/progress";
import { endStrays } from "./processes/strays";

/** The flattened disk that the cache has; nothing, and a warning, for one that is damaged. */
export async function cachedFlat(
  context: BuildContext,
  item: Item,
  format: DiskFormat,
): Promise<FlatManifest | undefined> {
  const { cache, progress } = context;
  const flat = await checkFlat(context, item, format);
  if (!flat && (await exists(cache.flat(item.fingerprint, format)))) {
    progress.warn(`the flattened disk of "${item.name}" in the cache is damaged: it is made again`);
  }
  return flat;
}

/** It is read whole where it is handed over now: to Glance, or as a copy. */
function checkFlat({ cache, options }: BuildContext, item: Item, format: DiskFormat) {
  const stays = options.flatten && !options.flatten.copyTo;
  return cache.checkFlat(item.fingerprint, format, stays ? "quick" : "full");
}

/**
 * Flattens an item of the cache, whose lock is held.
 *
 * @param fresh whether it was made just now: its steps count this one already
 * @throws VisaImageError for a disk that is larger than the output allows
 */
export async function flatten(
  context: BuildContext,
  item: Item,
  output: Output,
  masker: Masker,
  fresh: boolean,
): Promise<FlatManifest> {
  const { cache, progress, items } = context;
  // Whoever had the lock may have made it meanwhile.
  const there = await checkFlat(context, item, output.format);
  if (there) return there;
  const manifest = await cache.manifest(item.fingerprint);
  if (typeof manifest !== "object") throw new VisaImageError(`the disk of "${item.name}" is gone from the cache`);
  const virtualSize = await virtualSizeOf(cache.disk(item.fingerprint), masker);
  checkDiskSize(item.name, virtualSize / 2 ** 30, output.minDiskGb);
  if (!fresh) progress.startLayer(item.name, items.length, items.length, 1);
  progress.startStep(`flattening to ${output.format}`);
  return convert(context, manifest, output.format, virtualSize, masker);
}

async function convert(
  { cache, progress }: BuildContext,
  { fingerprint, disk }: ArtifactManifest,
  format: DiskFormat,
  virtualSizeBytes: number,
  masker: Masker,
): Promise<FlatManifest> {
  const scratch = await createScratch(cache, short(fingerprint));
  try {
    const target = join(scratch.path, "flat");
    const made = await flattenDisk(cache.disk(fingerprint), target, {
      ...{ format, virtualSizeBytes, directory: scratch.path, masker },
      onDetail: (detail) => progress.detail(detail),
      onWhole: (reason) => progress.message(`the disk keeps its ${size(virtualSizeBytes)}: ${reason}`),
    });
    const flat = { version: FLAT_VERSION, format, ...made, sourceSha256: disk.sha256 } as const;
    await cache.publishFlat(fingerprint, target, flat);
    return flat;
  } finally {
    await endStrays();
    await removeScratch(scratch);
  }
}

/** Puts the disk where it was asked for: a link for Terraform, a copy for a person. */
export async function deliver(
  { cache, options, directory }: BuildContext,
  { fingerprint }: Item,
  { path: asked, format }: Output,
  flat: FlatManifest,
  masker: Masker,
): Promise<Omit<NonNullable<BuildReport["output"]>, "flattened" | "seconds">> {
  const file = cache.flat(fingerprint, format);
  const copyTo = options.flatten?.copyTo;
  if (copyTo) await copyDisk(file, copyTo, masker);
  const path = asked && resolve(directory, asked);
  if (path) await replaceLink(path, file);
  const { blocks } = await stat(file);
  const { bytes, virtualSizeBytes, digest } = flat;
  return { path: copyTo ?? path ?? file, format, bytes, bytesOnDisk: blocks * 512, virtualSizeBytes, digest };
}
