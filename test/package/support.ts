import { spawnSync } from "node:child_process";
import { packageRoot } from "../../lib/package-root";

/** Runs a command in a folder, which has to succeed; what it printed. */
export function runIn(
  folder: string,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, env, encoding: "utf8" });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** Packs what is compiled, as it is; the tarball's name in the folder. */
export function packInto(folder: string): string {
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const [{ filename }] = JSON.parse(runIn(packageRoot(), "npm", args));
  return filename;
}

/** Installs npm's packages in a folder. */
export function install(folder: string, packages: readonly string[], env?: NodeJS.ProcessEnv): void {
  runIn(folder, "npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", ...packages], env);
}
