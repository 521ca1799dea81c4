/** `visa-image shell`: a machine at a checkpoint of a layer, with ssh in this terminal. */
import { spawn } from "node:child_process";
import type { ShellLogin } from "../runner/shell";
import { StoppedError } from "../runner/supervisor";
import { type BuildCommandOptions, readJobs, superviseJob } from "./build-command";
import { environmentOf } from "./inputs";
import type { Job } from "./parallel";

/** Options of the command, as commander reads them. */
export interface ShellCommandOptions extends BuildCommandOptions {
  readonly at?: number;
}

/** Runs the command; its exit code is that of ssh. */
export async function runShell(template: string | undefined, options: ShellCommandOptions): Promise<void> {
  const environment = environmentOf(options);
  const [job] = readJobs(template === undefined ? [] : [template], options, environment) as [Job];
  const shell = { at: options.at };
  try {
    await superviseJob(job, options, environment, { shell, onReady: logIn });
  } catch (error) {
    // It was ended because the person has left.
    if (!(error instanceof StoppedError && error.exitCode === 0)) throw error;
  }
}

async function logIn({ key, port }: ShellLogin): Promise<void> {
  const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentitiesOnly=yes"];
  const args = ["-i", key, "-p", String(port), ...options.flatMap((option) => ["-o", option]), "root@127.0.0.1"];
  const ssh = spawn("ssh", args, { stdio: "inherit" });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    ssh.once("error", reject);
    ssh.once("close", (code) => resolve(code ?? 1));
  });
}
