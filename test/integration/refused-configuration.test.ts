/** What Packer refuses is told before the first layer is built: by Packer itself, on the configurations as they are run. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
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

test("fails with all layers that are refused, before those below are built", async () => {
  const step = { inline: ["true"] };
  const layers: TinyLayer[] = [
    { ...lower, name: "machine", settings: { not_of_the_machine: true } },
    { name: "step", provisioners: [{ shell: { ...step, not_of_a_step: "x" } }] },
    // A map where a list is asked for.
    { name: "kind", provisioners: [{ shell: { ...step, environment_vars: { A: "b" } } }] },
  ];
  const { code, stderr } = await build(lower, ...layers);
  const said = stderr.split(/Packer \d[\d.]* refuses the configuration of /).map(inOneLine);
  expect(said).toEqual([
    expect.any(String),
    expect.stringMatching(/^"machine":.* named "not_of_the_machine"/),
    expect.stringMatching(/^"step":.* named "not_of_a_step"/),
    expect.stringMatching(/^"kind":.*Inappropriate value for attribute "environment_vars": list of string required/),
  ]);
  expect(stderr).toContain('fix: remove "not_of_the_machine" from the manifest of "machine", or put a Packer on PATH');
  expect(stderr).not.toMatch(/Warning|source code not available|build\.pkr\.json/);
  expect(code).toBe(2);
  expectNothingBuilt();
});

test("fails with what others build afterwards", async () => {
  const upper = { ...lower, name: "upper", settings: { not_of_this_packer: true } };
  const { file, specification } = writeTinySpecification(workspace().folder, [lower, upper]);
  const [first, later] = specification.layers;
  const places = { "source.qemu.tiny.not_of_this_packer": { file: "upper/manifest.yml", line: 4 } };
  writeFileSync(file, JSON.stringify({ ...specification, layers: [first], later: [{ ...later, places }] }));
  const { code, stderr } = await workspace().run(["build", "--specification", file]);
  expect(stderr).toContain(`${workspace().folder}/upper/manifest.yml:4: Packer `);
  expect(stderr).toContain('fix: remove "not_of_this_packer" from the manifest of "upper"');
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

test("fails before the base is made where a tree has a key that this Packer does not know, with file and line", async () => {
  const tree = resolve("test/fixtures/cases/keys");
  const { code, stderr } = await workspace().run(["build", "x", "--catalog", tree]);
  expect(stderr).toMatch(/keys\/templates\/x\/manifest\.yml:4:\d+: Packer [\d.]+ refuses the configuration of "x":\n/);
  expect(stderr).toMatch(
    / {2}on \S+keys\/templates\/x\/manifest\.yml:4:\n.*No argument or block type is named "efi_boot"\./,
  );
  expect(stderr).toContain('fix: remove "efi_boot" from the manifest of "x"');
  expect(code).toBe(2);
  expectNothingBuilt();
});

test("fails with QEMU's own words where it does not start", async () => {
  // A device of no QEMU: it ends before it runs a guest.
  const qemuargs = [["-device", "of-no-qemu"]];
  const { code, stderr } = await build({ ...lower, settings: { qemuargs } });
  expect(inOneLine(stderr)).toMatch(
    /Qemu failed to start\..* QEMU said: \S+: -device of-no-qemu: 'of-no-qemu' is not a valid device/,
  );
  expect(workspace().log()).toMatch(/^.*qemu: .*'of-no-qemu' is not a valid device/m);
  expect(code).toBe(3);
  expect(workspace().leftovers()).toEqual([]);
});
