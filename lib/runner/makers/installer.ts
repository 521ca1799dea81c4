/** What an installation needs beside Packer: secrets in its files, a watch on its console, a look at the disk it leaves. */
import { spawnSync } from "node:child_process";
import { chmod, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ExitCode, VisaImageError } from "../../errors";
import type { InstallerBase } from "../../specification";
import { HASH_SUFFIX, mapPieces, packerVariablesIn } from "../../template/marks";
import { LineSplitter } from "../output/lines";
import type { Masker } from "../output/masking";
import { toolEnvironment } from "../processes/tool-environment";
import type { RunTool } from "./base-disk";

const SECTOR_BYTES = 512;
/** Where the table of partitions begins in the first sector, behind the boot loader's code and the disk's id. */
const CODE_BYTES = 440;

/** How often the console is looked at. */
const CONSOLE_INTERVAL_MS = 500;

/** The names that a base's files use: each secret's own, and its hash's. */
export function withPasswordHashes({ files, secrets }: InstallerBase, values: ReadonlyMap<string, string>) {
  const all = new Map(values);
  const shown = new Set(files.flatMap(({ content = "" }) => packerVariablesIn(content)));
  for (const { name } of secrets) {
    const hash = name + HASH_SUFFIX;
    if (shown.has(hash)) all.set(hash, hashPassword(name, values.get(name) ?? ""));
  }
  return all;
}

/** A password as /etc/shadow holds it (SHA-512, with a salt of its own). */
function hashPassword(name: string, password: string): string {
  if (/[\r\n]/.test(password)) {
    throw new VisaImageError(
      `the secret "${name}" has more than one line, and is a password in the installer's files`,
      {
        fix: "give a password of one line",
        exitCode: ExitCode.USAGE,
      },
    );
  }
  // By standard input: a command line can be read by everyone.
  const { status, stdout, error } = spawnSync("openssl", ["passwd", "-6", "-stdin"], {
    input: password,
    encoding: "utf8",
    env: toolEnvironment(),
  });
  if (status === 0) return stdout.trim();
  throw new VisaImageError(
    `cannot hash the secret "${name}": openssl ${error ? error.message : `ended with ${status}`}`,
    {
      fix: "on Debian: apt install openssl",
      exitCode: ExitCode.USAGE,
    },
  );
}

/** Puts the secrets into the files that were staged with their names. */
export async function fillSecrets(
  { files }: InstallerBase,
  scratch: string,
  values: ReadonlyMap<string, string>,
): Promise<void> {
  for (const { path, content, mode } of files) {
    if (content === undefined) continue;
    const text = mapPieces(content, String, (name) => values.get(name) ?? "");
    if (text === content) continue;
    await writeFile(join(scratch, path), text);
    await chmod(join(scratch, path), mode);
  }
}

/** Whether a disk would boot: an installer that gave up goes down like one that is done. */
export async function hasBootLoader(disk: string, scratch: string, run: RunTool): Promise<boolean> {
  const sector = join(scratch, "first-sector");
  await run("qemu-img", [
    "dd",
    "-f",
    "qcow2",
    "-O",
    "raw",
    `bs=${SECTOR_BYTES}`,
    "count=1",
    `if=${disk}`,
    `of=${sector}`,
  ]);
  const bytes = await readFile(sector);
  return bytes.readUInt16LE(SECTOR_BYTES - 2) === 0xaa55 && bytes.subarray(0, CODE_BYTES).some((byte) => byte !== 0);
}

/** Text of a console without what moves the cursor and colours it. */
export function plainText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: consoles are full of escape sequences
  return text.replace(/\u001b(?:\[[0-9;?]*[A-Za-z]|[()][A-Za-z0-9]|[=>78])|[\u0000-\u0008\u000e-\u001f]|\r/g, "");
}

/**
 * Calls `onLine` for what a guest prints on its serial console, masked, while that is written to a file.
 * @returns a function that ends it, once all that is there was handed over
 */
export function followConsole(file: string, masker: Masker, onLine: (line: string) => void): () => Promise<void> {
  const splitter = new LineSplitter(masker, (line) => {
    const text = plainText(line).trimEnd();
    if (text) onLine(text);
  });
  let position = 0;
  const read = async (): Promise<void> => {
    const handle = await open(file).catch(() => undefined);
    if (!handle) return;
    try {
      const buffer = Buffer.alloc(64 * 1024);
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
        if (bytesRead === 0) return;
        position += bytesRead;
        splitter.write(buffer.subarray(0, bytesRead));
      }
    } finally {
      await handle.close();
    }
  };
  // One reading at a time.
  let reading = Promise.resolve();
  const timer = setInterval(() => {
    reading = reading.then(read, read);
  }, CONSOLE_INTERVAL_MS);
  return async () => {
    clearInterval(timer);
    await reading;
    await read();
    splitter.end();
  };
}
