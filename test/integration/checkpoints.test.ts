/** Checkpoints in a layer, on real parts: Packer and QEMU build a layer of three steps on the tiny guest. */
import { execFileSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ArtifactManifest } from "../../lib/runner/cache/cache";
import type { BuildSpecification } from "../../lib/specification";
import { writeTinySpecification } from "../support/tiny-guest/tiny-guest";
import { type Workspace, workspaces } from "./runner-support";

jest.setTimeout(300_000);

const current = workspaces();
let workspace: Workspace;

beforeEach(() => {
  workspace = current();
});

afterEach(() => {
  expect(workspace.leftovers()).toEqual([]);
  expect(workspace.processes()).toEqual([]);
});

const FIRST = "#!/bin/sh\necho the first step runs\ndd if=/dev/urandom of=/mnt/first bs=1M count=4 2>/dev/null\n";
const SECOND = "#!/bin/sh\necho the second step runs\nsha256sum /mnt/first | cut -d ' ' -f 1 >/mnt/second\n";
const THIRD = "#!/bin/sh\necho the third step runs\nrm /mnt/first\necho third >/mnt/third\n";

/** A layer of three scripts, flattened. */
function specify(scripts: readonly string[], files: Readonly<Record<string, string>> = {}) {
  const names = scripts.map((_, i) => `scripts/${i + 1}.sh`);
  const layer = {
    name: "stepped",
    files: { ...Object.fromEntries(names.map((name, i) => [name, scripts[i] as string])), ...files },
    provisioners: names.map((script) => ({ shell: { script } })),
  };
  const output = { format: "raw", path: "out/stepped.raw", minDiskGb: 1 } as const;
  return writeTinySpecification(workspace.folder, [layer], output);
}

function build(file: string, ...args: string[]) {
  return workspace.run(["build", "--specification", file, ...args]);
}

function manifestOf({ layers }: BuildSpecification): ArtifactManifest {
  const file = join(workspace.cache, "artifacts", layers.at(-1)?.fingerprint as string, "manifest.json");
  return JSON.parse(readFileSync(file, "utf8")) as ArtifactManifest;
}

/** Reads a file from the file system on the raw disk. */
function fromDisk(path: string): string {
  const disk = join(workspace.folder, "out/stepped.raw");
  return execFileSync("/sbin/debugfs", ["-R", `cat ${path}`, disk], { stdio: ["ignore", "pipe", "ignore"] }).toString();
}

/** How often a step has printed its line, in all builds. */
function runs(step: string): number {
  return workspace.log().split(`the ${step} step runs`).length - 1;
}

/** The files of the only build that has checkpoints. */
function checkpoints(): string[] {
  const [folder = "", ...more] = readdirSync(join(workspace.cache, "checkpoints"));
  expect(more).toEqual([]);
  return readdirSync(join(workspace.cache, "checkpoints", folder)).map((name) =>
    join(workspace.cache, "checkpoints", folder, name),
  );
}

/**
 * @fault guests: a step fails, and is mended
 * @then the next build starts at the checkpoint before it: `starts at checkpoint 2`. The steps before are not run again
 */
test("starts at the checkpoint before the step that failed, shows a machine there, and builds in one run where that is asked for", async () => {
  const failed = await build(specify([FIRST, SECOND, "#!/bin/sh\nexit 1\n"]).file);
  expect(failed.code).toBe(3);
  expect(failed.stderr).toContain("the next build starts at checkpoint 2, after scripts/2.sh");
  const { file, specification } = specify([FIRST, SECOND, THIRD]);

  const shell = ["shell", "--specification", file];
  await expect(workspace.run([...shell, "--at", "3"])).resolves.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/there is no checkpoint 3 of "stepped".*\n.*--at 1, --at 2/),
  });
  // What ssh reads.
  const input = "cat /mnt/first | sha256sum | cut -d ' ' -f 1; cat /mnt/second; rm /mnt/first; exit 7";
  const machine = workspace.start(shell, {}, input);
  const { code: left, stdout, stderr: said } = await machine.ended;
  expect(said).toContain('the machine of "stepped" at checkpoint 2, after scripts/2.sh');
  expect(left).toBe(7);
  expect(stdout).toMatch(/^([0-9a-f]{64})\n\1\n$/);

  const { code, stderr } = await build(file);
  expect(stderr).toContain("starts at checkpoint 2, after scripts/2.sh");
  expect(code).toBe(0);
  expect([runs("first"), runs("second"), runs("third")]).toEqual([1, 1, 1]);
  expect(manifestOf(specification).resumedAt).toMatchObject({ step: 2, label: "scripts/2.sh" });
  expect(fromDisk("/second")).toMatch(/^[0-9a-f]{64}\n$/);
  expect(fromDisk("/third")).toBe("third\n");
  expect(fromDisk("/first")).toBe("");

  const whole = await build(file, "--no-checkpoints");
  expect(whole.stderr).toContain("its build started at checkpoint 2, and one run is asked for");
  expect(whole.code).toBe(0);
  expect([runs("first"), runs("second"), runs("third")]).toEqual([2, 2, 2]);
  expect(manifestOf(specification).resumedAt).toBeUndefined();
  expect((await build(file, "--no-checkpoints")).stderr).toContain("nothing to build");
});

/**
 * @fault cache: a checkpoint is damaged
 * @then it is read whole before anything is built on it, and removed with all of that build; the build starts at the
 *   layer's beginning
 *
 * @fault stopped: SIGKILL of `visa-image` and its worker while a checkpoint is put into the cache
 * @then those before it are there and used; what was cut off is taken for none, and goes with the scratch folder
 */
test("uses no checkpoint that is damaged, or was cut off", async () => {
  const left = "#!/bin/sh\necho the second step runs\necho >/tmp/left\n";
  // The second one leaves something where a start of the machine takes it away.
  const large = "#!/bin/sh\nrm /tmp/left\ndd if=/dev/urandom of=/mnt/large bs=1M count=32 2>/dev/null\n";
  const cut = workspace.start(["build", "--specification", specify([FIRST, left, large]).file]);
  // The second time it is after the third step; reading and writing out what it wrote takes a moment.
  const frozen = () => workspace.log().split("the disk was frozen").length - 1;
  await workspace.until("the disk is frozen twice", () => frozen() === 2, 120);
  workspace.killAll();
  await cut.ended;
  await workspace.untilNothingRuns();
  expect(workspace.log()).toContain('no checkpoint 2: "/tmp/left" would be gone');

  const mended = specify([FIRST, SECOND, "#!/bin/sh\nexit 1\n"]).file;
  const next = await build(mended);
  expect(next.stderr).toContain("removed what an interrupted build left behind");
  expect(next.stderr).toContain("starts at checkpoint 1, after scripts/1.sh");
  expect(runs("first")).toBe(1);

  const disk = checkpoints().find((file) => file.endsWith("checkpoint-1.qcow2")) as string;
  const bytes = readFileSync(disk);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1000) ^ 1, bytes.length - 1000);
  chmodSync(disk, 0o600);
  writeFileSync(disk, bytes);
  const last = specify([FIRST, SECOND, THIRD]);
  const { code, stderr } = await build(last.file);
  expect(stderr).toContain("are damaged, and are removed: checkpoint 1: the checksum of its disk does not match");
  expect(code).toBe(0);
  expect(runs("first")).toBe(2);
  expect(manifestOf(last.specification).resumedAt).toBeUndefined();
});
