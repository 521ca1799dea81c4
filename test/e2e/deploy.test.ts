/**
 * The main job on real parts, as an administrator does it: `cdktf` builds the shipped chain with Packer and QEMU and
 * registers it in Glance; the image is downloaded again and booted as VISA would. Nothing here is a stand-in.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import { packageRoot } from "../../lib/package-root";
import { credentialsFrom, Glance } from "../../lib/releases/glance";
import { TestMachine } from "../../lib/verify/machine";

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
  CI: "1",
};

interface Outputs {
  readonly image_id: string;
  readonly image_name: string;
  readonly fingerprint: string;
  readonly boot_command: string;
}

/** Images by what a deploy registered. */
let first: Outputs;

beforeAll(async () => {
  // The catalog is a copy, so that a script can be changed; the rest is the project as it is.
  mkdirSync(project, { recursive: true });
  cpSync(join(root, "templates"), join(project, "templates"), { recursive: true });
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
  const command = ["dist/lib/cli/main.js", "list", "--json", "--cache", cache];
  const listed: { template: string; createdAt: string }[] = JSON.parse(
    execFileSync("node", command, { cwd: root, encoding: "utf8" }),
  );
  return listed
    .sort((one, other) => one.createdAt.localeCompare(other.createdAt))
    .map(({ template, createdAt }) => `${template} ${createdAt}`);
}

/** Templates of the layers that the cache has now and had not before; none of those that were there may be gone. */
function built(before: readonly string[]): string[] {
  const after = artifacts();
  expect(after).toEqual(expect.arrayContaining([...before]));
  return after.filter((artifact) => !before.includes(artifact)).map((artifact) => artifact.split(" ")[0] ?? "");
}

function processesNaming(path: string): string[] {
  const { stdout } = spawnSync("pgrep", ["-fa", path], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => line && !line.includes("pgrep") && !/glance|keystone|uwsgi/.test(line));
}

test("a first deploy builds the chain and registers an active, sparse image", async () => {
  first = deploy().outputs;
  const glance = await Glance.connect(credentialsFrom(environment));
  const image = await glance.image(first.image_id);
  expect(image).toMatchObject({
    status: "active",
    name: "visa-apps",
    disk_format: "raw",
    size: 5 * 2 ** 30,
    visa_fingerprint: first.fingerprint,
    visa_template: "visa-apps",
  });
  const disk = join(
    scratch,
    "cdktf.out",
    "stacks",
    "visa-image",
    "images",
    `visa-apps-${first.fingerprint.slice(0, 12)}.raw`,
  );
  const { size, blocks } = statSync(disk);
  expect(size).toBe(5 * 2 ** 30);
  expect(blocks * 512).toBeLessThan(size * 0.7);
  expect(built([])).toEqual(["base", "system-base", "visa-base", "visa-apps"]);
  expect(processesNaming(cache)).toEqual([]);
});

test("the registered image boots as VISA boots it, and its owner has a home and a shell", async () => {
  const glance = await Glance.connect(credentialsFrom(environment));
  const disk = join(scratch, "downloaded.raw");
  const { os_hash_value } = (await glance.image(first.image_id)) ?? {};
  expect(await glance.download(first.image_id, disk)).toBe(os_hash_value);
  const report = [
    "#!/bin/bash",
    "exec > /dev/ttyS0",
    'echo "E2E-PASSWD $(getent passwd ada.lovelace | tr " " _)"',
    'echo "E2E-HOME $(stat -c %U:%F /home/ada.lovelace | tr " " _)"',
    'echo "E2E-SUDO $(su - ada.lovelace -c "id -un; pwd" | xargs)"',
    'echo "E2E-ROOT $(($(stat -f -c "%S * %b" /) / 1048576))"',
    'echo "E2E-KEYS $(find / -xdev -name authorized_keys -size +0 | wc -l)"',
    'echo "E2E-END $(systemctl --failed --plain --no-legend | wc -l)"',
  ].join("\n");
  const archive = (text: string) =>
    `--e2e\nContent-Type: text/x-shellscript; charset="utf-8"\nMIME-Version: 1.0\n\n${text}\n`;
  await using machine = await TestMachine.boot({
    disk,
    format: "raw",
    diskSizeGb: 8,
    folder: join(scratch, "machine"),
    metadata: { id: "1", uid: "ada", owner: "ada.lovelace" },
    userData: `Content-Type: multipart/mixed; boundary="e2e"\nMIME-Version: 1.0\n\n${archive(first.boot_command)}${archive(report)}--e2e--\n`,
    ports: [3389],
  });
  await machine.waitForConsole(/E2E-END/, 400);
  const told = (name: string) => machine.console().match(new RegExp(`E2E-${name} (.*?)\\r?\\n`))?.[1];
  expect(told("PASSWD")).toMatch(/^ada\.lovelace:.*:\/home\/ada\.lovelace:\/bin\/bash$/);
  expect(Number(told("PASSWD")?.split(":")[2])).toBeGreaterThanOrEqual(1000);
  expect(told("HOME")).toBe("ada.lovelace:directory");
  expect(told("SUDO")).toBe("ada.lovelace /home/ada.lovelace");
  expect(Number(told("ROOT"))).toBeGreaterThan(7000);
  expect(told("KEYS")).toBe("0");
  expect(told("END")).toBe("0");
  await machine.waitForRdp(180);
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
  appendFileSync(script, "\n# A comment that makes other bytes.\n");
  const plan = cdktf("diff", "visa-image").text;
  expect(plan).toMatch(/"scripts\/apps\.sh"\s+= "[0-9a-f]{12} 0755" -> "[0-9a-f]{12} 0755"/);
  expect(plan).toMatch(/layer_visa-apps.* must be replaced/);
  expect(plan).not.toMatch(/layer_(system|visa)-base.* must be replaced/);
  expect(plan).not.toMatch(/~ "(variable|guest|apps|parent|packer)/);

  // Without an application the layer builds in a third of the time; the plan above was of the script alone.
  environment.apps = "";
  const { outputs } = deploy();
  expect(built(before)).toEqual(["visa-apps"]);
  const glance = await Glance.connect(credentialsFrom(environment));
  expect(outputs.image_id).not.toBe(first.image_id);
  expect(await glance.image(outputs.image_id)).toMatchObject({ status: "active", os_hidden: false });
  expect(await glance.image(first.image_id)).toMatchObject({ status: "active", os_hidden: true });
});

test("a facility's own layer is built on the package's, which is built already", () => {
  const before = artifacts();
  const command = ["dist/lib/cli/main.js", "build", "my-apps", "--catalog", "examples/facility-layer"];
  execFileSync("node", command, { cwd: root, env: { ...environment, packages: "bc" }, stdio: "pipe" });
  expect(built(before)).toEqual(["my-apps"]);
});

test("destroy removes the images that are not protected, and keeps the cache", async () => {
  const before = artifacts();
  const { status, text } = cdktf("destroy", "visa-image", "--auto-approve", "--ignore-missing-stack-dependencies");
  expect(text).toContain("Destroy complete");
  expect(status).toBe(0);
  const glance = await Glance.connect(credentialsFrom(environment));
  expect(await glance.image(first.image_id)).toBeUndefined();
  expect(artifacts()).toEqual(before);
});
