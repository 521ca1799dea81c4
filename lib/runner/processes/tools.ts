/**
 * Runs a tool as a child that cannot outlive the build: it stands in the worker's session, and the kernel signals it
 * when the worker dies.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { NO_ROOM_FIX, VisaImageError } from "../../errors";
import { LineSplitter } from "../output/lines";
import type { Masker } from "../output/masking";
import { toolEnvironment } from "./tool-environment";

/** Options of {@link runTool}. */
export interface RunToolOptions {
  /** The whole environment of the tool. @default - {@link toolEnvironment} */
  readonly environment?: NodeJS.ProcessEnv;
  readonly directory?: string;
  readonly masker: Masker;
  /** Called for each masked line of its output. */
  readonly onLine: (line: string, stream: "stdout" | "stderr") => void;
  /** What the kernel sends it when the worker dies: Packer needs TERM, to end its QEMU. @default "KILL" */
  readonly deathSignal?: "KILL" | "TERM";
  /** Called with the child once it runs. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** How a tool ended. */
export interface ToolResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

let refusing = false;

/** From now on no tool is started: the build is being stopped, and what would start now would be missed. */
export function refuseTools(): void {
  refusing = true;
}

/** Runs a tool, hands over its output line by line, and returns how it ended. Rejects where it cannot be started. */
export function runTool(command: string, args: readonly string[], options: RunToolOptions): Promise<ToolResult> {
  const { masker, onLine, deathSignal = "KILL" } = options;
  if (refusing) return Promise.reject(new VisaImageError(`"${command}" was not started: the build is being stopped`));
  const child = spawn("setpriv", ["--pdeathsig", deathSignal, "--", command, ...args], {
    cwd: options.directory,
    env: options.environment ?? toolEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const splitters = (["stdout", "stderr"] as const).map((name) => {
    const splitter = new LineSplitter(masker, (line) => onLine(line, name));
    child[name].on("data", (chunk: Buffer) => splitter.write(chunk));
    return splitter;
  });
  options.onStart?.(child);
  return new Promise((resolve, reject) => {
    child.on("error", (cause: NodeJS.ErrnoException) => {
      reject(new VisaImageError(`cannot run "${command}": ${cause.message}`, { cause }));
    });
    let result: ToolResult | undefined;
    const done = () => {
      for (const splitter of splitters) splitter.end();
      if (result) resolve(result);
    };
    child.on("exit", (code, signal) => {
      result = { code, signal };
      // A grandchild may hold the pipes open for ever; what it still prints belongs to nobody.
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, 2000).unref();
    });
    child.on("close", done);
  });
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
  options: Omit<RunToolOptions, "onLine">,
): Promise<string> {
  const out: string[] = [];
  const errors: string[] = [];
  let length = 0;
  let child: ChildProcess | undefined;
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
