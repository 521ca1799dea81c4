import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** An empty folder; removed after the tests of the file. */
export function scratchFolder(): string {
  return removedLater(mkdtempSync(join(tmpdir(), "visa-images-test-")));
}

/** A folder that somebody else has made; removed after the tests of the file. */
export function removedLater(folder: string): string {
  folders.push(folder);
  return folder;
}
