/** `visa-image diff IMAGE --deploy`, on what a synth really stages. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { App } from "cdktf";
import { readProvenance } from "../../lib/releases/provenance";
import { keepReleaseFiles } from "../../lib/releases/release-files";
import { formatLock, type Release } from "../../lib/releases/release-lock";
import { Cache } from "../../lib/runner/cache/cache";
import type { BuildSpecification } from "../../lib/specification";
import { runCommand } from "../cli/run-command";
import { addImage, chain, newStack } from "../constructs/support";
import { scratchFolder } from "../support/scratch";

const IMAGE = "images/visa-apps";
const before = chain();
const after = chain({ script: "3fa1c0ffee00 0755" });
let folder: string;
let cache: Cache;
let lockFile: string;

beforeEach(() => {
  folder = scratchFolder();
  cache = new Cache(join(folder, "cache"));
  lockFile = join(folder, "visa-images.lock.json");
  for (const index of before.layers.keys()) publish(before, index);
  writeFileSync(lockFile, formatLock({ version: 1, images: { [IMAGE]: [release()] } }));
});

function release(): Release {
  return {
    ...{ release: "111111111111", fingerprint: last(before).fingerprint, template: "visa-apps", name: "desktop" },
    ...{ diskFormat: "raw", imageId: "id", sha512: "", sizeBytes: 1, registered: "2026-11-28T10:00:00Z" },
  };
}

const last = ({ layers }: BuildSpecification) => layers.at(-1) as BuildSpecification["layers"][number];

/** A layer of a chain, as if it were built. */
function publish({ layers }: BuildSpecification, index: number): void {
  const { name, fingerprint, inputs, parent } = layers[index] as BuildSpecification["layers"][number];
  mkdirSync(cache.folder(fingerprint), { recursive: true });
  const manifest = {
    ...{ version: 1, fingerprint, template: name, inputs, tools: {}, packageVersion: "0", durationSeconds: 444 },
    ...(index > 0 && { parent: { fingerprint: parent, diskSha256: "" } }),
    ...{ createdAt: "2026-11-27T00:00:00.000Z", disk: { bytes: 4, sha256: "", modified: 0, virtualSizeGb: 1 } },
  };
  writeFileSync(join(cache.folder(fingerprint), "manifest.json"), JSON.stringify(manifest));
}

function synth(specification: BuildSpecification, more: { readonly release?: string } = {}): void {
  const stack = newStack("images", join(folder, "cdktf.out"));
  addImage(stack, { specification, lockFile, ...more });
  App.of(stack).synth();
}

const diff = (...args: string[]) =>
  runCommand(["diff", ...args, "--cache", "cache", "--deploy"], folder, { PATH: process.env.PATH });

test("what is not built yet is told by its layers, and their inputs that changed", async () => {
  synth(after);
  const { status, stdout } = await diff(IMAGE);
  expect(status).toBe(0);
  expect(stdout).toBe(`1 layer is to be built: visa-apps; which packages change is known after that

Compared:
  A  release 111111111111 of images/visa-apps, visa-apps ${last(before).fingerprint.slice(0, 12)}
  B  what a deploy would make of images/visa-apps, visa-apps ${last(after).fingerprint.slice(0, 12)}

Layers that are built:
  visa-apps ${last(after).fingerprint.slice(0, 12)}, last time 7 min 24 s, on 2026-11-27
    scripts/jupyter.sh 77b2c0ffee00 -> 3fa1c0ffee00
`);
  const report = JSON.parse((await diff(IMAGE, "--json")).stdout);
  expect(report).toMatchObject({
    version: 1,
    layers: [{ name: "visa-apps", changed: [{ after: "3fa1c0ffee00 0755" }] }],
  });
  expect((await diff(IMAGE, "--markdown")).stdout).toContain("  - `scripts/jupyter.sh` 77b2c0ffee00 -> 3fa1c0ffee00");
});

test("what is built already is compared as two images are", async () => {
  publish(after, 2);
  synth(after);
  expect((await diff(IMAGE)).stdout).toMatch(/^no difference; not compared: packages/);
  expect((await diff(IMAGE)).stdout).toContain("B  what a deploy would make of images/visa-apps, visa-apps");
});

test("nothing new", async () => {
  synth(before);
  writeFileSync(lockFile, formatLock({ version: 1, images: { [IMAGE]: [release()] } }));
  expect((await diff(IMAGE)).stdout).toMatch(/^no difference: a deploy would make the same disk as another release, /);
});

test("a checkout that built nothing knows the inputs from what is kept beside the lock", async () => {
  const provenance = await readProvenance(cache, last(before).fingerprint);
  await keepReleaseFiles(lockFile, "111111111111", provenance as NonNullable<typeof provenance>);
  rmSync(cache.root, { recursive: true });
  synth(after);
  const { stdout } = await diff(IMAGE);
  expect(stdout).toContain("    scripts/jupyter.sh 77b2c0ffee00 -> 3fa1c0ffee00\n");
  expect(stdout).toMatch(/^3 layers are to be built: system-base, visa-base, visa-apps; /);
  expect(stdout).toContain("Not known here:\n  what the layer system-base was made from");
});

test("layers that stay, and that this machine lacks, are named", async () => {
  const [, base] = before.layers;
  rmSync(cache.folder(base?.fingerprint as string), { recursive: true });
  const provenance = await readProvenance(cache, last(before).fingerprint);
  await keepReleaseFiles(lockFile, "111111111111", provenance as NonNullable<typeof provenance>);
  const other = { ...release(), release: "222222222222", fingerprint: base?.fingerprint as string };
  publish(before, 1);
  const kept = await readProvenance(cache, other.fingerprint);
  await keepReleaseFiles(lockFile, other.release, kept as NonNullable<typeof kept>);
  rmSync(cache.folder(other.fingerprint), { recursive: true });
  writeFileSync(lockFile, formatLock({ version: 1, images: { [IMAGE]: [release()], "images/base": [other] } }));
  synth(after);
  const { stdout } = await diff(IMAGE);
  expect(stdout).toMatch(/^1 layer is to be built: visa-apps; /);
  expect(stdout).toContain("Not known here:\n  this cache lacks visa-base: built again here, from the same inputs\n");
});

test("fails for what was not staged, is not in use, goes back, or is named twice", async () => {
  expect((await diff(IMAGE)).stderr).toContain("after npx cdktf synth");
  synth(after, { release: "111111111111" });
  expect((await diff(IMAGE)).stderr).toMatch(/goes back to a release/);
  expect((await diff("visa-apps")).status).toBe(2);
  expect((await diff(IMAGE, "other")).stderr).toContain("--deploy compares with the release in use");
  synth(after);
  writeFileSync(lockFile, formatLock({ version: 1, images: {} }));
  expect((await diff(IMAGE)).stderr).toContain('no release of "images/visa-apps" is in use');
  writeFileSync(join(folder, "cdktf.out", "stacks", "images", "cdk.tf.json"), "{");
  expect((await diff(IMAGE)).stderr).toContain("this is no JSON, or was cut off");
});
