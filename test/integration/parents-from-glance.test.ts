/** A machine whose cache is empty takes layers from a real Glance: the tiny guest, Packer and QEMU. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import { Glance } from "../../lib/cloud/glance";
import { credentialsFrom } from "../../lib/cloud/keystone";
import type { BuildReport } from "../../lib/runner/build-report";
import type { ArtifactManifest } from "../../lib/runner/cache/cache";
import type { BuildSpecification } from "../../lib/specification";
import { compileCommand } from "../runner/support/command";
import { type TinyLayer, tinyGuest, writeTinySpecification } from "../support/tiny-guest/tiny-guest";
import { type Ended, Workspace } from "./runner-support";
import { cloudEnvironmentOf, UNREACHABLE_CLOUD } from "./terraform-support";

jest.setTimeout(300_000);

const lower: TinyLayer = { name: "lower", provisioners: [{ shell: { inline: ["echo lower > /mnt/lower"] } }] };
const upper: TinyLayer = { name: "upper", provisioners: [{ shell: { inline: ["cat /mnt/lower"] } }] };

let workspace: Workspace;
let cloud: EmbeddedCloud;
let environment: Record<string, string>;
let lowerFile: string;
let bothFile: string;
let both: BuildSpecification;
let lowerImage: string;

beforeAll(async () => {
  tinyGuest();
  workspace = new Workspace(compileCommand());
  const folder = join(workspace.folder, "cloud");
  cloud = new EmbeddedCloud(folder);
  environment = cloudEnvironmentOf(folder);
  lowerFile = writeTinySpecification(join(workspace.folder, "lower"), [lower]).file;
  ({ file: bothFile, specification: both } = writeTinySpecification(join(workspace.folder, "both"), [lower, upper]));
  // As a stack says it; for the other one the command line does.
  const parentsFromGlance = { lockFile: "../visa-images.lock.json" };
  writeFileSync(bothFile, JSON.stringify({ ...both, parentsFromGlance }));
  await cloud.start();
});
afterAll(async () => {
  await cloud.reset();
  workspace.remove();
});
afterEach(() => expect(workspace.leftovers()).toEqual([]));

/** Builds on the cache as it is. */
async function build(file: string, more: NodeJS.ProcessEnv = environment): Promise<Ended & { report: BuildReport }> {
  const option = file === lowerFile ? ["--cache-from", "glance"] : [];
  const ended = await workspace.run(["build", "--specification", file, "--json", ...option], more);
  expect([ended.code, ended.code === 0 ? "" : ended.stderr]).toEqual([0, ""]);
  return { ...ended, report: JSON.parse(ended.stdout)[0] };
}

const actions = ({ layers }: BuildReport) => layers.map(({ name, action }) => `${name} ${action}`);

function openstack(...args: string[]): string {
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...environment };
  return execFileSync("openstack", args, { env, encoding: "utf8" }).trim();
}

/** An image of a layer, made by hand: its id. */
function register(layer: number, disk: string, ...more: string[]): string {
  const { name = "", fingerprint = "" } = both.layers[layer] ?? {};
  const what = ["--disk-format", "qcow2", "--file", disk, "--property", `visa_fingerprint=${fingerprint}`, ...more];
  return openstack("image", "create", name, ...what, "-f", "value", "-c", "id");
}

function clearCache(): void {
  rmSync(join(workspace.cache, "artifacts"), { recursive: true, force: true });
  rmSync(join(workspace.cache, "logs"), { recursive: true, force: true });
}

function artifact(layer: number, file: string): string {
  return join(workspace.cache, "artifacts", both.layers[layer]?.fingerprint ?? "", file);
}

/** Changes one byte in the middle, and nothing that a quick look sees. */
function damage(file: string): void {
  const { size, mode, atime, mtime } = statSync(file);
  chmodSync(file, 0o600);
  const handle = openSync(file, "r+");
  const byte = Buffer.alloc(1);
  const position = Math.floor(size / 2);
  readSync(handle, byte, 0, 1, position);
  writeSync(handle, Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, position);
  closeSync(handle);
  chmodSync(file, mode);
  utimesSync(file, atime, mtime);
}

test("fails to reach the cloud: says so and builds", async () => {
  const { report, stderr } = await build(lowerFile, UNREACHABLE_CLOUD);
  expect(stderr).toContain('nothing is taken from Glance: cannot reach "http://127.0.0.1:9"');
  expect(actions(report)).toEqual(["base built", "lower built"]);

  const { code } = await workspace.run(["build", "--specification", lowerFile, "--format", "qcow2"]);
  expect(code).toBe(0);
  lowerImage = register(0, artifact(0, "disk.flat.qcow2"), "--property", "visa_commit=c0ffee");
});

test("a layer that the cache does not have comes from the project's image of it", async () => {
  // Smaller, seen by all, and of another project: whoever made it may have put anything into it.
  const stranger = join(workspace.folder, "stranger.qcow2");
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", stranger, "1G"]);
  openstack("project", "create", "strangers");
  register(0, stranger, "--project", "strangers", "--public");
  clearCache();

  const { report, stderr } = await build(lowerFile);
  expect(actions(report)).toEqual(["base unneeded", "lower downloaded"]);
  expect(stderr).toContain(`[lower] 1/3 downloading the image ${lowerImage} from Glance`);
  expect(stderr).toMatch(/^nothing to build; downloaded lower;/m);
  const { parent, source } = JSON.parse(readFileSync(artifact(0, "manifest.json"), "utf8")) as ArtifactManifest;
  expect(parent).toBeUndefined();
  const glance = await Glance.connect(credentialsFrom(environment));
  const sha512 = (await glance.image(lowerImage))?.os_hash_value;
  expect(sha512).toMatch(/^[0-9a-f]{128}$/);
  expect(source).toMatchObject({ imageId: lowerImage, sha512, properties: { visa_commit: "c0ffee" } });
  const { stdout } = await workspace.run(["show", "lower"]);
  expect(stdout).toMatch(new RegExp(`^source +image ${lowerImage} "lower" in Glance at http://127`, "m"));

  // The second time it is there, whole: what it was made on is neither looked for nor built.
  const again = await build(lowerFile, UNREACHABLE_CLOUD);
  expect(actions(again.report)).toEqual(["base unneeded", "lower cached"]);
});

test("fails to be the disk that was downloaded: downloaded again, and what stands on it is built without its parents", async () => {
  // Takes the place of a layer, and would have qemu-img copy a file of this machine into the cache.
  const leading = join(workspace.folder, "leading.qcow2");
  const secret = join(workspace.folder, "secret.raw");
  writeFileSync(secret, "of this machine alone".padEnd(1024));
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", secret, leading, "1G"]);
  const image = register(1, leading);
  damage(artifact(0, "disk.qcow2"));

  const { report, stderr } = await build(bothFile);
  expect(actions(report)).toEqual(["base unneeded", "lower downloaded", "upper built"]);
  expect(stderr).toMatch(/"upper" is not taken from Glance: the disk "\S+" refers to another file/);
  expect(stderr).toContain(`the cached "lower" is damaged: the checksum of its disk does not match; set aside as`);
  expect(workspace.log().match(/packer build/g)).toHaveLength(1);
  const info = execFileSync("qemu-img", ["info", "--output=json", "--backing-chain", artifact(1, "disk.qcow2")]);
  expect(JSON.parse(info.toString())).toHaveLength(2);
  await (await Glance.connect(credentialsFrom(environment))).delete(image);

  expect(actions((await build(bothFile, UNREACHABLE_CLOUD)).report)).toEqual([
    ...["base unneeded", "lower cached", "upper cached"],
  ]);
});

test("fails to be what Glance once took, by one byte in its store: refused, and built", async () => {
  const store = join(workspace.folder, "cloud", "glance");
  const data = readdirSync(store, { recursive: true, encoding: "utf8" }).find((name) => name.endsWith(lowerImage));
  damage(join(store, data ?? ""));
  clearCache();
  const { report, stderr } = await build(lowerFile);
  expect(stderr).toContain(`"lower" is not taken from Glance: what Glance sent of the image "${lowerImage}" has the`);
  expect(actions(report)).toEqual(["base built", "lower built"]);
});

test("leaves no credentials in what it prints, logs and keeps", () => {
  const { adminPassword } = JSON.parse(readFileSync(join(workspace.folder, "cloud", "state.json"), "utf8"));
  expect(adminPassword).toMatch(/^[0-9a-f]{48}$/);
  mkdirSync(workspace.cache, { recursive: true });
  // A token of Keystone's, and no line of a key that begins as one does.
  const token = "gAAAAA[A-Za-z0-9_-]{80}";
  const found = spawnSync("grep", ["-rlaE", "-e", adminPassword, "-e", token, workspace.cache]);
  expect([found.status, found.stdout.toString()]).toEqual([1, ""]);
});
