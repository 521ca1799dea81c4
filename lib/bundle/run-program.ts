/** Runs npm, tar and Terraform to their end. They end with this process, however it ends. */
import { execFile } from "node:child_process";
import { NO_ROOM_FIX, VisaImageError } from "../errors";

/** Options of {@link runProgram}. */
export interface RunProgramOptions {
  readonly directory?: string;
  /** @default - this process's own, since they are the user's own programs, with the user's settings */
  readonly environment?: NodeJS.ProcessEnv;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/** How a program ended. */
export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a program may print, in bytes. */
const LONGEST = 64 << 20;

/** Runs a program. @throws VisaImageError where it cannot be started */
export function tryProgram(
  program: string,
  args: readonly string[],
  { directory: cwd, environment: env, signal }: RunProgramOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const options = { cwd, env, signal, killSignal: "SIGKILL", maxBuffer: LONGEST, encoding: "utf8" } as const;
    execFile("setpriv", ["--pdeathsig", "KILL", "--", program, ...args], options, (error, stdout, stderr) => {
      if (signal?.aborted) reject(signal.reason);
      else if (!error) resolve({ code: 0, stdout, stderr });
      else if (typeof error.code === "number") resolve({ code: error.code, stdout, stderr });
      else reject(new VisaImageError(`cannot run "${program}": ${error.message}`, { cause: error }));
    });
  });
}

/** As {@link tryProgram}, but a program that fails is an error that shows its last lines. @param fix what to do then */
export async function runProgram(
  program: string,
  args: readonly string[],
  { fix, ...options }: RunProgramOptions & { readonly fix?: string } = {},
): Promise<string> {
  const { code, stdout, stderr } = await tryProgram(program, args, options);
  if (code === 0) return stdout;
  throw programFailed(`${program} ${args[0] ?? ""}`, { code, stdout, stderr }, fix);
}

/** The error of a program that failed. */
export function programFailed(what: string, { code, stdout, stderr }: ProgramResult, fix?: string): VisaImageError {
  const said = (stderr.trim() || stdout.trim()).split("\n").slice(-12);
  return new VisaImageError(`"${what}" failed with exit code ${code}:\n${said.map((line) => `  ${line}`).join("\n")}`, {
    fix: isFull(stderr) ? `${NO_ROOM_FIX}; then start it again` : fix,
  });
}

/** Whether it is room that a program lacked; a tar that could write a part of what it was about to says no more. */
export function isFull(said: string): boolean {
  return /No space left on device|ENOSPC|Disk quota exceeded|Wrote only \d+ of/.test(said);
}
