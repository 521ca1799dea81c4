/** `visa-image boot-command`: the user data that VISA gives to each new instance. */
import { readFileSync } from "node:fs";
import { OwnerUserData } from "../constructs/owner-user-data";
import { ExitCode, VisaImageError } from "../errors";

/** Options of the command. */
export interface BootCommandOptions {
  readonly format?: "script" | "cloud-config";
  readonly extraShell?: string;
  readonly json?: true;
}

/** Runs the command. */
export function runBootCommand(options: BootCommandOptions): void {
  const own = { extraShell: options.extraShell === undefined ? undefined : readShell(options.extraShell) };
  const userData = options.format === "cloud-config" ? OwnerUserData.cloudConfig(own) : OwnerUserData.script(own);
  const { text, warnings } = userData;
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  process.stdout.write(options.json ? `${JSON.stringify({ bootCommand: text }, null, 2)}\n` : text);
}

function readShell(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new VisaImageError(`cannot read "${file}": ${(cause as Error).message}`, {
      fix: "name a file of shell commands",
      exitCode: ExitCode.USAGE,
      cause,
    });
  }
}
