/** A cache in which something is not as it was left, and inputs that change under a build. */
import {
  appendFileSync,
  chmodSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { BuildSpecification } from "../../lib/specification";
import type { TinyLayer } from "../support/tiny-guest/tiny-guest";
import { FaultWorkspace } from "./support";

jest.setTimeout(300_000);

const lower: TinyLayer = { name: "lower", provisioners: [{ shell: { inline: ["echo lower > /mnt/lower"] } }] };
const upper: TinyLayer = {
  name: "upper",
  files: { "scripts/upper.sh": "#!/bin/sh\necho upper > /mnt/upper\n" },
  provisioners: [{ shell: { script: "scripts/upper.sh" } }],
};

let workspace: FaultWorkspace;
let args: string[];
let specification: BuildSpecification;

beforeAll(async () => {
  workspace = await FaultWorkspace.create();
  args = workspace.specify(lower);
  specification = JSON.parse(readFileSync(args[2] as string, "utf8")) as BuildSpecification;
  await workspace.expectNextBuildSucceeds(args);
});
afterAll(() => workspace.remove());
afterEach(() => workspace.release());

function artifact(file: string): string {
  return join(workspace.cache, "artifacts", specification.layers[0]?.fingerprint ?? "", file);
}

/** Changes a file as a bad disk does: size and time are as before. */
function flipBit(file: string, position: (size: number) => number): void {
  const { atime, mtime, size } = statSync(file);
  chmodSync(file, 0o644);
  const bytes = readFileSync(file);
  const at = position(size);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(file, bytes);
  chmodSync(file, 0o400);
  utimesSync(file, atime, mtime);
}

/**
 * @fault cache: one bit of a disk is flipped, its size and time as before
 */
test("one flipped bit in a disk is found before the disk is flattened", async () => {
  const before = readFileSync(artifact("disk.qcow2"));
  flipBit(artifact("disk.qcow2"), (size) => size - 1000);
  const { code, stderr } = await workspace.run([...args, "--format", "qcow2"]);
  expect(stderr).toContain('the cached "lower" is damaged: the checksum of its disk does not match; set aside as ');
  expect(stderr).toContain("[lower] building");
  expect(code).toBe(0);
  expect(readFileSync(artifact("disk.qcow2")).length).toBe(before.length);
  await workspace.expectNothingLeft();
});

/**
 * @fault cache: a disk is truncated
 * @then found at once, set aside, built again
 */
test("a truncated disk is found at once, set aside and built again", async () => {
  rmSync(artifact("disk.flat.qcow2"));
  chmodSync(artifact("disk.qcow2"), 0o644);
  truncateSync(artifact("disk.qcow2"), 100_000);
  const { code, stderr } = await workspace.run([...args, "--format", "qcow2"]);
  expect(stderr).toMatch(/the cached "lower" is damaged: its disk has 100000 bytes instead of \d+; set aside as /);
  expect(code).toBe(0);
  await workspace.expectNothingLeft();
});

/**
 * @fault cache: a flattened disk is truncated, or has a flipped bit
 * @then found before it goes to Glance; flattened again
 */
test.each<[string, (file: string) => void]>([
  ["one flipped bit in", (file) => flipBit(file, () => 5_000_000)],
  ["half of", (file) => truncateSync(file, 2 ** 29)],
])("%s a flattened disk is found before it goes to Glance, and the disk is flattened again", async (_, damage) => {
  await workspace.run(args);
  chmodSync(artifact("disk.raw"), 0o644);
  damage(artifact("disk.raw"));
  const { code, stderr } = await workspace.run(args);
  expect(stderr).toContain('the flattened disk of "lower" in the cache is damaged: it is made again');
  expect(stderr).not.toContain("building");
  expect(code).toBe(0);
  await workspace.expectNothingLeft();
});

/**
 * @fault machine: files dated in the future or the past
 * @then they are read, and are as good as before
 */
test("files that are dated in the future or in the past are read, and are as good as before", async () => {
  for (const year of [2099, 1980]) {
    for (const file of ["disk.qcow2", "disk.raw", "manifest.json", "disk.raw.json"]) {
      utimesSync(artifact(file), new Date(year, 0), new Date(year, 0));
    }
    const { code, stderr } = await workspace.run(args);
    expect(stderr).toContain("nothing to build");
    expect(code).toBe(0);
  }
});

/**
 * @fault cache: the lock of a dead process
 * @then nobody waits for it
 */
test("the lock of a dead process is nobody's: the build does not wait for it", async () => {
  const fingerprint = specification.layers[0]?.fingerprint;
  // A pid that is somebody else's by now, and one of another boot.
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  for (const own of [
    { pid: process.pid, startTime: "1", boot },
    { pid: process.pid, startTime: "1", boot: "another" },
  ]) {
    const owner = { ...own, host: hostname(), user: "ada", since: "2020-01-01T00:00:00.000Z" };
    writeFileSync(join(workspace.cache, "locks", `${fingerprint}.owner`), JSON.stringify(owner));
    const { code, stderr } = await workspace.run([...args, "--format", "qcow2"]);
    expect(stderr).not.toContain("waiting");
    expect(code).toBe(0);
    await workspace.expectNothingLeft();
  }
});

/**
 * @fault cache: two builds of one layer at once
 * @then one builds; the other says whom it waits for, and uses the result
 */
test("two builds of one layer at once: one builds, the other waits and uses it", async () => {
  const shared = workspace.specify(workspace.layer("shared"));
  workspace.hold("provisioning");
  const first = workspace.start(shared);
  await workspace.untilHeld("provisioning");
  const second = workspace.start(shared);
  let said = "";
  second.stderr?.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  await workspace.until("the second one waits", () => said.includes("waiting for process"), 30);
  workspace.release();
  const [a, b] = await Promise.all([first.ended, second.ended]);
  expect([a.code, b.code]).toEqual([0, 0]);
  expect(b.stderr).toMatch(/shared: waiting for process \d+ of \S+ on \S+, which builds it since/);
  expect(b.stderr).toContain("shared: built by another process meanwhile");
  expect(`${a.stderr}${b.stderr}`.match(/\[shared\] building/g)).toHaveLength(1);
  await workspace.expectNothingLeft();
});

/**
 * @fault cache: a build in the place of what is there (`--no-cache`) is stopped
 * @then what was there stays
 */
test("a build in the place of what is there leaves it as it is when it is stopped", async () => {
  const shared = workspace.specify(workspace.layer("shared"));
  workspace.hold("provisioning");
  const child = workspace.start([...shared, "--no-cache"]);
  await workspace.untilHeld("provisioning");
  child.kill("SIGTERM");
  expect((await child.ended).code).toBe(143);
  workspace.release();
  await workspace.expectNothingLeft();
  const { code, stderr } = await workspace.run(shared);
  expect(stderr).toContain("nothing to build");
  expect(code).toBe(0);
});

/**
 * @fault cache: a script is edited while a layer below is built
 * @then 4: `changed since the plan`; the layer below is kept
 */
test("a script that is edited while the layer below it is built ends the build with exit code 4", async () => {
  const edited = workspace.specify(workspace.layer("below"), upper);
  const script = join(workspace.folder, "inputs/upper/scripts/upper.sh");
  const planned = readFileSync(script, "utf8");
  workspace.hold("provisioning");
  const child = workspace.start(edited);
  await workspace.untilHeld("provisioning");
  appendFileSync(script, "# edited\n");
  workspace.release();
  const { code, stderr } = await child.ended;
  expect(code).toBe(4);
  expect(stderr).toMatch(
    /scripts\/upper\.sh" of "upper" changed since the plan: its content differs\n {2}fix: synthesize/,
  );
  await workspace.expectNothingLeft();
  // The layer below is good, and kept.
  writeFileSync(script, planned);
  const next = await workspace.run(edited);
  expect(next.stderr).not.toContain("[below] building");
  expect(next.code).toBe(0);
  await workspace.expectNothingLeft();
});
