/**
 * The main job on real parts, as an administrator does it: `cdktf` builds the shipped chain with Packer and QEMU and
 * registers it in Glance; the image is downloaded again and booted as VISA would. Nothing here is a stand-in.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { PNG } from "pngjs";
import { EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import { Glance } from "../../lib/cloud/glance";
import { credentialsFrom } from "../../lib/cloud/keystone";
import { CONTRACT, CONTRACT_PARTS } from "../../lib/contract";
import { packageRoot } from "../../lib/package-root";
import { bootInUse } from "../../lib/releases/boot-in-use";
import { releaseFolder } from "../../lib/releases/release-files";
import { readLock } from "../../lib/releases/release-lock";
import { chooseAccelerator } from "../../lib/runner/host/accelerator";
import type { VerifyReport } from "../../lib/verify/verify-report";
import { MUTATIONS } from "../verify/mutations/all-mutations";
import { slowUnit } from "../verify/mutations/boot-mutations";
import { runMutations } from "../verify/mutations/run-mutations";

jest.setTimeout(40 * 60_000);

const root = packageRoot();
const scratch = mkdtempSync(join(tmpdir(), "visa-e2e-"));
const project = join(scratch, "project");
const cache = join(scratch, "cache");
const cloud = new EmbeddedCloud(join(scratch, "cloud"));
const environment: NodeJS.ProcessEnv = {
  ...process.env,
  OS_CLOUD: "embedded",
  OS_CLIENT_CONFIG_FILE: join(scratch, "cloud", "clouds.yaml"),
  no_proxy: "127.0.0.1",
  VISA_IMAGE_CACHE: cache,
  VISA_CATALOG: join(project, "templates"),
  VISA_PROTECTED: "false",
  VISA_BUILD_CA: "host",
  disk_size_gb: "5",
  // Apache's server cannot be reached from everywhere.
  guacd_source: "older-suite",
  // The demo has an application; here JupyterLab has to answer.
  apps: "",
  // The first image is verified in full below.
  VISA_VERIFY: "false",
  CI: "1",
};

interface Outputs {
  readonly image_id: string;
  readonly image_name: string;
  readonly fingerprint: string;
  readonly boot_command_file: string;
}

/** What the first deploy registered. */
let first: Outputs;
/** What was found of it. */
let firstReport: VerifyReport;
/** Its image, as Glance gives it. */
const disk = join(scratch, "downloaded.raw");

beforeAll(async () => {
  // The catalog is a copy, so that a script can be changed; the rest is the project as it is.
  mkdirSync(project, { recursive: true });
  cpSync(join(root, "templates"), join(project, "templates"), { recursive: true });
  // A kernel of one package; the demo has the shipped one.
  const kernels = join(project, "templates", "visa-apps", "jupyter", "kernels.yml");
  const text = readFileSync(kernels, "utf8");
  writeFileSync(kernels, text.replace(/packages: \[.*\]/, "packages: [numpy]"));
  await cloud.start();
});

afterAll(async () => {
  await cloud.reset();
  rmSync(scratch, { recursive: true, force: true });
});

/** Runs cdktf in the project's root, as the README says, with state, lock and output of its own. */
function cdktf(...args: string[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(
    join(root, "node_modules", ".bin", "cdktf"),
    [...args, "--skip-provider-lock", "--output", join(scratch, "cdktf.out")],
    {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 64 << 20,
      env: { ...environment, VISA_STATE_FOLDER: scratch, VISA_LOCK_FILE: join(scratch, "visa-images.lock.json") },
    },
  );
  return { status, text: stripVTControlCharacters(`${stdout}${stderr}`) };
}

function deploy(): { outputs: Outputs; text: string } {
  const file = join(scratch, "outputs.json");
  const { status, text } = cdktf("deploy", "visa-image", "--auto-approve", "--outputs-file", file);
  if (status !== 0) throw new Error(`cdktf deploy ended with ${status}:\n${text.slice(-8000)}`);
  return { outputs: JSON.parse(readFileSync(file, "utf8"))["visa-image"], text };
}

/** Layers that the cache has: each as its template and when it was made, oldest first. */
function artifacts(): string[] {
  const command = ["dist/lib/cli/main.js", "cache", "list", "--json", "--cache", cache];
  const listed: { template: string; createdAt: string; checkpoints?: number[] }[] = JSON.parse(
    execFileSync("node", command, { cwd: root, encoding: "utf8" }),
  );
  return listed
    .filter(({ checkpoints }) => checkpoints === undefined)
    .sort((one, other) => one.createdAt.localeCompare(other.createdAt))
    .map(({ template, createdAt }) => `${template} ${createdAt}`);
}

/** Templates of the layers that the cache has now and had not before; none of those that were there may be gone. */
function built(before: readonly string[]): string[] {
  const after = artifacts();
  expect(after).toEqual(expect.arrayContaining([...before]));
  return after.filter((artifact) => !before.includes(artifact)).map((artifact) => artifact.split(" ")[0] ?? "");
}

/** The ends of the consoles that a failed verification kept. */
function consoles(reports: string): string {
  return readdirSync(reports)
    .filter((name) => name.endsWith("-console.log"))
    .map((name) => `${name}:\n${readFileSync(join(reports, name), "utf8").slice(-3000)}`)
    .join("\n");
}

function sha512(file: string): string {
  return execFileSync("sha512sum", [file], { encoding: "utf8" }).split(" ")[0] ?? "";
}

function processesNaming(path: string): string[] {
  const { stdout } = spawnSync("pgrep", ["-fa", path], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => line && !line.includes("pgrep") && !/glance|keystone|uwsgi/.test(line));
}

test("a first deploy builds the chain and registers an active, sparse image", async () => {
  first = deploy().outputs;
  const glance = await Glance.connect(credentialsFrom(environment));
  const image = await glance.image(first.image_id);
  const made = `visa-apps-${first.fingerprint.slice(0, 12)}.raw`;
  const { size, blocks } = statSync(join(scratch, "cdktf.out", "stacks", "visa-image", "images", made));
  expect(image).toMatchObject({
    status: "active",
    name: "visa-apps",
    disk_format: "raw",
    size,
    min_disk: 5,
    visa_fingerprint: first.fingerprint,
    visa_template: "visa-apps",
  });
  expect(size).toBeLessThan(blocks * 512 * 1.4);
  expect(built([])).toEqual(["base", "system-base", "visa-base", "visa-apps"]);
  expect(processesNaming(cache)).toEqual([]);
});

test("the registered image keeps VISA's whole contract, and stays byte for byte as it was", async () => {
  const glance = await Glance.connect(credentialsFrom(environment));
  const { os_hash_value } = (await glance.image(first.image_id)) ?? {};
  expect(await glance.download(first.image_id, disk)).toBe(os_hash_value);
  const reports = process.env.VISA_TEST_REPORTS ?? join(scratch, "reports");
  const { status, stdout, stderr } = spawnSync(
    "node",
    [
      ...["dist/lib/cli/main.js", "verify", "--disk", disk, "--profile", "full", "--json", "--cache", cache],
      ...["--boot-command", join(root, first.boot_command_file), "--reports", reports],
      ...["--contract", CONTRACT_PARTS.join(" ")],
    ],
    { cwd: root, encoding: "utf8", env: environment, maxBuffer: 64 << 20 },
  );
  if (status !== 0) console.log(`${stderr.slice(-20_000)}\n${consoles(reports)}`);
  firstReport = JSON.parse(stdout) as VerifyReport;
  const { findings } = firstReport;
  expect(findings.filter(({ verdict }) => verdict === "fail")).toEqual([]);
  const passed = findings.flatMap(({ number, verdict }) => (verdict === "pass" && number ? [number] : []));
  // 63 compares with a release in use, and here is none.
  const ofImage = [...CONTRACT.values()]
    .filter(({ part, number }) => part !== "cloud" && number !== 63)
    .map(({ number }) => number);
  expect(passed.sort((a, b) => a - b)).toEqual(ofImage);
  expect(sha512(disk)).toBe(os_hash_value);
  const png = PNG.sync.read(readFileSync(join(reports, "desktop.png")));
  expect([png.width, png.height]).toEqual([1280, 720]);
});

test("a third of the mutations are caught on it, and pass when they are put back", async () => {
  const { name: accelerator } = await chooseAccelerator("auto", scratch, cache);
  const outcomes = await runMutations(
    MUTATIONS.filter(({ always }) => always),
    {
      ...{ disk, format: "raw", accelerator, scratch, reports: scratch },
      bootCommand: readFileSync(join(root, first.boot_command_file), "utf8"),
    },
  );
  expect(outcomes.length).toBeGreaterThan(15);
  expect(outcomes.filter(({ problem }) => problem !== undefined)).toEqual([]);
  rmSync(disk);
});

test("a second deploy with nothing changed builds nothing and uploads nothing", () => {
  const before = artifacts();
  const { outputs, text } = deploy();
  expect(outputs).toEqual(first);
  expect(text).toContain("No changes.");
  expect(artifacts()).toEqual(before);
});

test("where one script of visa-apps changed, the plan names it and only visa-apps is built", async () => {
  const before = artifacts();
  const script = join(project, "templates", "visa-apps", "scripts", "apps.sh");
  if (!existsSync(script)) throw new Error(`the shipped catalog has no ${script}`);
  appendFileSync(script, `\n(cd /\n${slowUnit("visa-e2e-slow.service", 15)}\n)\n`);
  const plan = cdktf("diff", "visa-image").text;
  expect(plan).toMatch(/"scripts\/apps\.sh"\s+= "[0-9a-f]{12} 0755" -> "[0-9a-f]{12} 0755"/);
  expect(plan).toMatch(/layer_visa-apps.* must be replaced/);
  expect(plan).not.toMatch(/layer_(system|visa)-base.* must be replaced/);
  expect(plan).not.toMatch(/~ "(variable|guest|apps|parent|packer)/);

  // Without JupyterLab the layer builds in a third of the time; the plan above was of the script alone. With the gate.
  environment.jupyter = "false";
  environment.VISA_VERIFY = "true";
  // The report of the whole contract stands for what a gate would have kept of the first release.
  const lockFile = join(scratch, "visa-images.lock.json");
  const [inUse] = Object.keys(readLock(lockFile).images);
  const release = readLock(lockFile).images[inUse ?? ""]?.at(-1)?.release ?? "";
  writeFileSync(join(releaseFolder(lockFile, release), "report.json"), JSON.stringify(firstReport));
  const kept = bootInUse(lockFile, inUse ?? "");
  if (typeof kept === "string") throw new Error(kept);
  environment.VISA_BOOT_BUDGET = "owner=9,ports=9,firstPicture=9";
  const { outputs, text } = deploy();
  expect(text).toMatch(/profile gate: \d+ passed, 0 failed/);
  expect(text).toMatch(
    new RegExp(` 63 {2}pass .*\\(release ${release} in use: owner \\S+ s, .*; ports \\S+ s, .*; firstPicture \\S+ s, `),
  );
  // Its own report is kept too, and what made its boot longer is seen by both.
  const now = bootInUse(lockFile, inUse ?? "");
  if (typeof now === "string") throw new Error(now);
  expect(now.release).not.toBe(release);
  expect(kept.boot.units).not.toHaveProperty(["visa-e2e-slow.service"]);
  expect(now.boot.units["visa-e2e-slow.service"]).toBeGreaterThanOrEqual(15);
  environment.VISA_BOOT_BUDGET = "";
  expect(built(before)).toEqual(["visa-apps"]);
  const glance = await Glance.connect(credentialsFrom(environment));
  expect(outputs.image_id).not.toBe(first.image_id);
  expect(await glance.image(outputs.image_id)).toMatchObject({ status: "active", os_hidden: false });
  expect(await glance.image(first.image_id)).toMatchObject({ status: "active", os_hidden: true });
});

test("each layer is booted without cloud-init, and so is what stands on it", () => {
  const logins = readdirSync(join(cache, "artifacts")).map(
    (name) => JSON.parse(readFileSync(join(cache, "artifacts", name, "manifest.json"), "utf8")).login,
  );
  expect(logins.length).toBeGreaterThanOrEqual(5);
  expect(new Set(logins)).toEqual(new Set(["credentials"]));
});

/** What a script of a layer can rely on, in such a boot. */
const CHECKS = `
[[ ! -e /run/cloud-init/enabled ]]
timeout 60 cloud-init status --wait
disk=$(lsblk --bytes --noheadings --nodeps --output SIZE /dev/vda) root=$(df --block-size=1 --output=size / | tail -n 1)
((disk - root < disk / 10))
# Fixed addresses, for TCG's sake, and only for the time of the build.
[[ $(systemd-detect-virt) == kvm || $(</proc/sys/kernel/randomize_va_space) == 0 ]]
[[ -z $(grep -rs randomize_va_space /etc/sysctl.conf /etc/sysctl.d) ]]
`;

test("a facility's own layer is built on the package's, which is built already", () => {
  const before = artifacts();
  const catalog = join(scratch, "facility");
  cpSync(join(root, "examples", "facility-layer"), catalog, { recursive: true });
  appendFileSync(join(catalog, "my-apps", "scripts", "install.sh"), CHECKS);
  const command = ["dist/lib/cli/main.js", "build", "my-apps", "--catalog", catalog];
  execFileSync("node", command, { cwd: root, env: { ...environment, packages: "bc" }, stdio: "pipe" });
  expect(built(before)).toEqual(["my-apps"]);
});

test("destroy removes the images that are not protected, and keeps the cache", async () => {
  const before = artifacts();
  const { status, text } = cdktf("destroy", "visa-image", "--auto-approve");
  expect(text).toContain("Destroy complete");
  expect(status).toBe(0);
  const glance = await Glance.connect(credentialsFrom(environment));
  expect(await glance.image(first.image_id)).toBeUndefined();
  expect(artifacts()).toEqual(before);
});
