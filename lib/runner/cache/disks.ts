/** What is done to disk files, with qemu-img. */
import { chmod, lstat, mkdir, rename, rm, stat, symlink } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { ExitCode, VisaImageError } from "../../errors";
import type { DiskFormat } from "../../specification";
import type { Masker } from "../output/masking";
import { readTool, runToolOrFail } from "../processes/tools";
import { type FlatManifest, sync } from "./cache";
import { digestDisk, type Extent } from "./disk-digest";
import { checkForeignDisk } from "./foreign-disk";
import { writeShortDisk } from "./short-disk";

/** Size in bytes of the disk in a file, as its guest sees it. */
export async function virtualSizeOf(disk: string, masker: Masker, format: DiskFormat = "qcow2"): Promise<number> {
  const text = await readTool("qemu-img", ["info", "--output=json", "-U", "-f", format, disk], { masker });
  return (JSON.parse(text) as { "virtual-size": number })["virtual-size"];
}

/** Fails where a disk has more GiB than the instances that the image is for. */
export function checkDiskSize(name: string, sizeGb: number, minDiskGb: number): void {
  if (sizeGb <= minDiskGb) return;
  throw new VisaImageError(`the disk of "${name}" has ${sizeGb} GiB, more than the ${minDiskGb} GiB of minDiskGb`, {
    fix: `let minDiskGb be at least ${Math.ceil(sizeGb)}, or give the template a smaller disk`,
    exitCode: ExitCode.USAGE,
  });
}

/** Fails for an image from Glance that refers to other files, or would fill this machine's disk. */
export async function checkImage(
  file: string,
  format: DiskFormat,
  layer: { readonly name: string; readonly diskSizeGb: number },
  masker: Masker,
): Promise<void> {
  await checkForeignDisk(file, format);
  const gb = (await virtualSizeOf(file, masker, format)) / 2 ** 30;
  if (gb > layer.diskSizeGb) {
    throw new VisaImageError(`the image has ${gb} GiB, the disk of "${layer.name}" ${layer.diskSizeGb} GiB`);
  }
}

/** Options of {@link flattenDisk}. */
export interface FlattenDiskOptions {
  readonly format: DiskFormat;
  readonly virtualSizeBytes: number;
  /** Where qemu-img runs. */
  readonly directory: string;
  readonly masker: Masker;
  /** Called with what it is at. */
  readonly onDetail: (detail: string) => void;
  /** Called where a raw disk is not a short one, with the reason. */
  readonly onWhole: (reason: string) => void;
}

/**
 * Makes one file of a disk and all that it stands on, sparse, and of a raw one a short one where that can be; returns what
 * a cache has to know of it.
 */
export async function flattenDisk(
  source: string,
  target: string,
  options: FlattenDiskOptions,
): Promise<Pick<FlatManifest, "bytes" | "modified" | "digest" | "virtualSizeBytes">> {
  const { format, masker, onDetail } = options;
  await writeFlat(source, target, options);
  onDetail("checksum");
  const extents = await dataExtents(target, format, masker);
  const [digest] = await Promise.all([digestDisk(target, extents), sync(target)]);
  const { size: bytes, mtimeMs } = await stat(target);
  const virtualSizeBytes = format === "raw" ? bytes : options.virtualSizeBytes;
  return { bytes, modified: Math.floor(mtimeMs), digest, virtualSizeBytes };
}

async function writeFlat(source: string, target: string, options: FlattenDiskOptions): Promise<void> {
  if (options.format === "raw") {
    const obstacle = await writeShortDisk(source, target, options);
    if (obstacle === undefined) return;
    options.onWhole(obstacle);
  }
  await convertDisk(source, target, options);
}

async function convertDisk(
  source: string,
  target: string,
  { format, directory, masker, onDetail }: FlattenDiskOptions,
): Promise<void> {
  const parallel = String(Math.min(8, Math.max(2, availableParallelism())));
  const options = format === "raw" ? ["-S", "4k"] : ["-c", "-o", "compression_type=zstd"];
  const args = ["convert", "-p", "-W", "-m", parallel, "-f", "qcow2", "-O", format, ...options, source, target];
  await runToolOrFail("qemu-img", args, {
    masker,
    directory,
    onLine: (line) => {
      const percent = /\((\d+)\.\d+\/100%\)/.exec(line)?.[1];
      if (percent) onDetail(`${percent} %`);
    },
  });
}

/** The parts of a disk file that are no holes; the whole of one that has none. */
async function dataExtents(file: string, format: DiskFormat, masker: Masker): Promise<Extent[]> {
  const whole = { start: 0, length: (await stat(file)).size };
  if (format !== "raw") return [whole];
  const text = await readTool("qemu-img", ["map", "-f", "raw", "--output=json", file], { masker });
  const map = JSON.parse(text) as (Extent & { data: boolean })[];
  return map.filter(({ data }) => data).map(({ start, length }) => ({ start, length }));
}

/**
 * Hex SHA-512 of all bytes of a file, by a process of its own: some 4 s per GiB of a core, which something else can use the
 * other one of meanwhile.
 */
export async function sha512Of(file: string, masker: Masker): Promise<string> {
  const text = await readTool("sha512sum", ["--binary", "--", file], { masker });
  const [, digest] = /^\\?([0-9a-f]{128}) /m.exec(text) ?? [];
  if (digest) return digest;
  throw new VisaImageError(`sha512sum said nothing of "${file}"`);
}

/**
 * Hex SHA-512 of the raw disk that is in a qcow2 file: what Glance has of it where it converts images as they are imported.
 *
 * @param folder where the raw disk is for that time, sparse
 */
export async function rawSha512Of(disk: string, folder: string, masker: Masker): Promise<string> {
  const raw = join(folder, "converted.raw");
  const args = ["convert", "-m", "2", "-W", "-f", "qcow2", "-O", "raw", "-S", "4k", disk, raw];
  try {
    await runToolOrFail("qemu-img", args, { masker, onLine: () => {} });
    return await sha512Of(raw, masker);
  } finally {
    await rm(raw, { force: true });
  }
}

/** A copy that shares its blocks where the file system can, and keeps its holes where it can't. */
export async function copyDisk(file: string, target: string, masker: Masker): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const temporary = `${target}.new-${process.pid}`;
  try {
    const options = { masker, onLine: () => {} };
    await runToolOrFail("cp", ["--reflink=auto", "--sparse=always", "--", file, temporary], options);
    // As any file that a person makes; the cache's own is closed.
    await chmod(temporary, 0o666 & ~process.umask());
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Replaces a link at once: whoever looks never finds it missing. */
export async function replaceLink(path: string, target: string): Promise<void> {
  const existing = await lstat(path).catch(() => undefined);
  if (existing && !existing.isSymbolicLink()) {
    throw new VisaImageError(`"${path}" is in the way of the link to the image`, {
      fix: "move it elsewhere, or let the output have another path",
      exitCode: ExitCode.USAGE,
    });
  }
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.new-${process.pid}`;
  await rm(temporary, { force: true });
  await symlink(relative(dirname(path), target), temporary);
  await rename(temporary, path);
}
