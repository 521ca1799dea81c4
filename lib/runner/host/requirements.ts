/** What a build needs of this machine and its environment, checked before anything long starts. */
import { accessSync, constants, readFileSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { freemem } from "node:os";
import { delimiter, join } from "node:path";
import type { Machine } from "../../build-machine";
import { ExitCode, NO_ROOM_FIX, VisaImageError } from "../../errors";
import { suggestion } from "../../nearest";
import { BRACES } from "../../packer/braces";
import type { LayerSpecification } from "../../specification";
import { MIN_SECRET_LENGTH } from "../output/masking";
import { size } from "../output/progress";
import { readTool } from "../processes/tools";
import { nestedFlag } from "./accelerator";
import { textOf } from "./optional-files";

/** A program that a build calls. */
export interface Tool {
  /** The Debian package that has it. */
  readonly package: string;
  /** Arguments by which it says its version. */
  readonly version?: readonly string[];
  /** The oldest version that will do. */
  readonly least?: string;
}

/** Tools by name. */
export const TOOLS: Readonly<Record<string, Tool>> = {
  packer: { package: "packer", version: ["version"], least: "1.6.6" },
  "qemu-system-x86_64": { package: "qemu-system-x86", version: ["--version"], least: "7.0" },
  "qemu-img": { package: "qemu-utils", version: ["--version"], least: "7.0" },
  xorriso: { package: "xorriso", version: ["--version"] },
  "ssh-keygen": { package: "openssh-client" },
  flock: { package: "util-linux" },
  setpriv: { package: "util-linux" },
};

/** Those that a build by a cloud takes: its guests run elsewhere. */
export const CLOUD_TOOLS = ["packer", "qemu-img", "ssh-keygen", "flock", "setpriv"];

/** What a layer may write, at a guess: packages, their files, and Packer's own. */
const LAYER_BYTES = 2 * 2 ** 30;

/** Versions of the tools, by name; fails with everything that is missing or too old at once. */
export async function checkTools(
  needed: readonly string[] = Object.keys(TOOLS),
  path = process.env.PATH ?? "",
): Promise<Record<string, string>> {
  const missing = needed.filter((tool) => !findTool(tool, path));
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((tool) => TOOLS[tool]?.package ?? tool))];
    throw new VisaImageError(`not on PATH: ${missing.map((tool) => `"${tool}"`).join(", ")}`, {
      fix: `on Debian: apt install ${packages.join(" ")}`,
      exitCode: ExitCode.USAGE,
    });
  }
  const environment = { PATH: path, HOME: "/nonexistent", CHECKPOINT_DISABLE: "1", LC_ALL: "C" };
  const versions = await Promise.all(
    needed.map(async (tool) => {
      const args = TOOLS[tool]?.version;
      if (!args) return undefined;
      const text = await readTool(tool, args, { environment }).catch(() => "");
      return [tool, /\d+\.\d+(\.\d+)*/.exec(text)?.[0] ?? "unknown"] as const;
    }),
  );
  const known = versions.filter((entry) => entry !== undefined);
  const unfit = known.flatMap(([tool, version]) => {
    const least = TOOLS[tool]?.least;
    if (least === undefined) return [];
    // Another program of that name, such as cracklib's packer.
    if (version === "unknown") return [{ tool, why: `"${findTool(tool, path)}" does not say its version` }];
    return compareVersions(version, least) < 0 ? [{ tool, why: `"${tool}" ${version} is older than ${least}` }] : [];
  });
  if (unfit.length > 0) {
    const packages = unfit.map(({ tool }) => TOOLS[tool]?.package);
    throw new VisaImageError(unfit.map(({ why }) => why).join("; "), {
      fix: `put a newer one on PATH; on Debian 12 or later: apt install ${[...new Set(packages)].join(" ")}`,
      exitCode: ExitCode.USAGE,
    });
  }
  return Object.fromEntries(known);
}

/** Below 0 where the first is older. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(".").map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Where a tool stands on PATH. */
export function findTool(name: string, path = process.env.PATH ?? ""): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** The values of the secrets that layers need, by Packer variable; fails with all that are missing at once. */
export function readSecrets(
  layers: readonly LayerSpecification[],
  environment: NodeJS.ProcessEnv,
  onWarning: (message: string) => void,
): Map<string, string> {
  const values = new Map<string, string>();
  const missing = new Map<string, string>();
  for (const layer of layers) {
    for (const secret of layer.secrets) {
      const value = readSecret(secret.environment, environment);
      if (!value && secret.required) missing.set(secret.environment, layer.name);
      values.set(secret.name, value);
    }
  }
  if (missing.size > 0) {
    const names = [...missing.keys()];
    throw new VisaImageError(
      `${names.map((name) => `"${name}"`).join(", ")} must be set to build "${[...new Set(missing.values())].join('", "')}"`,
      {
        fix: names.map((name) => `export ${name}=…, or ${name}_FILE=<a file that holds it>`).join("; "),
        exitCode: ExitCode.USAGE,
      },
    );
  }
  for (const [name, value] of values) {
    if (value.includes(BRACES)) {
      throw new VisaImageError(`the secret "${name}" has "${BRACES}", which Packer takes for its own`, {
        fix: "choose one without two braces side by side",
        exitCode: ExitCode.USAGE,
      });
    }
    if (value && value.length < MIN_SECRET_LENGTH) {
      onWarning(`the secret "${name}" has fewer than ${MIN_SECRET_LENGTH} characters: it cannot be hidden in the log`);
    }
  }
  return values;
}

function readSecret(name: string, environment: NodeJS.ProcessEnv): string {
  const value = environment[name];
  if (value) return value;
  const file = environment[`${name}_FILE`];
  if (!file) return "";
  try {
    // Editors end a file with a line end that is no part of the secret.
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new VisaImageError(`cannot read the file of "${name}_FILE": ${(cause as Error).message}`, {
      fix: `let ${name}_FILE name a file that you may read, or set ${name}`,
      exitCode: ExitCode.USAGE,
      cause,
    });
  }
}

/** What a build of these layers, and a flattened disk, may write, at a guess. */
export function spaceFor(layers: readonly LayerSpecification[], flatGb: number): number {
  const needed = layers.reduce((sum, layer) => sum + Math.min(LAYER_BYTES, layer.diskSizeGb * 2 ** 30), 0);
  // A desktop fills a good part of its disk; the rest stays a hole.
  return needed + Math.min(flatGb * 2 ** 30, LAYER_BYTES * 2);
}

/** What a folder's file system has left, in bytes. */
export function freeSpace(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Fails where a build of these layers, and a flattened disk, would fill the disk. */
export function checkFreeSpace(folder: string, layers: readonly LayerSpecification[], flatGb: number): void {
  const free = freeSpace(folder);
  const total = spaceFor(layers, flatGb);
  if (free < total) {
    throw new VisaImageError(`"${folder}" has ${size(free)} free, the build may need ${size(total)}`, {
      fix: NO_ROOM_FIX,
      exitCode: ExitCode.USAGE,
    });
  }
}

/** Says so where a build machine has more memory than is free: it may be ended in the middle of a build. */
export function checkMemory(
  machines: readonly Pick<Machine, "memoryMb">[],
  onWarning: (message: string) => void,
): void {
  const most = Math.max(0, ...machines.map(({ memoryMb }) => memoryMb)) * 2 ** 20;
  const free = availableMemory();
  if (most <= free) return;
  onWarning(`the build machine gets ${size(most)} of memory, and ${size(free)} is free here: --memory gives it less`);
}

/** In bytes: what programs may take without swapping. */
export function availableMemory(): number {
  const kibibytes = /^MemAvailable:\s+(\d+)/m.exec(textOf("/proc/meminfo"))?.[1];
  return kibibytes === undefined ? freemem() : Number(kibibytes) * 1024;
}

/** Where VNC answers unless somebody says otherwise. */
export const VNC_ADDRESS = "127.0.0.1";

/** Fails where VNC cannot answer at the address and port that were asked for; Packer would try for ever. */
export async function checkVnc(
  { vncAddress = VNC_ADDRESS, vncPort }: Pick<Machine, "vncAddress" | "vncPort">,
  onWarning: (message: string) => void,
): Promise<void> {
  if (!vncAddress.startsWith("127.")) {
    onWarning(`VNC at ${vncAddress} is not encrypted: who sees its traffic sees the screen of the build machine`);
  }
  const problem = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen(vncPort ?? 0, vncAddress, () => server.close(() => resolve(undefined)));
  });
  if (!problem) return;
  const place = vncPort === undefined ? vncAddress : `${vncAddress}, port ${vncPort}`;
  const why = { EADDRINUSE: "another program has it", EADDRNOTAVAIL: "this machine has no such address" };
  throw new VisaImageError(
    `VNC cannot answer at ${place}: ${why[problem.code as keyof typeof why] ?? problem.message}`,
    { fix: "give another one: --vnc, VISA_BUILD_VNC", exitCode: ExitCode.USAGE },
  );
}

/** Fails where QEMU does not know the CPU, or KVM does not pass on what virtual machines in the guest need. */
export async function checkCpu(
  { cpuModel, nested }: Pick<Machine, "cpuModel" | "nested">,
  accelerator: "kvm" | "tcg",
  modules?: string,
): Promise<void> {
  if (nested && (accelerator !== "kvm" || !nestedFlag(modules))) {
    throw new VisaImageError(
      `nested virtualisation was asked for, and ${accelerator === "kvm" ? "KVM of this machine does not pass it on" : "the build runs without KVM"}`,
      {
        fix:
          accelerator === "kvm"
            ? "as root, with no virtual machine running: modprobe -r kvm_intel; modprobe kvm_intel nested=1 (on AMD: kvm_amd)"
            : "build on a machine with KVM, or without --nested",
        exitCode: ExitCode.USAGE,
      },
    );
  }
  const model = cpuModel?.split(",")[0];
  if (model === undefined || model === "host") return;
  const text = await readTool("qemu-system-x86_64", ["-cpu", "help"]);
  const known = [...text.matchAll(/^x86 (\S+)/gm)].map((match) => match[1] as string);
  if (known.includes(model)) return;
  throw new VisaImageError(`QEMU knows no CPU "${model}"`, {
    fix: `${suggestion(model, known, "models")} (flags: qemu-system-x86_64 -cpu help)`,
    exitCode: ExitCode.USAGE,
  });
}

/**
 * Fails where Packer works in a folder whose name it cannot read: it takes paths for URLs, and QEMU's options are
 * separated by commas. Seen with 1.6.6; quotes, spaces and letters beyond ASCII do no harm.
 */
export function checkPaths(folders: readonly string[]): void {
  for (const folder of folders) {
    const sign = /[%#?,]/.exec(folder)?.[0];
    if (sign === undefined) continue;
    throw new VisaImageError(`Packer cannot work in "${folder}": the path has a "${sign}"`, {
      fix: "let VISA_IMAGE_CACHE (for temporary files TMPDIR) name a folder without %, #, ? and commas in its path",
      exitCode: ExitCode.USAGE,
    });
  }
}

/** Fails where a window was asked for and there is no display to show it on. */
export function checkDisplay(headless: boolean, environment: NodeJS.ProcessEnv): void {
  if (headless || environment.DISPLAY || environment.WAYLAND_DISPLAY) return;
  throw new VisaImageError("a window was asked for (not headless), but there is no display: DISPLAY is not set", {
    fix: "build headless and watch by VNC (--vnc 127.0.0.1), or run it in a desktop session",
    exitCode: ExitCode.USAGE,
  });
}
