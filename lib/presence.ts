/** Whether something is at a path. */
import { lstatSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";

/** Also where it is a symbolic link that leads nowhere: a mistake to be told, not a file to do without. */
export function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Whether it is a folder, or a symbolic link to one. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Whether something is there, seen through symbolic links; without holding up what else goes on. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Whether it is a file, or a symbolic link to one. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}
