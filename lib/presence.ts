/** Whether something is at a path. */
import { lstatSync, statSync } from "node:fs";

/** Also where it is a symbolic link that leads nowhere: a mistake to be told, not a file to do without. */
export function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Whether it is a folder, or a symbolic link to one. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
