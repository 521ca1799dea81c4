/** Makes a base by a distribution's installer, which Packer boots, answers and waits for. */
import { chmod, readFile, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ExitCode, VisaImageError } from "../../errors";
import type { InstallerBase } from "../../specification";
import { mapPieces } from "../../template/marks";
import { isUrl } from "../../template/source";
import { installationOf } from "../context";
import { countSteps } from "../packer/packer-output";
import { indent, type PackerRun } from "../packer/packer-run";
import type { RunTool } from "../processes/run-tool";
import { downloadOptions } from "./base-disk";
import { obtainMedium } from "./download";
import { type MakeContext, type Maker, toolRunner } from "./maker";
import { packerMade, packerRun, stageForPacker } from "./packer-layer";

const SECTOR_BYTES = 512;
/** Where the table of partitions begins in the first sector, behind the boot loader's code and the disk's id. */
const CODE_BYTES = 440;

/** A base that an installer makes. */
export function installedBase(base: InstallerBase): Maker {
  return {
    words: ["building", "built"],
    steps: countSteps(base.configuration) + 2,
    async make(context) {
      const { build, prepared, scratch, log } = context;
      await obtainMedia(context, base);
      const installation = installationOf(build, base);
      await stageForPacker(context, installation);
      await fillSecrets(base, scratch.path, prepared.secrets);
      const onConsole = (line: string) => {
        log.write(`console: ${line}`);
        build.progress.toolLine(line);
        build.progress.detail(line.slice(0, 60));
      };
      const run = packerRun(context, installation, { installerTimeout: base.timeout, onConsole });
      const seconds = await install(context, run);
      const made = packerMade(context);
      if (await hasBootLoader(made.disk, scratch.path, toolRunner(context))) {
        return { ...made, toolSeconds: seconds, guest: {} };
      }
      throw failed(context, run, "ended without a boot loader on the disk", "see what it says");
    },
  };
}

/** Puts what the installer is booted from into the scratch folder, by name, and the disk that it fills. */
async function obtainMedia(context: MakeContext, base: InstallerBase): Promise<void> {
  const { build, scratch } = context;
  const isIso = base.media[0]?.name === "iso";
  for (const medium of base.media) {
    const { source, firstUse } = medium;
    const located = {
      ...medium,
      source: isUrl(source) ? source : resolve(build.directory, source),
      ...(firstUse && { firstUse: { ...firstUse, lockFile: resolve(build.directory, firstUse.lockFile) } }),
    };
    const file = await obtainMedium(located, downloadOptions(context));
    await symlink(file, join(scratch.path, isIso ? "installer.iso" : medium.name));
  }
  if (isIso) return;
  const args = ["create", "-q", "-f", "qcow2", "empty.qcow2", `${base.diskSizeGb}G`];
  await toolRunner(context)("qemu-img", args);
}

/** Runs the installer to its end; returns the seconds that it took. */
async function install(context: MakeContext, run: PackerRun): Promise<number> {
  const { log } = context;
  try {
    const { seconds } = await run.run("installing");
    return seconds;
  } catch (error) {
    // Packer's words for a machine that has not gone down in time.
    if (!log.tail().some((line) => line.endsWith("Failed to shutdown"))) throw error;
    const fix = 'answer what it asks for, or give it more time by "timeout"';
    throw failed(context, run, "was not done in time", fix);
  }
}

function failed({ log }: MakeContext, run: PackerRun, how: string, fix: string): VisaImageError {
  return new VisaImageError(`the installer ${how}:\n${indent(run.consoleTail())}`, {
    fix: `${fix}; the whole log: ${log.path}`,
    exitCode: ExitCode.PACKER,
  });
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
  const blocks = [`bs=${SECTOR_BYTES}`, "count=1"];
  await run("qemu-img", ["dd", "-f", "qcow2", "-O", "raw", ...blocks, `if=${disk}`, `of=${sector}`]);
  const bytes = await readFile(sector);
  return bytes.readUInt16LE(SECTOR_BYTES - 2) === 0xaa55 && bytes.subarray(0, CODE_BYTES).some((byte) => byte !== 0);
}
