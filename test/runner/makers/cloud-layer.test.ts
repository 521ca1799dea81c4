/** Whole builds by a cloud, with a stand-in for the cloud and one for Packer: what is made of which image, and what is left. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { glanceSource } from "../../../lib/releases/glance-source";
import { build } from "../../../lib/runner/build";
import { Cache } from "../../../lib/runner/cache/cache";
import { Progress } from "../../../lib/runner/output/progress";
import { BuildCloud } from "../cloud/build-cloud";
import { standInSpecification, writePackerStandIn } from "../cloud/packer-stand-in";

let cloud: BuildCloud;
let folder: string;
const said: string[] = [];

beforeEach(async () => {
  cloud = new BuildCloud();
  await cloud.start();
  folder = mkdtempSync(join(tmpdir(), "visa-cl-"));
  writePackerStandIn(folder);
  said.length = 0;
});
afterEach(async () => {
  await cloud.stop();
  rmSync(folder, { recursive: true, force: true });
});

const specification = () => standInSpecification(folder);

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
  await expect(failing).rejects.toThrow(
    /"one"[\s\S]*Nova[\s\S]*No valid host was found[\s\S]*fix: no host of the cloud has room/,
  );
  expect(layersOf()).toEqual([["visa-layer-base", true]]);
  expect([cloud.servers, cloud.groups, cloud.floatingips]).toEqual([[], [], []]);
});

test("fails before anything is made, where the flavour does not fit", async () => {
  await expect(run("cache", { VISA_BUILD_FLAVOR: "m1.none" })).rejects.toThrow(/no flavour "m1\.none"/);
  expect(cloud.all).toEqual([]);
});
