/** `visa-image init`: a new project, from the examples that the package ships and the tests synthesize. */
import { constants, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { ExitCode, VisaImageError } from "../errors";
import { packageRoot } from "../package-root";
import { compareVersions } from "../runner/host/requirements";

/** Options of the command. */
export interface InitCommandOptions {
  readonly json?: true;
}

/** npm leaves files of this name out of a package. */
const IGNORED = "node_modules/\ncdktf.out/\nvisa-bundle*.tar\nterraform.*.tfstate*\n*.js\n*.d.ts\n";

/** Runs the command. */
export function runInit(directory: string, options: InitCommandOptions): void {
  const folder = resolve(directory);
  const examples = join(packageRoot(), "examples");
  const files = [
    ...filesBelow(join(examples, "project")),
    ...filesBelow(join(examples, "facility-layer")).map(({ path, source }) => ({
      path: join("facility", path),
      source,
    })),
  ];
  const paths = [...files.map(({ path }) => path), ".gitignore"].sort();
  const present = paths.filter((path) => existsSync(join(folder, path)));
  if (present.length > 0) {
    throw new VisaImageError(`"${folder}" has ${present.map((path) => `"${path}"`).join(", ")} already`, {
      fix: "name another folder: nothing is overwritten",
      exitCode: ExitCode.USAGE,
    });
  }
  for (const { path, source } of files) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    if (path === "package.json") writeFileSync(target, packageJson(source), { flag: "wx" });
    else copyFileSync(source, target, constants.COPYFILE_EXCL);
  }
  writeFileSync(join(folder, ".gitignore"), IGNORED, { flag: "wx" });
  const cli = commandLine().program;
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ folder, files: paths }, null, 2)}\n`);
    return;
  }
  process.stdout.write(`made ${folder}: ${paths.join(", ")}
next:
  cd ${directory} && npm install
  npx visa-image doctor     # whether this machine can build and deploy
  npx ${cli} diff            # what would be built; OS_CLOUD or the OS_* variables say where it goes
  npx ${cli} deploy
`);
}

/**
 * The command line that runs on this Node.js: cdktf-cli 0.21, the last one, has a binary for Node.js 22 at most; its
 * continuation wants 22.19, and takes the place of cdktf under its name.
 */
export function commandLine(node = process.versions.node): { program: string; dependencies: Record<string, string> } {
  const { devDependencies } = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8"));
  const { cdktf, cdktn } = devDependencies;
  return compareVersions(node, "22.19") < 0
    ? { program: "cdktf", dependencies: { cdktf, "cdktf-cli": devDependencies["cdktf-cli"] } }
    : { program: "cdktn", dependencies: { cdktf: `npm:cdktn@${cdktn}`, "cdktn-cli": cdktn } };
}

/** The example's, with this version of the package among its dependencies. */
function packageJson(source: string): string {
  const { version, devDependencies } = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8"));
  const own = JSON.parse(readFileSync(source, "utf8"));
  const { program, dependencies } = commandLine();
  const names = Object.keys(own.dependencies).filter((name) => !/^cdktf(-cli)?$/.test(name));
  const others = names.map((name) => [name, name === "cdktf-visa-images" ? `^${version}` : devDependencies[name]]);
  own.dependencies = { ...dependencies, ...Object.fromEntries(others) };
  own.scripts = { diff: `${program} diff`, deploy: `${program} deploy` };
  return `${JSON.stringify(own, null, 2)}\n`;
}

function filesBelow(folder: string): { path: string; source: string }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((source) => ({ path: relative(folder, source), source }));
}
