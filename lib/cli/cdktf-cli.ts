/** Whether the command line of cdktf that a project has runs on this Node.js. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { compareVersions } from "../runner/host/requirements";
import type { Finding } from "./finding";
import { commandLine } from "./init-command";

/**
 * cdktf-cli 0.21, the last one, brings a binary for Node.js 22 at most: none of its commands starts on a newer one.
 *
 * @param folder the project's; elsewhere there is nothing to find
 */
export function cdktfCli(folder: string, node = process.versions.node): Finding[] {
  if (!existsSync(join(folder, "cdktf.json"))) return [];
  const found = versionOf(folder);
  if (found === undefined) return [];
  const name = "cdktf-cli";
  if (compareVersions(node, "23") < 0) return [{ name, status: "ok", found }];
  const { program, dependencies } = commandLine(node);
  const install = Object.entries(dependencies).map(([own, version]) => `${own}@${version}`);
  return [
    {
      name,
      status: "missing",
      found: `${found}, which does not start on Node.js ${node}: it has a binary for 22 at most`,
      fix: `npm uninstall ${name} && npm install ${install.join(" ")}, and call npx ${program}; or use Node.js 22`,
    },
  ];
}

/** That which is installed, else that which is asked for. */
function versionOf(folder: string): string | undefined {
  const read = (file: string) => JSON.parse(readFileSync(file, "utf8")) as Record<string, Record<string, string>>;
  const ours = join(folder, "package.json");
  try {
    return String(read(createRequire(ours).resolve("cdktf-cli/package.json")).version);
  } catch {
    // It is not installed, or not yet.
  }
  if (!existsSync(ours)) return undefined;
  const { dependencies, devDependencies } = read(ours);
  return dependencies?.["cdktf-cli"] ?? devDependencies?.["cdktf-cli"];
}
