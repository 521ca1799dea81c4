/** Whole builds by a cloud, with a stand-in for the cloud and one for Packer: what is made of which image, and what is left. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { glanceSource } from "../../../lib/releases/glance-source";
import { build } from "../../../lib/runner/build";
import { Cache } from "../../../lib/runner/cache/cache";
import { Progress } from "../../../lib/runner/output/progress";
import { specify } from "../../../lib/specify/specify";
import { BaseImage } from "../../../lib/template/base-image";
import { Catalog } from "../../../lib/template/catalog";
import { Provisioner } from "../../../lib/template/provisioner";
import { Template } from "../../../lib/template/template";
import { GUEST_FOLDER } from "../../fixtures/temporary-catalog";
import { BuildCloud } from "../cloud/build-cloud";

/** Says what Packer says, and has an image made as Nova makes it: with what the parent's image says of itself. */
const PACKER = `
const { readFileSync } = require("node:fs");
const [, , command] = process.argv;
if (command === "version") console.log("Packer v1.6.6");
if (command === "build") main();
async function main() {
  const [source] = Object.values(JSON.parse(readFileSync("build.pkr.json", "utf8")).source.openstack);
  const glance = process.env.OS_AUTH_URL.replace("/v3", "/glance/v2/images");
  const headers = { "x-auth-token": "1", "content-type": "application/json" };
  console.log("==> openstack.one: Launching server...");
  const parent = await (await fetch(glance + "/" + source.source_image, { headers })).json();
  console.log("    openstack.one: parent " + parent.visa_layer);
  if (process.env.PKR_VAR_proxy === "http://fails") {
    console.log("==> openstack.one: Error waiting for server (s-1) to become ready: unexpected state 'ERROR'");
    process.exit(1);
  }
  console.log("==> openstack.one: Connected to SSH!");
  const [, nonce] = /visa-report (\\w+)/.exec(readFileSync("visa-guest-report.sh", "utf8"));
  console.log("    openstack.one: visa-report " + nonce + " end");
  const { id: _, status, name, visa_layer_disk, ...copied } = parent;
  const own = { ...copied, name: source.image_name, ...source.metadata, image_type: "snapshot", os_hidden: false };
  const made = await (await fetch(glance, { method: "POST", headers, body: JSON.stringify({ ...own, disk_format: "qcow2", min_disk: 10 }) })).json();
  const octets = { ...headers, "content-type": "application/octet-stream" };
  await fetch(glance + "/" + made.id + "/file", { method: "PUT", headers: octets, body: readFileSync(__dirname + "/made.qcow2") });
}
`;

let cloud: BuildCloud;
let folder: string;
const said: string[] = [];

beforeEach(async () => {
  cloud = new BuildCloud();
  await cloud.start();
  folder = mkdtempSync(join(tmpdir(), "visa-cl-"));
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "packer.js"), PACKER);
  const program = `#!/bin/sh\nexec '${process.execPath}' '${join(folder, "packer.js")}' "$@"\n`;
  writeFileSync(join(folder, "bin", "packer"), program, { mode: 0o755 });
  for (const name of ["base.qcow2", "made.qcow2"]) {
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", join(folder, name), "10G"]);
  }
  said.length = 0;
});
afterEach(async () => {
  await cloud.stop();
  rmSync(folder, { recursive: true, force: true });
});

const specification = () => {
  const path = join(folder, "base.qcow2");
  const checksum = `sha256:${execFileSync("sha256sum", [path], { encoding: "utf8" }).slice(0, 64)}`;
  const catalog = new Catalog([])
    .add(new Template("one", { base: BaseImage.file({ path, checksum, format: "qcow2" }) }))
    .add(new Template("two", { extends: "one", provisioners: [Provisioner.shell({ inline: ["true"] })] }));
  return specify({ catalog, template: "two", environment: {}, guestFolder: GUEST_FOLDER });
};

async function run(cache: string, more: NodeJS.ProcessEnv = {}) {
  const path = `${join(folder, "bin")}:${process.env.PATH}`;
  const environment = {
    ...cloud.environment,
    PATH: path,
    VISA_BUILDER: "openstack",
    VISA_BUILD_FLAVOR: "m1.ten",
    ...more,
  };
  const progress = new Progress({ stream: { write: (text) => said.push(text) } });
  try {
    return await build({ ...specification(), parentsFromGlance: { lockFile: "lock.json" } }, folder, {
      ...{ progress, environment, cache: join(folder, cache) },
      openSource: (lockFile) => glanceSource(lockFile, cloud.environment),
    });
  } finally {
    progress.stop();
  }
}

const layersOf = () =>
  cloud.images.map(({ name, os_hidden }) => [String(name).replace(/-[0-9a-f]{12}$/, ""), os_hidden]);

test("each layer is made of the image of the one before, and found there by another machine", async () => {
  const report = await run("cache");
  expect(report.layers.map(({ name, action }) => [name, action])).toEqual([
    ["base", "built"],
    ["one", "built"],
    ["two", "built"],
  ]);
  // The base is uploaded, the layers are Nova's; none of them is listed, and nothing else is left.
  const hidden = [
    ["visa-layer-base", true],
    ["visa-layer-one", true],
    ["visa-layer-two", true],
  ];
  expect(layersOf()).toEqual(hidden);
  expect([cloud.servers, cloud.groups, cloud.floatingips]).toEqual([[], [], []]);
  const [one, two] = specification().layers;
  const logs = execFileSync("sh", ["-c", `cat ${folder}/cache/logs/*`], { encoding: "utf8" });
  expect(logs.match(/parent [0-9a-f]{64}/g)).toEqual([`parent ${one?.parent}`, `parent ${two?.parent}`]);
  expect(logs).not.toContain("secret");
  // As any other artifact: it stands on the parent's, and needs no file of it.
  const cache = new Cache(join(folder, "cache"));
  const manifest = await cache.manifest(two?.fingerprint ?? "");
  expect(manifest).toMatchObject({
    parent: { fingerprint: one?.fingerprint },
    image: { imageId: cloud.images[2]?.id },
    release: { name: "two" },
  });
  expect(cloud.images[2]).toMatchObject({
    visa_parents: [one?.fingerprint, one?.parent].map((each) => each?.slice(0, 12)).join(" "),
  });
  const info = execFileSync("qemu-img", ["info", "--output=json", cache.disk(two?.fingerprint ?? "")], {
    encoding: "utf8",
  });
  expect(info).not.toContain("backing");

  expect((await run("cache")).layers.map(({ action }) => action)).toEqual(["cached", "cached", "cached"]);
  expect((await run("other")).layers.map(({ action }) => action)).toEqual(["unneeded", "unneeded", "downloaded"]);
  expect(layersOf()).toEqual(hidden);
});

test("fails with Nova's reason where the server does not start, and leaves nothing but the base", async () => {
  const failing = run("cache", { VISA_BUILD_PROXY: "http://fails", VISA_BUILD_FLOATING_IP_POOL: "outer" });
  const timer = setInterval(() => {
    const [group] = cloud.groups;
    if (!group || cloud.servers.length > 0) return;
    const metadata = { visa_build: group.description };
    const fault = { message: "No valid host was found." };
    cloud.servers.push({ id: "s-1", name: group.name, tenant_id: "p", status: "ERROR", metadata, fault });
  }, 20);
  await expect(failing).rejects.toThrow(
    /"one"[\s\S]*Nova[\s\S]*No valid host was found[\s\S]*fix: no host of the cloud has room/,
  );
  clearInterval(timer);
  expect(layersOf()).toEqual([["visa-layer-base", true]]);
  expect([cloud.servers, cloud.groups, cloud.floatingips]).toEqual([[], [], []]);
});

test("fails before anything is made, where the flavour does not fit", async () => {
  await expect(run("cache", { VISA_BUILD_FLAVOR: "m1.none" })).rejects.toThrow(/no flavour "m1\.none"/);
  expect(cloud.all).toEqual([]);
});
