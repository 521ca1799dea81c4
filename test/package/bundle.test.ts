/** `visa-image bundle`: a tiny image is deployed from an archive, on a machine whose only way leads to its cloud. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import { type ArtifactManifest, Cache, recordFile } from "../../lib/runner/cache/cache";
import type { BuildSpecification } from "../../lib/specification";
import { specificationOf } from "../constructs/support";
import { cloudEnvironmentOf, terraformEnvironment, UNREACHABLE_CLOUD } from "../integration/terraform-support";
import { OnlyWay } from "./only-way";
import { install, packInto, runIn } from "./support";

jest.setTimeout(300_000);

// Its cloud has to be stopped before it goes.
const scratch = mkdtempSync(join(tmpdir(), "visa-images-test-"));
/** The machine that reaches registries. */
const here = join(scratch, "here");
/** The one that does not: a home with nothing in it, and a copy of the project. */
const there = join(scratch, "there");
const project = join(here, "desktops");
const copy = join(there, "desktops");
const archive = join(scratch, "visa-bundle.tar");
const cloud = new EmbeddedCloud(join(scratch, "cloud"));
const SECRET = "nobody-may-carry-this";
const specification = specificationOf(
  { name: "lower" },
  { name: "upper", inputs: { "scripts/x.sh": "0123456789ab 0755" } },
);

/** As in a shell: npm hands its own settings down. */
const shell: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(terraformEnvironment({})).filter(([name]) => !/^(npm_|VISA_)/.test(name)),
);
const connected = { ...shell, ...UNREACHABLE_CLOUD, VISA_IMAGE_CACHE: join(here, "cache") };
let offline: NodeJS.ProcessEnv;
let way: OnlyWay;

const APP = `
const { App, LocalBackend, TerraformStack } = require("cdktf");
const { VisaImage } = require("cdktf-visa-images");
const { OpenstackProvider } = require("cdktf-visa-images/openstack/provider");
const app = new App();
const stack = new TerraformStack(app, "images");
new LocalBackend(stack, { path: "../../../terraform.images.tfstate" });
new OpenstackProvider(stack, "openstack");
const specification = JSON.parse(require("node:fs").readFileSync("specification.json", "utf8"));
new VisaImage(stack, "tiny", { template: "upper", specification, verify: false, diskFormat: "qcow2" });
app.synth();
`;

/** Puts layers into the cache as builds do: small disks, each an overlay on the one below. */
async function buildLayers({ layers }: BuildSpecification, cache: Cache): Promise<void> {
  await cache.prepare();
  let parent: ArtifactManifest | undefined;
  for (const [name, fingerprint] of [
    ["base", layers[0]?.parent],
    ...layers.map((each) => [each.name, each.fingerprint]),
  ]) {
    const staging = join(cache.scratch, String(name));
    mkdirSync(staging);
    const disk = join(staging, "disk.qcow2");
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", disk, "16M"]);
    execFileSync("qemu-io", ["-f", "qcow2", "-c", `write -P ${1 + layers.length} 0 64k`, disk]);
    const backing = `../${parent?.fingerprint}/disk.qcow2`;
    if (parent) execFileSync("qemu-img", ["rebase", "-u", "-F", "qcow2", "-b", backing, disk]);
    const manifest: ArtifactManifest = {
      version: 1,
      fingerprint: String(fingerprint),
      template: String(name),
      inputs: {},
      ...(parent && { parent: { fingerprint: parent.fingerprint, diskSha256: parent.disk.sha256 } }),
      disk: { ...(await recordFile(disk)), virtualSizeGb: 16 / 1024 },
      createdAt: "2026-11-29T08:00:00.000Z",
      durationSeconds: 1,
      tools: {},
      packageVersion: "0.1.0",
    };
    await cache.publish(staging, manifest);
    parent = manifest;
  }
}

beforeAll(async () => {
  const started = cloud.start();
  for (const folder of [project, copy, join(there, "home"), join(scratch, "way")])
    mkdirSync(folder, { recursive: true });
  const tarball = packInto(here);
  writeFileSync(join(project, "package.json"), '{ "private": true }');
  writeFileSync(join(project, "main.js"), APP);
  writeFileSync(join(project, "specification.json"), JSON.stringify(specification));
  // What a project's folder may have, and no archive.
  for (const name of [".env", "clouds.yaml", "terraform.images.tfstate", "key.pem"])
    writeFileSync(join(project, name), SECRET);
  writeFileSync(join(project, ".npmrc"), `//registry.invalid/:_authToken=${SECRET}\n`);
  install(project, ["cdktf@0.21.0", "constructs@10.7.2", join("..", tarball)], connected);
  await buildLayers(specification, new Cache(join(here, "cache")));
  runIn(project, "node", ["main.js"], connected);
  const { services } = await started;
  const ports = [services?.keystone, services?.glance].map((api) => Number(new URL(api?.endpoint ?? "").port));
  way = new OnlyWay(join(scratch, "way"), ports);
  await way.open();
  const { VISA_IMAGE_CACHE: _, ...clouds } = cloudEnvironmentOf(join(scratch, "cloud"));
  const { TF_CLI_CONFIG_FILE: __, ...own } = shell;
  offline = { ...own, ...clouds, HOME: join(there, "home") };
});
afterAll(async () => {
  await way?.close();
  await cloud.reset();
  rmSync(scratch, { recursive: true, force: true });
});

const bundle = (...args: string[]) =>
  runIn(project, join("node_modules", ".bin", "visa-image"), ["bundle", ...args], connected);

test("an archive has what is needed, and no secret of the project's folder", () => {
  const text = bundle("--output", archive);
  expect(text).toContain(`${execFileSync("sha256sum", [archive], { encoding: "utf8" }).slice(0, 64)}  ${archive}`);
  const names = execFileSync("tar", ["--list", "--file", archive], { encoding: "utf8" }).trim().split("\n");
  expect(names[0]).toBe("visa-bundle.lock.json");
  expect([...new Set(names.map((name) => name.split("/")[0]))]).toEqual([
    "visa-bundle.lock.json",
    "installer",
    "npm.tar",
    "providers",
    "artifacts",
  ]);
  expect(names.filter((name) => name.startsWith("artifacts/")).length).toBe(6);
  expect(readFileSync(archive).includes(SECRET)).toBe(false);
  expect(statSync(archive).mode & 0o077).toBe(0);
});

test("deploys from it on a machine whose only way leads to the cloud", async () => {
  for (const name of ["package.json", "package-lock.json", "main.js", "specification.json"]) {
    cpSync(join(project, name), join(copy, name));
  }
  const run = async (...command: string[]) => {
    const { status, text } = await way.run(copy, offline, ...command);
    if (status !== 0) throw new Error(`${command.join(" ")} ended with ${status}:\n${text}`);
    return text;
  };
  await run("tar", "--extract", "--file", archive, "installer");
  const next = await run("node", "installer", archive);
  const cache = join(there, "home", ".cache", "visa-images");
  expect(next).toContain(`npm ci --offline --cache ${join(cache, "npm")}\n`);
  expect(next).toContain(`export TF_CLI_CONFIG_FILE=${join(cache, "terraform.rc")} `);
  expect(await run("node", "installer", archive)).not.toContain("put into the cache");

  await run("npm", "ci", "--offline", "--cache", join(cache, "npm"), "--no-audit", "--no-fund");
  await run("node", "main.js");
  offline.TF_CLI_CONFIG_FILE = join(cache, "terraform.rc");
  const stack = "-chdir=cdktf.out/stacks/images";
  await run("terraform", stack, "init", "-input=false");
  const applied = await run("terraform", stack, "apply", "-auto-approve", "-no-color");
  expect(applied).toContain("flattening to qcow2");
  expect(applied).not.toContain("building");
  const image = execFileSync("openstack", ["image", "list", "-f", "value", "-c", "Name", "-c", "Status"], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...cloudEnvironmentOf(join(scratch, "cloud")) },
    encoding: "utf8",
  });
  expect(image).toBe("upper active\n");
  expect(existsSync(join(copy, "visa-images.lock.json"))).toBe(true);
});
