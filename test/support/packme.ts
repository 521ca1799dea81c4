/** packme 0.8.0 from PyPI, in a virtual environment that is made on first use and kept for the next run. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";

const VERSION = "0.8.0";

/** Makes the environment where it is missing: under a lock, since two test files may come here at once. */
const INSTALL = `
set -eu
[ ! -e "$1/bin/packme" ] || exit 0
rm -rf -- "$1"
python3 -m venv "$1"
"$1/bin/pip" install --quiet --disable-pip-version-check --no-input --retries 10 "$2" || { rm -rf -- "$1"; exit 1; }
`;

/** The folder of packme's programs. */
export function packmePrograms(): string {
  const folder = resolve(__dirname, "../../node_modules/.cache/visa-image-packme", VERSION);
  mkdirSync(dirname(folder), { recursive: true });
  execFileSync("flock", [`${folder}.lock`, "sh", "-c", INSTALL, "sh", folder, `packme==${VERSION}`], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return join(folder, "bin");
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
