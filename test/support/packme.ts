/** packme 0.8.0 from PyPI, in a virtual environment that is made on first use and kept for the next run. */
import { type ExecFileSyncOptions, execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";

const VERSION = "0.8.0";

/** The folder of packme's programs. */
export function packmePrograms(): string {
  const folder = resolve(__dirname, "../../node_modules/.cache/visa-image-packme", VERSION);
  const done = join(folder, "bin", "packme");
  if (!existsSync(done)) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(dirname(folder), { recursive: true });
    const quiet: ExecFileSyncOptions = { stdio: ["ignore", "ignore", "inherit"] };
    execFileSync("python3", ["-m", "venv", folder], quiet);
    const options = ["--quiet", "--disable-pip-version-check", "--no-input"];
    try {
      execFileSync(join(folder, "bin", "pip"), ["install", ...options, `packme==${VERSION}`], quiet);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }
  return dirname(done);
}

/** What packme makes of a tree: manifest.json by template. The manifests are left in the tree. */
export function runPackme(
  tree: string,
  templates: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Record<string, Record<string, unknown>> {
  const programs = packmePrograms();
  const { status, stdout, stderr } = spawnSync(
    join(programs, "python"),
    [join(programs, "packme"), "--debug", "-i", "config.yml", "-t", "templates", "-p", "packages"],
    {
      cwd: tree,
      env: { PATH: `${programs}${delimiter}/usr/bin${delimiter}/bin`, ...environment },
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(`packme ended with ${status}: ${stdout}${stderr}`);
  return Object.fromEntries(
    templates.map((name) => [name, JSON.parse(readFileSync(join(tree, "templates", name, "manifest.json"), "utf8"))]),
  );
}
