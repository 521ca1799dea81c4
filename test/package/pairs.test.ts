/**
 * The frameworks, constructs, Terraform and OpenTofu that the package is said to go with: each pair is installed from
 * npm's registry with the packed tarball, and the examples are synthesized with it. All of them synthesize the same,
 * so that is validated once for each of Terraform and OpenTofu.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ModuleKind, ScriptTarget, transpileModule } from "typescript";
import { packageRoot } from "../../lib/package-root";
import { formatLock, type Release } from "../../lib/releases/release-lock";
import { terraformEnvironment, UNREACHABLE_CLOUD } from "../integration/terraform-support";
import { scratchFolder } from "../support/scratch";
import { PAIRS, type Pair, PRODUCTS, tables } from "./pairs";
import { install, packInto, runIn } from "./support";

jest.setTimeout(300_000);

const root = packageRoot();
const scratch = scratchFolder();
/** Between them they have all constructs, one with releases of the past and one that was renamed. */
const EXAMPLES = ["destinations/main", "find-image/by-name", "infrastructure/one-stack", "infrastructure/two-stacks"];
const ALL = [...EXAMPLES, "visa/main"];
/** What is wrong in it a compiler says only where it knows the types of the framework through ours. */
const WRONG = `
import { type TerraformResource } from "FRAMEWORK";
import type { ImagesImageV2 } from "cdktf-visa-images/openstack/images-image-v2";
export const url: (image: ImagesImageV2) => TerraformResource = (image) => image;
export const name: (image: ImagesImageV2) => number = (image) => image.friendlyUniqueId;
`;
const INSTALLED = PAIRS.filter(({ elsewhere }) => !elsewhere);
const COMPILER = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2022", "--types", "node"];

let tarball: string;
/** By example and stack, what the first pair has synthesized. */
let synthesized: Map<string, string> | undefined;

beforeAll(() => {
  tarball = join(scratch, packInto(scratch));
});

function folderOf({ framework, version, constructs, also }: Pair): string {
  return join(scratch, `${framework}-${version}-${constructs}${also ? "-also" : ""}`);
}

/** Makes a pair's project: installed, with the examples as they are written for it. */
function prepare({ framework, version, constructs, also }: Pair, project: string): void {
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{ "private": true }\n');
  writeFileSync(join(project, "cdktf.json"), '{ "app": "true", "language": "typescript" }\n');
  const past = ["111111111111", "222222222222"].map(pastRelease);
  const renamed = { "images/desktop": "images/old" };
  writeFileSync(
    join(project, "visa-images.lock.json"),
    formatLock({ version: 1, images: { "images/desktop": past }, renamed }),
  );
  install(project, [`${framework}@${version}`, `constructs@${constructs}`, tarball, ...(also ? [also] : [])]);
  for (const example of ALL) {
    const text = readFileSync(join(root, "examples", `${example}.ts`), "utf8");
    writeFileSync(join(project, sourceOf(example)), text.replaceAll('"cdktf"', `"${framework}"`));
  }
}

function pastRelease(release: string): Release {
  return {
    ...{ release, fingerprint: release.padEnd(64, "0"), template: "visa-apps", name: "VISA desktop" },
    ...{ diskFormat: "raw", imageId: `5f0e9b7c-0000-4000-8000-${release}`, sha512: "ab", sizeBytes: 1 },
    registered: "2026-11-01T00:00:00Z",
  };
}

function sourceOf(example: string): string {
  return `${example.replace("/", "-")}.ts`;
}

/** Synthesizes the examples; what each stack is, without what is the project's own. */
function synthesize(project: string): Map<string, string> {
  const names = ALL.map((example) => example.replace("/", "-"));
  for (const name of names) {
    const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 };
    const source = readFileSync(join(project, `${name}.ts`), "utf8");
    writeFileSync(join(project, `${name}.js`), transpileModule(source, { compilerOptions }).outputText);
  }
  mkdirSync(join(project, "out"));
  const all = `for (const name of process.argv.slice(1)) {
    process.env.CDKTF_OUTDIR = "out/" + name;
    require("./" + name + ".js");
  }`;
  runIn(project, process.execPath, ["-e", all, ...names]);
  const stacks = new Map<string, string>();
  for (const name of names) {
    const folder = join(project, "out", name, "stacks");
    for (const stack of readdirSync(folder)) {
      const { "//": _, ...json } = JSON.parse(readFileSync(join(folder, stack, "cdk.tf.json"), "utf8"));
      stacks.set(`${name}/stacks/${stack}`, JSON.stringify(json, null, 1).replaceAll(project, "<project>"));
    }
  }
  return stacks;
}

/** A Terraform or an OpenTofu of this machine, by whatever name it has. */
function programOf(name: string): string | undefined {
  return ["terraform", "tofu", join(root, ".embedded", "bin", "tofu")].find((program) => {
    const { stdout } = spawnSync(program, ["version"], { env: terraformEnvironment({}), encoding: "utf8" });
    return stdout?.startsWith(`${name} v`);
  });
}

/** Minutes of two processors: `npm run test:faults` has it where the machine has none. */
function buildOpenTofu(): string {
  const embedded = join(scratch, "embedded");
  runIn(root, join(root, "dev", "opentofu", "build"), [], { ...process.env, VISA_EMBEDDED_DIR: embedded });
  return join(embedded, "bin", "tofu");
}

const there = (pair: Pair) =>
  !pair.absent || spawnSync("npm", ["view", `${pair.framework}@${pair.version}`, "version"]).status === 0;

describe.each(
  INSTALLED.map(
    (pair) =>
      [
        `${pair.framework} ${pair.version}, constructs ${pair.constructs}${pair.also ? `, ${pair.also}` : ""}`,
        pair,
      ] as const,
  ),
)("%s", (_, pair) => {
  const project = folderOf(pair);

  (there(pair) ? test : test.skip)("is found, and synthesizes what the others do", () => {
    prepare(pair, project);
    const installed = (name: string) =>
      JSON.parse(readFileSync(join(project, "node_modules", name, "package.json"), "utf8"));
    expect(installed(pair.framework).version).toBe(pair.version);
    expect(installed("constructs").version).toBe(pair.constructs);
    const other = pair.framework === "cdktf" ? "cdktn" : "cdktf";
    expect(existsSync(join(project, "node_modules", other))).toBe(pair.also !== undefined);
    const stacks = synthesize(project);
    synthesized ??= stacks;
    expect(Object.fromEntries(stacks)).toEqual(Object.fromEntries(synthesized));
  });

  (pair.types ? test : test.skip)("has its types", () => {
    writeFileSync(join(project, "wrong.ts"), WRONG.replaceAll("FRAMEWORK", pair.framework));
    const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
    const types = ["--typeRoots", join(root, "node_modules", "@types")];
    const files = [...ALL.map(sourceOf), "wrong.ts"];
    const { stdout } = spawnSync(process.execPath, [compiler, ...COMPILER, ...types, ...files], {
      ...{ cwd: project, encoding: "utf8" },
    });
    expect(stdout).toBe("wrong.ts(5,66): error TS2322: Type 'string' is not assignable to type 'number'.\n");
  });
});

test("the stacks have the blocks that older versions do not know", () => {
  expect([...(synthesized?.values() ?? [])].join()).toMatch(/"import": .*"moved": .*"removed": /s);
});

describe.each(PRODUCTS.map(({ name }) => name))("%s", (name) => {
  const found = programOf(name);
  (found || process.env.VISA_FAULTS === "full" ? test : test.skip)("takes what all of them synthesize", () => {
    const program = found ?? buildOpenTofu();
    const environment = terraformEnvironment(UNREACHABLE_CLOUD);
    const folders = [...(synthesized?.keys() ?? [])].map((stack) => join(folderOf(INSTALLED[0] as Pair), "out", stack));
    expect(folders).toHaveLength(6);
    for (const folder of folders) {
      // Another program's choice of the provider.
      rmSync(join(folder, ".terraform.lock.hcl"), { force: true });
      runIn(folder, program, ["init", "-input=false", "-backend=false", "-no-color"], environment);
      expect(runIn(folder, program, ["validate", "-no-color"], environment)).toMatch(/configuration is valid/);
    }
  });
});

test.each(["cdktf", "cdktn"])("a plain `npm install %s constructs` beside the package finds a pair", (framework) => {
  const folder = join(scratch, `plain-${framework}`);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), "{}");
  // Whatever npm was told that runs this.
  const options = ["--dry-run", "--no-audit", "--loglevel=notice"];
  const found = runIn(folder, "npm", ["install", ...options, framework, "constructs", tarball]);
  expect(found).toMatch(new RegExp(`^add ${framework} 0\\.`, "m"));
  expect(found).toMatch(/^add constructs 10\./m);
  expect(found).not.toMatch(new RegExp(`^add ${framework === "cdktf" ? "cdktn" : "cdktf"} `, "m"));
});

test("docs/dependencies.md has these tables", () => {
  expect(readFileSync(join(root, "docs", "dependencies.md"), "utf8")).toContain(`\n${tables()}\n`);
});
