/** Files that are to go into an archive. */
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { hashFile } from "../runner/cache/cache";
import type { BundledFile } from "./lock";

/** A file, and where it lies on this machine. */
export interface PlannedFile extends BundledFile {
  readonly source: string;
}

/** A file as it is now. @param sha256 where it is known, from bytes that were read just now */
export async function planFile(path: string, source: string, sha256?: string): Promise<PlannedFile> {
  const { size } = await stat(source);
  return { path, source, bytes: size, sha256: sha256 ?? (await hashFile(source)) };
}

/** The files below a folder, by their names; none where it is missing. A link to a folder is gone through once. */
export async function planFolder(path: string, folder: string): Promise<PlannedFile[]> {
  const real = await realpath(folder).catch(() => undefined);
  if (real === undefined) return [];
  const entries = await readdir(real, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const planned: PlannedFile[] = [];
  for (const file of files.sort()) planned.push(await planFile(`${path}${file.slice(real.length)}`, file));
  return planned;
}
