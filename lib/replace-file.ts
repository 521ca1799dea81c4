import { renameSync, rmSync, writeFileSync } from "node:fs";

/**
 * Writes a text file by rename: a reader sees the old one or the new one, never a part. Where it cannot be written, the
 * old one stays, and nothing is left beside it. @throws the file system's error
 */
export function replaceFile(file: string, text: string): void {
  const scratch = `${file}.${process.pid}`;
  try {
    writeFileSync(scratch, text);
    renameSync(scratch, file);
  } catch (error) {
    rmSync(scratch, { force: true });
    throw error;
  }
}
