/**
 * Which accelerator to use: KVM where a guest really runs with it, else TCG.
 *
 * That /dev/kvm is there means nothing, and that it can be opened means little: in nested virtualisation QEMU may start
 * with it and no guest code ever run. So a guest of a few instructions is run: a firmware that enters long mode and ends
 * QEMU with a known exit code, 0.1 s where it works.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VisaImageError } from "../../errors";
import type { MachineOptions } from "../../specification";
import { toolEnvironment } from "../processes/tool-environment";
import { recall, remember, stateOf } from "./memory";
import { namesIn, textOf } from "./optional-files";

/** What was chosen, and why, in words for a person. */
export interface Accelerator {
  readonly name: "kvm" | "tcg";
  readonly reason: string;
}

/**
 * TCG's CPU: what Python's wheels are compiled for (x86-64-v2), since what "max" has beyond that is slow to emulate, and
 * AMD's, on which Linux needs no page-table isolation: with it each call of the kernel costs TCG all that it has
 * translated addresses to. With rdrand no boot waits for randomness (docs/decisions/speed.md).
 */
const TCG_CPU = "qemu64,-svm,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand";

/** QEMU's CPU for a build machine: what was asked for, else one by the accelerator. */
export function cpuArgument(
  accelerator: Accelerator["name"],
  { cpuModel, nested }: Pick<MachineOptions, "cpuModel" | "nested"> = {},
  modules = "/sys/module",
): string {
  const model = cpuModel ?? (accelerator === "kvm" ? "host" : TCG_CPU);
  const flag = nested && nestedFlag(modules);
  return flag && !model.includes(flag) ? `${model},+${flag}` : model;
}

/** The CPU's flag for virtual machines, where KVM passes it on to guests; undefined where it does not. */
export function nestedFlag(modules = "/sys/module"): "vmx" | "svm" | undefined {
  const passesOn = (name: string) => /^[Y1]/.test(textOf(join(modules, name, "parameters", "nested")));
  if (passesOn("kvm_intel")) return "vmx";
  return passesOn("kvm_amd") ? "svm" : undefined;
}

/** kvm-probe.S, assembled: the last 256 bytes, from 0xff00 of a firmware of 64 KiB; the rest is zero. */
export const PROBE_CODE = Buffer.from(
  "+ozIjthmDwEWwP8PIMBmg8gBDyLAZuod////CABmuBAAjtiOwDHAvwAQAAC5AAwAAPzzq8cFABAAAAMgAADHBRggAAADMAAAxwX4PwAAgwDg/7gAEAAADyLYDyDgg8ggDyLguYAAAMAPMg0AAQAADzAPIMANAAAAgA8iwOqD////GABIuHhWNBJ4VjQSSMHoPLAVZrr0AO706/2NtAAAkAAAAAAAAAAA//8AAACazwD//wAAAJLPAP//AAAAmq8AHwCg////AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA6Q3/AAAAAAAAAAAAAAAAAA==",
  "base64",
);
const PROBE_SIZE = 0x10000;
const PROBE_OFFSET = 0xff00;
/** isa-debug-exit makes (value << 1) | 1 of the 0x15 that the probe writes. */
const PROBE_EXIT_CODE = 0x2b;
const PROBE_TIMEOUT_MS = 3000;
/**
 * Where KVM runs nothing the probe's processor spins: it is ended after so much processor time of its thread, however busy
 * the machine, and however long QEMU takes to start. Its few instructions need some microseconds.
 */
const PROBE_CPU_MS = 200;
const PROBE_POLL_MS = 20;

/**
 * Chooses the accelerator; `kvm` that cannot be used is an error, `auto` falls back to TCG.
 *
 * @param directory for the probe's firmware
 * @param cache where it is remembered for an hour that the probe ran no code. @default - it is found out each time
 */
export async function chooseAccelerator(
  wish: "auto" | "kvm" | "tcg" = "auto",
  directory = tmpdir(),
  cache?: string,
): Promise<Accelerator> {
  if (wish === "tcg") return { name: "tcg", reason: "asked for" };
  // Each layer of a deploy is a process of its own, and asks.
  const memory = wish === "auto" && cache !== undefined ? join(cache, "accelerator.json") : undefined;
  const known = memory && recall(memory, "/dev/kvm");
  const obstacle = known ?? (await kvmObstacle("/dev/kvm", directory));
  if (obstacle === undefined) return { name: "kvm", reason: "a test guest ran with it" };
  if (wish === "kvm") {
    throw new VisaImageError(`accelerator "kvm" was asked for but cannot be used: ${obstacle}`, {
      fix: "leave the accelerator at auto, or set it to tcg (slower)",
      exitCode: 2,
    });
  }
  if (memory && !known && obstacle.includes(NO_CODE)) remember(memory, stateOf("/dev/kvm"), obstacle);
  return { name: "tcg", reason: `KVM cannot be used: ${obstacle}` };
}

const NO_CODE = "a test guest ran no code";

/** Why KVM cannot be used, `undefined` where it can. */
export async function kvmObstacle(device = "/dev/kvm", directory = tmpdir()): Promise<string | undefined> {
  try {
    closeSync(openSync(device, "r+"));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const hint: Record<string, string> = {
      EACCES: "no permission; is the user in the group kvm?",
      ENOENT: "it does not exist",
      ENODEV: "no such device; is virtualisation switched on?",
    };
    return `${device} cannot be opened (${(code && hint[code]) ?? code})`;
  }
  const { code, output } = await runProbe("kvm", directory);
  if (code === PROBE_EXIT_CODE) return undefined;
  if (code === null) return `${device} can be opened, but ${NO_CODE}`;
  return `${device} can be opened, but a test guest failed: ${output || `exit code ${code}`}`;
}

/** Runs the probe with an accelerator; the code is null where it had not ended by itself in the time it has. */
export async function runProbe(
  accelerator: "kvm" | "tcg",
  parent = tmpdir(),
  timeoutMs = PROBE_TIMEOUT_MS,
  probe = PROBE_CODE,
): Promise<{ code: number | null; output: string }> {
  const directory = await mkdtemp(join(parent, "probe-"));
  try {
    const firmware = join(directory, "probe.rom");
    const rom = Buffer.alloc(PROBE_SIZE);
    probe.copy(rom, PROBE_OFFSET);
    writeFileSync(firmware, rom);
    const child = spawn(
      "setpriv",
      // biome-ignore format: one option and its value per line
      [
        // Where KVM does not work it would run for ever once nobody is left to end it.
        "--pdeathsig", "KILL", "--", "qemu-system-x86_64",
        // Its threads have names then.
        "-name", "visa-probe,debug-threads=on",
        "-accel", accelerator,
        "-machine", "pc",
        "-m", "16",
        "-nodefaults",
        "-display", "none",
        "-no-reboot",
        "-bios", firmware,
        "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
      ],
      { env: toolEnvironment(), stdio: ["ignore", "ignore", "pipe"], timeout: timeoutMs, killSignal: "SIGKILL" },
    );
    let output = "";
    child.stderr.on("data", (chunk: Buffer) => {
      if (output.length < 4096) output += chunk.toString();
    });
    const watch = setInterval(() => {
      if (child.pid && processorMs(child.pid) >= PROBE_CPU_MS) child.kill("SIGKILL");
    }, PROBE_POLL_MS);
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    }).finally(() => clearInterval(watch));
    const lines = output.split("\n").filter((line) => line && !line.includes("warning:"));
    return { code, output: (lines.at(-1) ?? "").replace(/^qemu-system-x86_64: /, "") };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Milliseconds that the thread of a QEMU's first processor has run; 0 before there is one. */
function processorMs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  const processor = namesIn(tasks).find((task) => textOf(join(tasks, task, "comm")).startsWith("CPU 0/"));
  if (!processor) return 0;
  // After the name, which may hold anything: state, nine more fields, then user's and system's time in 1/100 s.
  const stat = textOf(join(tasks, processor, "stat"));
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
