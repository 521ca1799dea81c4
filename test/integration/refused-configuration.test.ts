/** What Packer refuses is told before the first layer is built: by Packer itself, on the configurations as they are run. */
import { spawnSync } from "node:child_process";
import { cpSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type TinyLayer, writeTinySpecification } from "../support/tiny-guest/tiny-guest";
import { type Ended, workspaces } from "./runner-support";

jest.setTimeout(120_000);

const workspace = workspaces();
const lower: TinyLayer = { name: "lower", provisioners: [{ shell: { inline: ["true"] } }] };

function build(...layers: TinyLayer[]): Promise<Ended> {
  return workspace().run(["build", "--specification", writeTinySpecification(workspace().folder, layers).file]);
}

/** Nothing was begun, and nothing is left. */
function expectNothingBuilt(): void {
  expect(workspace().names("artifacts")).toEqual([]);
  expect(workspace().names("logs")).toEqual([]);
  expect(workspace().leftovers()).toEqual([]);
}

/** Packer's own words, which it breaks into lines. */
const inOneLine = (text: string) => text.replace(/\s+/g, " ");

const REFUSED: [string, Partial<TinyLayer>, string, string][] = [
  [
    "a key of the builder that this Packer does not know",
    { settings: { not_of_this_packer: true } },
    'No argument or block type is named "not_of_this_packer"',
    'remove "not_of_this_packer" from the manifest of "upper", or put a Packer on PATH that knows it',
  ],
  [
    "a key of a step that this Packer does not know",
    { provisioners: [{ shell: { inline: ["true"], not_of_this_packer: "x" } }] },
    'No argument or block type is named "not_of_this_packer"',
    'remove "not_of_this_packer" from the manifest of "upper"',
  ],
  [
    "a map where a list is asked for",
    { provisioners: [{ shell: { inline: ["true"], environment_vars: { A: "b" } } }] },
    'Inappropriate value for attribute "environment_vars": list of string required',
    'correct the manifest of "upper"',
  ],
];

test.each(REFUSED)("fails before the layers below are built with %s", async (_, layer, words, fix) => {
  const upper: TinyLayer = { name: "upper", provisioners: [{ shell: { inline: ["true"] } }], ...layer };
  const { code, stderr } = await build(lower, upper);
  expect(stderr).toMatch(/Packer \d[\d.]* refuses the configuration of "upper":\n/);
  expect(inOneLine(stderr)).toContain(words);
  expect(inOneLine(stderr)).toContain(`fix: ${fix}`);
  expect(stderr).not.toMatch(/Warning|source code not available|"lower"/);
  expect(code).toBe(2);
  expectNothingBuilt();
});

test("fails with all layers that are refused at once", async () => {
  const settings = { not_of_this_packer: true };
  const { code, stderr } = await build({ ...lower, settings }, { ...lower, name: "upper", settings });
  expect(stderr).toMatch(/refuses the configuration of "lower":\n[\s\S]*refuses the configuration of "upper":\n/);
  expect(code).toBe(2);
  expectNothingBuilt();
});

test("fails with exit code 4 where a file of an upper layer is gone, before the lower one is built", async () => {
  const upper: TinyLayer = {
    name: "upper",
    files: { "scripts/upper.sh": "true\n" },
    provisioners: [{ shell: { script: "scripts/upper.sh" } }],
  };
  const { file, specification } = writeTinySpecification(workspace().folder, [lower, upper]);
  const source = specification.layers[1]?.files[0] as { source: string };
  source.source = "inputs/upper/elsewhere.sh";
  writeFileSync(file, JSON.stringify(specification));
  const { code, stderr } = await workspace().run(["build", "--specification", file]);
  expect(stderr).toMatch(/elsewhere\.sh" of "upper" changed since the plan: it is gone/);
  expect(code).toBe(4);
  expectNothingBuilt();
});

/** Runs the command on a tree from the field. */
function inTree(name: string, ...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const folder = join(workspace().folder, name);
  cpSync(resolve("test/fixtures/cases", name), folder, { recursive: true });
  const [program, ...rest] = workspace().commandLine(...args);
  const { status, stdout, stderr } = spawnSync(program, rest, {
    cwd: folder,
    env: workspace().environment,
    encoding: "utf8",
  });
  return { code: status, stdout, stderr };
}

test("fails before the base is made with the tree of keys that Packer 1.6.6 does not know", () => {
  const { code, stderr } = inTree("keys", "build", "x");
  expect(stderr).toMatch(/Packer [\d.]+ refuses the configuration of "x":\n/);
  expect(stderr).toContain('No argument or block type is named "efi_boot".');
  expect(stderr).toContain('fix: remove "efi_boot" from the manifest of "x"');
  expect(code).toBe(2);
  expectNothingBuilt();
});

test("fails at synth with the tree of a duration that has no unit", () => {
  const { code, stderr } = inTree("pause", "render", "lay");
  expect(stderr).toMatch(/manifest\.yml:4:\d+: "10" is not a duration.*\n {2}fix: .*"pause_before: 10s"/);
  expect(code).toBe(2);
});

test.each(["lay", "lay2"])("the runner alone says how the machine of the tree of CPUs is run: %s", (template) => {
  const { code, stdout } = inTree("cpu", "render", template);
  expect(code).toBe(0);
  expect(stdout).not.toMatch(/enable-kvm|accel=kvm|"host"|"2048M"/);
});
