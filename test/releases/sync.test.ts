/** The lock made anew, on a cloud of two pages. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readLock } from "../../lib/releases/release-lock";
import { syncLock } from "../../lib/releases/sync";
import { scratchFolder } from "../support/scratch";
import { CloudStandIn } from "./cloud-stand-in";

const KEY = "images/visa-apps";
let cloud: CloudStandIn;
let file: string;

beforeEach(async () => {
  cloud = new CloudStandIn();
  await cloud.start();
  file = join(scratchFolder(), "visa-images.lock.json");
  for (const n of [1, 2, 3]) add(n, { visa_image: KEY, visa_release: String(n).repeat(12) });
});
afterEach(() => cloud.stop());

function add(n: number, properties: Record<string, unknown>): void {
  cloud.images.set(`image-${n}`, {
    ...{ id: `image-${n}`, name: "n", status: "active", disk_format: "raw", size: n, protected: true },
    ...{ os_hash_algo: "sha512", os_hash_value: "h", visibility: "private", os_hidden: n !== 3 },
    ...{ created_at: `2026-11-0${n}T00:00:00Z`, visa_fingerprint: "f", visa_template: "t", ...properties },
  });
}

const sync = (options: object = {}) => syncLock({ file, environment: cloud.environment, ...options });
const ids = (key = KEY) => (readLock(file).images[key] ?? []).map((each) => each.imageId);

test("finds hidden and visible images on all pages, and changes nothing in Glance", async () => {
  await sync();
  expect(ids()).toEqual(["image-1", "image-2", "image-3"]);
  expect(cloud.changes).toEqual([]);
});

test("a dry run writes nothing", async () => {
  expect((await sync({ dryRun: true })).get(KEY)?.differences).toHaveLength(3);
  expect(existsSync(file)).toBe(false);
});

test("a lock that nobody can read is made anew, one of a newer version is left alone", async () => {
  writeFileSync(file, "<<<<<<< HEAD\n");
  await sync();
  expect(ids()).toHaveLength(3);
  writeFileSync(file, '{"version": 2}');
  await expect(sync()).rejects.toThrow("version 2");
  expect(readFileSync(file, "utf8")).toBe('{"version": 2}');
});

test("leaves other images of the lock as they are where it is told which", async () => {
  await sync();
  const lock = readLock(file);
  const other = { ...lock.images[KEY]?.[0], imageId: "elsewhere" };
  writeFileSync(file, JSON.stringify({ ...lock, images: { ...lock.images, "x/y": [other] } }));
  await sync({ images: [KEY] });
  expect(ids("x/y")).toEqual(["elsewhere"]);
});

test("fails on another cloud, and keeps what the lock knows", async () => {
  await sync();
  cloud.images.clear();
  await expect(sync()).rejects.toThrow(
    /none of the 3 releases of "images\/visa-apps".*\n {2}fix: see whether OS_CLOUD/,
  );
  expect(ids()).toHaveLength(3);
});

test("takes from a state whose an image is that does not say it", async () => {
  add(4, { visa_image: undefined, visa_release: undefined });
  const state = join(dirname(file), "terraform.images.tfstate");
  const resource = {
    ...{ mode: "managed", type: "openstack_images_image_v2", name: "visa-apps_444444444444" },
    instances: [{ attributes: { id: "image-4" } }],
  };
  writeFileSync(state, JSON.stringify({ version: 4, resources: [resource] }));
  await sync({ state });
  expect(
    readLock(file)
      .images[KEY]?.map((each) => each.release[0])
      .join(""),
  ).toBe("1243");
  writeFileSync(join(dirname(file), "other"), readFileSync(state));
  await expect(sync({ state: join(dirname(file), "other") })).rejects.toThrow("--stack <name>");
});

test.each([
  ["a snapshot of an instance", { image_type: "snapshot", base_image_ref: "image-3" }],
  ["a backup of an instance", { image_type: "backup" }],
  ["what Packer's OpenStack builder leaves", { base_image_ref: "image-3", instance_uuid: "i" }],
])("%s is nobody's release, though Nova copied all that it says", async (_, nova) => {
  await sync();
  add(4, { visa_image: KEY, visa_release: "3".repeat(12), os_hidden: false, ...nova });
  add(5, { visa_image: "images/other", visa_release: "5".repeat(12), ...nova });
  await sync();
  expect(ids()).toEqual(["image-1", "image-2", "image-3"]);
  expect(ids("images/other")).toEqual([]);
});

test("a snapshot that an older version wrote into the lock goes out of it", async () => {
  await sync();
  Object.assign(cloud.images.get("image-2") ?? {}, { image_type: "snapshot" });
  const report = await sync();
  expect(ids()).toEqual(["image-1", "image-3"]);
  expect(report.get(KEY)?.warnings).toEqual(["the image image-2 is a snapshot of an instance: left out"]);
});
