/** The end of what a guest writes, and may write without end. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** At most so many bytes of a file's end, as text; empty where there is no such file. */
export function tailOf(path: string, bytes: number): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return "";
  }
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(bytes, size));
    const length = readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString("utf8", 0, length);
  } finally {
    closeSync(file);
  }
}

/** The last lines of a text that say something. */
export function lastLines(text: string, count: number): string {
  return text
    .split(/\r*\n/)
    .filter((line) => line.trim() !== "")
    .slice(-count)
    .join("\n");
}
