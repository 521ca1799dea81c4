/** `visa-image cloud`: hands over to the embedded cloud, which is part of the repository and not of the package. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, VisaImageError } from "../errors";
import { packageRoot } from "../package-root";

/** Runs the command. */
export function runCloud(args: readonly string[]): void {
  const program = join(packageRoot(), "dev", "cloud");
  if (!existsSync(program)) {
    throw new VisaImageError("the embedded cloud is part of the repository of cdktf-visa-images, not of the package", {
      fix: "check the repository out, run dev/setup there, then dev/cloud start",
      exitCode: ExitCode.USAGE,
    });
  }
  const { status, error } = spawnSync(program, args, { stdio: "inherit" });
  if (error) throw new VisaImageError(`cannot run "${program}": ${error.message}`, { cause: error });
  process.exitCode = status ?? ExitCode.FAILURE;
}
