/** A project that `visa-image init` makes, on the newest LTS of Node.js, on a machine without a route to anywhere. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { packageRoot } from "../../lib/package-root";
import { terraformEnvironment, UNREACHABLE_CLOUD } from "../integration/terraform-support";
import { scratchFolder } from "../support/scratch";
import { install, packInto, runIn } from "./support";

jest.setTimeout(300_000);

const scratch = scratchFolder();
const project = join(scratch, "desktops");
const root = packageRoot();
const NODE = "24";
/** As in a shell: npm hands its own settings down, by which an npm below it finds another project. */
const environment: NodeJS.ProcessEnv = {
  ...Object.fromEntries(
    Object.entries(terraformEnvironment(UNREACHABLE_CLOUD)).filter(([name]) => !name.startsWith("npm_")),
  ),
  CI: "1",
};
const newest = { ...environment, PATH: `${join(scratch, "node", "node_modules", ".bin")}:${environment.PATH}` };

/** Runs a command in a network namespace of its own, which has no route, and says how it ended. */
function withoutRoute(
  folder: string,
  env: NodeJS.ProcessEnv,
  ...command: string[]
): { status: number | null; text: string } {
  const shell = 'test -z "$(tail -n +2 /proc/net/route)" && exec "$@"';
  const args = ["--map-root-user", "--net", "sh", "-c", shell, "sh", ...command];
  const { status, stdout, stderr } = spawnSync("unshare", args, { cwd: folder, env, encoding: "utf8" });
  return { status, text: stripVTControlCharacters(`${stdout}${stderr}`) };
}

let tarball: string;

beforeAll(() => {
  tarball = packInto(scratch);
});

describe(`a new project on Node.js ${NODE}`, () => {
  beforeAll(() => {
    // What npm's package `node` installs by a script, which npm may refuse to run.
    mkdirSync(join(scratch, "node"));
    install(join(scratch, "node"), [`node-linux-${process.arch}@${NODE}`]);
    runIn(scratch, "node", [join(root, "dist", "lib", "cli", "main.js"), "init", project], newest);
    const file = join(project, "package.json");
    const own = JSON.parse(readFileSync(file, "utf8"));
    // This version is in no registry.
    own.dependencies["cdktf-visa-images"] = `file:../${tarball}`;
    writeFileSync(file, JSON.stringify(own));
    install(project, [], newest);
  });

  test("synthesizes", () => {
    expect(runIn(project, "npx", ["--no-install", "node", "--version"], newest)).toMatch(/^v24\./);
    const text = stripVTControlCharacters(runIn(project, "npx", ["--no-install", "cdktn", "synth"], newest));
    expect(text).toContain("Generated Terraform code for the stacks: desktops");
  });

  test("plans its images from an archive, in an empty home without a route, as docs/offline.md says", () => {
    const archive = join(scratch, "visa-bundle.tar");
    runIn(project, "npx", ["--no-install", "visa-image", "bundle", "--no-layers", "--output", archive], newest);
    const copy = join(scratch, "copy");
    const home = join(scratch, "home");
    mkdirSync(home);
    cpSync(project, copy, { recursive: true, filter: (path) => !/\/(node_modules|cdktf\.out)$/.test(path) });
    const { TF_CLI_CONFIG_FILE: _, VISA_IMAGE_CACHE: __, ...empty }: NodeJS.ProcessEnv = { ...newest, HOME: home };
    const cache = join(home, ".cache", "visa-images");
    const offline = { ...empty, TF_CLI_CONFIG_FILE: join(cache, "terraform.rc") };
    for (const command of [
      ["tar", "--extract", "--file", archive, "installer"],
      ["node", "installer", archive],
      ["npm", "ci", "--offline", "--cache", join(cache, "npm")],
    ]) {
      const { status, text } = withoutRoute(copy, empty, ...command);
      expect([status, status === 0 ? "" : text]).toEqual([0, ""]);
    }
    const { status, text } = withoutRoute(copy, offline, "npm", "run", "diff", "--", "--skip-provider-lock");
    expect(text).toMatch(/# terraform_data\.layer_my-apps .*will be created/);
    expect(text).toContain("Plan: ");
    expect(status).toBe(0);
  });
});

test("the ready-made stack is planned without a route, as docs/offline.md says", () => {
  const own = { VISA_LOCK_FILE: join(scratch, "lock.json"), VISA_STATE_FOLDER: scratch };
  const { status, text } = withoutRoute(
    root,
    { ...environment, ...own },
    ...["npx", "--no-install", "cdktf", "diff", "visa-image", "--output", join(scratch, "out"), "--skip-provider-lock"],
  );
  expect(text).toMatch(/# terraform_data\.layer_visa-apps .*will be created/);
  expect(status).toBe(0);
});
