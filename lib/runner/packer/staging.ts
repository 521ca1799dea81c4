/** Fills a scratch folder with what a layer reads, and makes sure that it is what the plan was made from. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdir, open, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, normalize, resolve } from "node:path";
import { ExitCode, VisaImageError } from "../../errors";
import { CONSOLE_FILE } from "../../packer/runner-variables";
import { exists } from "../../presence";
import type { LayerSpecification, SpecifiedFile } from "../../specification";
import { CHECKPOINT_SCRIPTS } from "../checkpoints/scripts";
import { REPORT_SCRIPT } from "../guest/guest-report";
import { CONFIGURATION_FILE } from "./packer-call";
import { QEMU_PROGRAM, QEMU_WORDS } from "./qemu-words";
import { MONITOR_SOCKET } from "./run-configuration";

/** Names in a scratch folder that are the runner's. */
const RESERVED = new Set([
  "parent.qcow2",
  "build-key",
  "build-key.pub",
  "host-key",
  "host-key.pub",
  "credentials",
  REPORT_SCRIPT,
  ...Object.values(CHECKPOINT_SCRIPTS),
  "checkpoints",
  "build-ca.crt",
  CONFIGURATION_FILE,
  "seed",
  "output",
  "tmp",
  "owner.json",
  CONSOLE_FILE,
  MONITOR_SOCKET,
  QEMU_PROGRAM,
  QEMU_WORDS,
  "publish",
  "installer.iso",
  "kernel",
  "initrd",
  "empty.qcow2",
]);

function isReserved(name: string): boolean {
  return RESERVED.has(name) || /^(checkpoint|after)-\d+\.(qcow2|done|late)$/.test(name);
}

/**
 * Copies the files of a layer.
 *
 * @param specificationDirectory what relative sources are relative to
 * @throws VisaImageError with exit code 4 where a file is not the one that was planned
 */
export async function stageFiles(
  layer: LayerSpecification,
  specificationDirectory: string,
  scratch: string,
): Promise<void> {
  for (const file of layer.files) {
    const target = join(scratch, pathOf(file, layer.name));
    await copy(file, resolve(specificationDirectory, file.source), target, layer.name);
  }
}

/**
 * Links the files of a layer into a folder, for whoever asks only whether they are there: nothing of them is read.
 *
 * @throws VisaImageError with exit code 4 where one is gone
 */
export async function linkFiles(layer: LayerSpecification, specificationDirectory: string, folder: string) {
  for (const file of layer.files) {
    const target = join(folder, pathOf(file, layer.name));
    const source = resolve(specificationDirectory, file.source);
    await mkdir(dirname(target), { recursive: true });
    if (file.content !== undefined) await writeFile(target, file.content);
    else if (await exists(source)) await symlink(source, target);
    else throw changed(layer.name, source, "it is gone");
  }
}

/** Where a file goes in a scratch folder. @throws VisaImageError for a path that is not for files of a layer */
function pathOf(file: SpecifiedFile, layer: string): string {
  const path = normalize(file.path);
  if (path.startsWith("/") || path.split("/")[0] === ".." || isReserved(path.split("/")[0] ?? "")) {
    throw new VisaImageError(`the specification of "${layer}" puts a file at "${file.path}"`, {
      fix: "a path is relative, stays inside, and takes no name of the runner's own",
      exitCode: ExitCode.USAGE,
    });
  }
  return path;
}

async function copy(file: SpecifiedFile, source: string, target: string, layer: string): Promise<void> {
  const hash = createHash("sha256");
  await mkdir(dirname(target), { recursive: true });
  let mode: number;
  try {
    mode = file.content === undefined ? (await stat(source)).mode & 0o777 : file.mode;
    const handle = await open(target, "wx", 0o600);
    try {
      // What is hashed is what is written: no second reading that could see other bytes.
      for await (const chunk of file.content === undefined ? createReadStream(source) : [Buffer.from(file.content)]) {
        hash.update(chunk as Buffer);
        await handle.writeFile(chunk as Buffer);
      }
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT") throw changed(layer, source, "it is gone", cause);
    if (code === "EEXIST") throw new VisaImageError(`the specification of "${layer}" names "${file.path}" twice`);
    throw new VisaImageError(`cannot copy "${source}": ${(cause as Error).message}`, { cause });
  }
  if (hash.digest("hex") !== file.sha256) throw changed(layer, source, "its content differs");
  // Which bits for group and others a checkout has depends on the umask; what can be run does not.
  if ((mode & 0o100) !== (file.mode & 0o100)) throw changed(layer, source, "its executable bit differs");
  await chmod(target, file.mode);
}

function changed(layer: string, source: string, how: string, cause?: unknown): VisaImageError {
  return new VisaImageError(`"${source}" of "${layer}" changed since the plan: ${how}`, {
    fix: "synthesize and plan again: cdktf deploy (or visa-image build without --specification)",
    exitCode: ExitCode.CHANGED,
    cause,
  });
}
