/** `visa-image init`: a new project, from the examples that the package ships and the tests synthesize. */
import { constants, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { ExitCode, VisaImageError } from "../errors";
import { packageRoot } from "../package-root";

/** Options of the command. */
export interface InitCommandOptions {
  readonly json?: true;
}

/** npm leaves files of this name out of a package. */
const IGNORED = "node_modules/\ncdktf.out/\nterraform.*.tfstate*\n*.js\n*.d.ts\n";

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
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ folder, files: paths }, null, 2)}\n`);
    return;
  }
  process.stdout.write(`made ${folder}: ${paths.join(", ")}
next:
  cd ${directory} && npm install
  npx visa-image doctor     # whether this machine can build and deploy
  npx cdktf diff            # what would be built; OS_CLOUD or the OS_* variables say where it goes
  npx cdktf deploy
`);
}

/** The example's, with this version of the package among its dependencies. */
function packageJson(source: string): string {
  const { version, devDependencies } = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8"));
  const own = JSON.parse(readFileSync(source, "utf8"));
  own.dependencies = Object.fromEntries(
    Object.keys(own.dependencies).map((name) => [
      name,
      name === "cdktf-visa-images" ? `^${version}` : devDependencies[name],
    ]),
  );
  return `${JSON.stringify(own, null, 2)}\n`;
}

function filesBelow(folder: string): { path: string; source: string }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((source) => ({ path: relative(folder, source), source }));
}
