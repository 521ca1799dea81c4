/** The runner on real parts: Packer and QEMU build two layers on the tiny guest. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { BuildSpecification } from "../../lib/specification";
import { compileCommand } from "../runner/support/command";
import { type TinyLayer, tinyGuest, writeTinySpecification } from "../support/tiny-guest/tiny-guest";
import { Workspace } from "./runner-support";

jest.setTimeout(300_000);

const CANARY = 'Canary\'2718 & "quoted"';
const SECRETS = { VISA_ROOT_PASSWORD: CANARY };
const secrets = [{ name: "root_password", environment: "VISA_ROOT_PASSWORD", required: true }];

let workspace: Workspace;
let specification: BuildSpecification;

const lower: TinyLayer = { name: "lower", provisioners: [{ shell: { inline: ["echo lower > /mnt/lower"] } }] };

function upper(script: string, name = "upper"): TinyLayer {
  return {
    name,
    secrets,
    files: { "scripts/upper.sh": script },
    provisioners: [{ shell: { script: "scripts/upper.sh", environment_vars: ["PASSWORD=${var.root_password}"] } }],
  };
}

const SCRIPT = `#!/bin/sh
set -eu
cat /mnt/lower
dd if=/dev/urandom of=/mnt/upper bs=1M count=8 2>/dev/null
printf 'in clear: %s\\n' "$PASSWORD"
printf '%s' "$PASSWORD" | base64
printf '%s\\n' "$PASSWORD" | base64
echo upper > /mnt/done
`;

function specify(...layers: TinyLayer[]): string {
  const output = { format: "raw", path: "out/upper.raw", minDiskGb: 1 } as const;
  const written = writeTinySpecification(workspace.folder, layers, output);
  specification = written.specification;
  return written.file;
}

function artifact(layer: number, file: string): string {
  return join(workspace.cache, "artifacts", specification.layers[layer]?.fingerprint ?? "", file);
}

/** Reads a file from the file system on a raw disk. */
function readFromDisk(disk: string, path: string): string {
  return execFileSync("/sbin/debugfs", ["-R", `cat ${path}`, disk], { stdio: ["ignore", "pipe", "ignore"] }).toString();
}

beforeAll(async () => {
  tinyGuest();
  workspace = new Workspace(compileCommand());
  const { code, stderr, stdout } = await workspace.run(
    ["build", "--specification", specify(lower, upper(SCRIPT))],
    SECRETS,
  );
  if (code !== 0) throw new Error(stderr);
  expect(stdout.trim()).toBe(join(workspace.folder, "out/upper.raw"));
  expect(stderr).toContain("accelerator: TCG");
  expect(stderr).toMatch(/\[upper\] 2\/4 scripts\/upper\.sh \(/);
});

afterAll(() => {
  workspace.remove();
});

afterEach(() => {
  expect(workspace.leftovers()).toEqual([]);
  expect(workspace.processes()).toEqual([]);
});

test("builds layers upon each other and flattens the last one", () => {
  const raw = join(workspace.folder, "out/upper.raw");
  expect(readFromDisk(raw, "/lower")).toBe("lower\n");
  expect(readFromDisk(raw, "/done")).toBe("upper\n");
  expect(readlinkSync(raw)).not.toMatch(/^\//);
});

test("keeps the raw disk sparse", () => {
  const { size, blocks } = statSync(join(workspace.folder, "out/upper.raw"));
  expect(size).toBe(2 ** 30);
  expect(blocks * 512).toBeLessThan(64 * 2 ** 20);
});

test("refers to the parent by a relative name, and makes disks read-only", () => {
  const { "backing-filename": backing } = JSON.parse(
    execFileSync("qemu-img", ["info", "--output=json", artifact(1, "disk.qcow2")]).toString(),
  );
  expect(backing).toBe(`../${specification.layers[0]?.fingerprint}/disk.qcow2`);
  for (const file of [artifact(0, "disk.qcow2"), artifact(1, "disk.qcow2"), artifact(1, "disk.raw")]) {
    expect(statSync(file).mode & 0o777).toBe(0o400);
  }
});

test("leaves no secret in logs, manifests, or on the disk", () => {
  const forms = [CANARY, Buffer.from(CANARY).toString("base64"), Buffer.from(`${CANARY}\n`).toString("base64")];
  expect(workspace.log()).toMatch(/in clear: (\*\*\*\*|<sensitive>)/);
  for (const form of forms) {
    const found = spawnSync("grep", ["-rlaF", "--exclude=disk.raw", "-e", form, workspace.cache]);
    expect([found.status, found.stdout.toString()]).toEqual([1, ""]);
  }
});

test("does nothing the second time, and needs no secret for it", async () => {
  const before = statSync(artifact(1, "disk.raw")).mtimeMs;
  const { code, stderr } = await workspace.run([
    "build",
    "--specification",
    join(workspace.folder, "specification.json"),
  ]);
  expect(stderr).toContain("nothing to build");
  expect(code).toBe(0);
  expect(statSync(artifact(1, "disk.raw")).mtimeMs).toBe(before);
});

test("lists what it has", async () => {
  const { stdout } = await workspace.run(["cache", "list", "--json"]);
  const all = JSON.parse(stdout) as { template: string; checkpoints?: number[] }[];
  const names = all.map(({ template, checkpoints }) => [template, ...(checkpoints ?? [])].join(" "));
  expect(names.sort()).toEqual(["base", "lower", "lower 1", "upper", "upper 1"]);
});

/**
 * @fault guests: a step fails
 * @then 3, with the last lines that it printed, and the path of the log
 */
test("fails with exit code 3 and the last lines where a provisioner fails, and keeps what there was", async () => {
  const good = readFileSync(artifact(1, "manifest.json"), "utf8");
  const folder = join(workspace.cache, "artifacts", specification.layers[1]?.fingerprint ?? "");
  const file = specify(lower, upper("#!/bin/sh\necho about to fail\necho the reason >&2\nexit 7\n"));
  const { code, stderr } = await workspace.run(["build", "--specification", file], SECRETS);
  expect(code).toBe(3);
  // In what order Packer passes on two streams of the guest is up to chance.
  for (const line of ["about to fail", "the reason"]) expect(stderr).toContain(`\n  ${line}\n`);
  expect(stderr).toMatch(/exit status: 7\.Allowed exit codes are: \[0\]\n {2}fix: /);
  expect(stderr).toMatch(/see the whole log: .*-upper-/);
  expect(stderr).not.toContain("    at ");
  expect(readFileSync(join(folder, "manifest.json"), "utf8")).toBe(good);
  expect(existsSync(artifact(1, "disk.qcow2"))).toBe(false);
});

test("fails with exit code 4 where a file changed since the plan", async () => {
  const file = specify(lower, upper(`${SCRIPT}# another\n`));
  appendFileSync(join(workspace.folder, "inputs/upper/scripts/upper.sh"), "# later\n");
  const { code, stderr } = await workspace.run(["build", "--specification", file], SECRETS);
  expect(code).toBe(4);
  expect(stderr).toMatch(/scripts\/upper\.sh" of "upper" changed since the plan/);
});

test("fails with exit code 2 before anything starts where a secret is missing", async () => {
  const file = specify(lower, upper(`${SCRIPT}# yet another\n`));
  const { code, stderr } = await workspace.run(["build", "--specification", file]);
  expect(code).toBe(2);
  expect(stderr).toContain('"VISA_ROOT_PASSWORD" must be set');
  expect(stderr).not.toContain("starting the machine");
});

test("fails where the disk is larger than minDiskGb", async () => {
  const file = specify({ ...lower, name: "large", diskSizeGb: 2 });
  const { code, stderr } = await workspace.run(["build", "--specification", file]);
  expect(code).toBe(2);
  expect(stderr).not.toContain("starting the machine");
  expect(stderr).toContain('the disk of "large" has 2 GiB, more than the 1 GiB of minDiskGb');
});

test("keeps the flattened disk when its parents are gone, and rebuilds them when a new layer needs them", async () => {
  const file = specify(lower, upper(SCRIPT));
  const parent = join(workspace.cache, "artifacts", specification.layers[0]?.fingerprint ?? "");
  renameSync(parent, `${workspace.folder}/gone`);
  expect((await workspace.run(["build", "--specification", file])).stderr).toContain("nothing to build");
  const other = specify(lower, upper(`${SCRIPT}# on a rebuilt parent\n`));
  const { code, stderr } = await workspace.run(["build", "--specification", other], SECRETS);
  expect(stderr).toContain("[lower] building");
  expect(stderr).toContain("not in the cache, and what stands on it must be built");
  expect(code).toBe(0);
  expect(existsSync(join(parent, "manifest.json"))).toBe(true);
});

/**
 * @fault cache: one bit of a disk is flipped, its size and time as before
 * @then found before anything is built on it or made from it; set aside and built again. Not within the hour after
 *   the disk was written or read whole, where it was the hardware that flipped it and no write
 */
test("sets a damaged parent aside and builds it again", async () => {
  const file = specify(lower, upper(`${SCRIPT}# on a damaged parent\n`));
  const disk = artifact(0, "disk.qcow2");
  const { atime, mtime, size } = statSync(disk);
  chmodSync(disk, 0o644);
  const bytes = readFileSync(disk);
  bytes.writeUInt8(bytes.readUInt8(size - 1000) ^ 1, size - 1000);
  writeFileSync(disk, bytes);
  // Size and time are as before: only the checksum tells.
  utimesSync(disk, atime, mtime);
  const { code, stderr } = await workspace.run(["build", "--specification", file], SECRETS);
  expect(stderr).toContain('the cached "lower" is damaged: the checksum of its disk does not match; set aside');
  expect(code).toBe(0);
  expect(workspace.names("artifacts").filter((name) => name.includes(".damaged-"))).toHaveLength(1);
});

test("puts a copy where a person wants it", async () => {
  const folder = join(workspace.folder, "copies");
  const file = specify({ ...lower, name: "copied" });
  const { code, stdout } = await workspace.run([
    "build",
    "--specification",
    file,
    "--output",
    folder,
    "--format",
    "qcow2",
  ]);
  expect(code).toBe(0);
  expect(stdout.trim()).toBe(join(folder, "copied.qcow2"));
  expect(lstatSync(stdout.trim()).isFile()).toBe(true);
  const info = JSON.parse(execFileSync("qemu-img", ["info", "--output=json", stdout.trim()]).toString());
  expect(info).toMatchObject({ format: "qcow2", "virtual-size": 2 ** 30 });
  expect(info["backing-filename"]).toBeUndefined();
});
