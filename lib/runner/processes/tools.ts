/**
 * Runs a tool as a child that cannot outlive the build: it stands in the worker's session, and the kernel signals it
 * when the worker dies. This is the one way in which the runner and verify run a tool to its end, by execa.
 *
 * What is not run to its end is spawned where it is watched: the worker (supervisor.ts), the helper that is a lock
 * (file-lock.ts), the probe for KVM (accelerator.ts), and the QEMU of a verification.
 */
import { NO_ROOM_FIX, VisaImageError } from "../../errors";
import { LineSplitter } from "../output/lines";
import type { Masker } from "../output/masking";
import { toolEnvironment } from "./tool-environment";

/** Options of {@link runTool}. */
export interface RunToolOptions {
  /** The whole environment of the tool. @default - {@link toolEnvironment} */
  readonly environment?: NodeJS.ProcessEnv;
  readonly directory?: string;
  /** What it reads. @default - nothing */
  readonly input?: string;
  /** @default - nothing is masked */
  readonly masker?: Masker;
  /** Called for each masked line of its output. */
  readonly onLine: (line: string, stream: "stdout" | "stderr") => void;
  /** What the kernel sends it when the worker dies: Packer needs TERM, to end its QEMU. @default "KILL" */
  readonly deathSignal?: "KILL" | "TERM";
  /** Called with the child once it runs. */
  readonly onStart?: (child: RunningTool) => void;
}

/** A tool that runs. */
export interface RunningTool {
  kill(signal: NodeJS.Signals): boolean;
}

/** How a tool ended. */
export interface ToolResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const PLAIN: Masker = { mask: (line) => line, longest: 0 };

let refusing = false;

/** From now on no tool is started: the build is being stopped, and what would start now would be missed. */
export function refuseTools(): void {
  refusing = true;
}

/** Runs a tool, hands over its output line by line, and returns how it ended. Rejects where it cannot be started. */
export async function runTool(command: string, args: readonly string[], options: RunToolOptions): Promise<ToolResult> {
  const { masker = PLAIN, onLine, input, deathSignal = "KILL" } = options;
  // Loaded by processes that run a tool alone: it takes longer to load than a short tool to run.
  const { execa } = require("execa") as typeof import("execa");
  if (refusing) throw new VisaImageError(`"${command}" was not started: the build is being stopped`);
  const child = execa("setpriv", ["--pdeathsig", deathSignal, "--", command, ...args], {
    cwd: options.directory,
    env: options.environment ?? toolEnvironment(),
    extendEnv: false,
    ...(input === undefined ? { stdin: "ignore" } : { input }),
    buffer: false,
    reject: false,
    // The kernel ends it with this process, and whoever signals it decides how often.
    cleanup: false,
    forceKillAfterDelay: false,
  });
  const splitters = (["stdout", "stderr"] as const).map((name) => {
    const splitter = new LineSplitter(masker, (line) => onLine(line, name));
    child[name].on("data", (chunk: Buffer) => splitter.write(chunk));
    return splitter;
  });
  options.onStart?.(child);
  // A grandchild may hold the pipes open for ever; what it still prints belongs to nobody.
  child.once("exit", () => setTimeout(() => [child.stdout, child.stderr].map((pipe) => pipe.destroy()), 2000).unref());
  const { exitCode = null, signal = null, cause } = await child;
  for (const splitter of splitters) splitter.end();
  if (exitCode !== null || signal !== null) return { code: exitCode, signal };
  throw new VisaImageError(`cannot run "${command}": ${(cause as Error).message}`, { cause });
}

/** As {@link runTool}, but a tool that fails is an error that shows its last lines. */
export async function runToolOrFail(command: string, args: readonly string[], options: RunToolOptions): Promise<void> {
  const last: string[] = [];
  const { code, signal } = await runTool(command, args, {
    ...options,
    onLine(line, stream) {
      last.push(line);
      if (last.length > 20) last.shift();
      options.onLine(line, stream);
    },
  });
  if (code === 0) return;
  const how = signal ? `was ended by ${signal}` : `failed with exit code ${code}`;
  const full = last.some((line) => line.includes("No space left on device"));
  throw new VisaImageError(
    `"${command}" ${how}${last.length ? `:\n${last.map((line) => `  ${line}`).join("\n")}` : ""}`,
    {
      fix: full
        ? `${NO_ROOM_FIX}; then start it again`
        : signal
          ? "start it again; if it happens again, look for a lack of memory in the kernel's log (dmesg)"
          : undefined,
    },
  );
}

/** What a tool may answer, in characters: a map of a large disk in small pieces is the most there is. */
const LONGEST_ANSWER = 64 << 20;

/** What a tool prints, for answers such as versions and `qemu-img info`; fails where the tool fails, or does not end. */
export async function readTool(
  command: string,
  args: readonly string[],
  options: Omit<RunToolOptions, "onLine"> = {},
): Promise<string> {
  const out: string[] = [];
  const errors: string[] = [];
  let length = 0;
  let child: RunningTool | undefined;
  const { code, signal } = await runTool(command, args, {
    ...options,
    onStart(started) {
      child = started;
    },
    onLine(line, stream) {
      length += line.length;
      if (length > LONGEST_ANSWER) child?.kill("SIGKILL");
      else if (stream === "stdout") out.push(line);
      else errors.push(line);
    },
  });
  if (length > LONGEST_ANSWER) {
    throw new VisaImageError(`"${command}" answered more than ${LONGEST_ANSWER >> 20} MiB`);
  }
  if (code === 0) return out.join("\n");
  throw new VisaImageError(
    `"${command} ${args[0] ?? ""}" failed (${signal ?? code}): ${errors.slice(-5).join("; ") || "it printed no reason"}`,
  );
}
