/** Runs a command, and says what it and all its children took. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../lib/package-root";
import { signal } from "../lib/runner/processes/processes";

/** What a command took. */
export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Bytes that its processes wrote to files, as the kernel counts them. */
  readonly bytesWritten: number;
  /** The largest resident size of any one of them. */
  readonly maxResidentBytes: number;
  /** What it printed. */
  readonly text: string;
}

/** Options of {@link measure}. */
export interface MeasureOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Name of the files that it leaves in {@link folder}: the whole output, and the numbers. */
  readonly name: string;
  readonly folder: string;
}

const running = new Set<ChildProcess>();

/** Ends what runs, with all its children: {@link measure} then fails. */
export function stopMeasured(): void {
  for (const { pid } of running) if (pid) signal(-pid, "SIGTERM");
}

/** Runs a command. @throws Error where it fails, with its last lines */
export async function measure(command: readonly string[], options: MeasureOptions): Promise<Measured> {
  const report = join(options.folder, `${options.name}.json`);
  const log = join(options.folder, `${options.name}.log`);
  const child = spawn("python3", [join(packageRoot(), "bench", "measure.py"), report, ...command], {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ["ignore", "pipe", "pipe"],
    // A process group of its own.
    detached: true,
  });
  running.add(child);
  const file = createWriteStream(log);
  for (const stream of [child.stdout, child.stderr]) stream.pipe(file, { end: false });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  }).finally(() => running.delete(child));
  await new Promise((done) => file.end(done));
  const text = readFileSync(log, "utf8");
  if (code !== 0) {
    const end = text.trimEnd().split("\n").slice(-30).join("\n");
    throw new Error(`"${command.join(" ")}" ended with ${code}:\n${end}\nthe whole log: ${log}`);
  }
  return { ...JSON.parse(readFileSync(report, "utf8")), text };
}

/** The middle one of some numbers. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
