import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pruneBuilds } from "../../lib/releases/prune-builds";
import { MARK_PROPERTY, markOf, writeMark } from "../../lib/runner/cloud/build-mark";
import { BuildCloud } from "../runner/cloud/build-cloud";

let cloud: BuildCloud;
const folder = mkdtempSync(join(tmpdir(), "visa-prune-"));
const file = join(folder, "lock.json");
beforeEach(async () => {
  cloud = new BuildCloud();
  await cloud.start();
  const [needed, release] = [fingerprintOf("b"), "c".repeat(12)];
  const known = {
    ...{ release, fingerprint: needed, template: "one", name: "one", diskFormat: "raw", imageId: "release" },
    ...{ sha512: "", sizeBytes: 1, registered: "2026-11-01T00:00:00Z" },
  };
  writeFileSync(file, JSON.stringify({ version: 1, images: { "stack/one": [known] } }));
  cloud.images.push({
    id: "release",
    owner: "p",
    status: "active",
    visa_parents: `${"a".repeat(12)} ${"0".repeat(12)}`,
  });
});
afterEach(() => cloud.stop());
afterAll(() => rmSync(folder, { recursive: true }));

const fingerprintOf = (digit: string) => digit.repeat(64);
const layer = (id: string, digit: string, created = "2026-11-01T00:00:00Z") =>
  cloud.images.push({
    ...{ id, name: id, owner: "p", status: "active", os_hidden: true, created_at: created },
    ...{ visa_layer: fingerprintOf(digit), visa_layer_image: id },
  });
const prune = (dryRun = false) => pruneBuilds({ file, dryRun, environment: cloud.environment });
const ids = () => cloud.images.map(({ id }) => id).sort();

test("layers that no release stands on are deleted, once they are a day old", async () => {
  layer("own", "b");
  layer("below", "a");
  layer("nobodys", "d");
  layer("young", "e", new Date().toISOString());
  layer("in-use", "f");
  cloud.servers.push({ id: "s", name: "one", tenant_id: "p", image: { id: "in-use" } });
  expect(await prune(true)).toHaveLength(2);
  expect(ids()).toContain("nobodys");
  expect(await prune()).toEqual([
    "layer nobodys, image nobodys: deleted",
    "layer in-use, image in-use: kept: the server s was made from it",
  ]);
  expect(ids()).toEqual(["below", "in-use", "own", "release", "young"]);
});

test("of several images of a layer the newest stays", async () => {
  layer("first", "a", "2026-11-01T00:00:00Z");
  layer("second", "a", "2026-11-02T00:00:00Z");
  await prune();
  expect(ids()).toEqual(["release", "second"]);
});

test("what an interrupted build has left is removed, whoever had begun it", async () => {
  const mark = writeMark({ ...markOf(new Date("2026-11-01T00:00:00Z")), host: "elsewhere" });
  cloud.servers.push({ id: "s", name: "visa-build-one", tenant_id: "p", metadata: { [MARK_PROPERTY]: mark } });
  expect(await prune(true)).toEqual(["of an interrupted build, server visa-build-one: would be deleted"]);
  expect(cloud.servers).toHaveLength(1);
  await prune();
  expect(cloud.servers).toEqual([]);
});
