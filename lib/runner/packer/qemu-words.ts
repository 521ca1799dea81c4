/**
 * What QEMU says of itself. Packer keeps that for its own debugging log, which has secrets in clear, and says no more than
 * "Qemu failed to start". So Packer is given a program of the runner's for QEMU, which writes it to a file.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** In the scratch folder, what Packer starts. */
export const QEMU_PROGRAM = "qemu";

/** In the scratch folder, what QEMU has said. */
export const QEMU_WORDS = "qemu.stderr";

/** QEMU writes little; a guest that makes it write more is not read to its end. */
const MOST = 64 * 1024;

/** Writes the program. It becomes QEMU, so that nothing stands between Packer and its process. */
export async function writeQemuProgram(folder: string): Promise<void> {
  const text = `#!/bin/sh\nexec qemu-system-x86_64 "$@" 2>>${QEMU_WORDS}\n`;
  await writeFile(join(folder, QEMU_PROGRAM), text, { mode: 0o700 });
}

/** What QEMU has said: the last lines. */
export async function readQemuWords(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, QEMU_WORDS), "latin1").catch(() => "");
  return qemuErrors(text.slice(-MOST).split("\n"));
}

/** Of QEMU's lines those that say why it ended: no warnings, and not that it was told to end. */
export function qemuErrors(lines: readonly string[]): string[] {
  return lines
    .filter((line) => line.trim() && !/^\S*qemu-system-\w+: (warning: |terminating on signal )/.test(line))
    .slice(-8);
}
