import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { glanceSource } from "../../lib/releases/glance-source";
import { formatLock, type Release, withRelease } from "../../lib/releases/release-lock";
import { scratchFolder } from "../support/scratch";
import { CloudStandIn, type StandInImage } from "./cloud-stand-in";

const FINGERPRINT = "ab".repeat(32);
const cloud = new CloudStandIn();
const folder = scratchFolder();
const lockFile = join(folder, "visa-images.lock.json");

beforeAll(() => cloud.start());
afterAll(() => cloud.stop());
beforeEach(() => {
  cloud.images.clear();
  rmSync(lockFile, { force: true });
});

function add(id: string, changes: Partial<StandInImage> = {}): void {
  cloud.images.set(id, {
    ...{ id, name: `image ${id}`, status: "active", disk_format: "raw", size: 1000, owner: "p", os_hidden: true },
    ...{ visa_fingerprint: FINGERPRINT, os_hash_algo: "sha512", os_hash_value: `sha512 of ${id}` },
    ...{ created_at: "2026-11-23T00:00:00Z", ...changes },
  });
}

function remember(sha512: string): void {
  const release: Release = {
    ...{ release: "0123456789ab", fingerprint: FINGERPRINT, template: "visa-base", name: "VISA", diskFormat: "raw" },
    ...{ imageId: "any", sha512, sizeBytes: 1000, registered: "2026-11-23T00:00:00Z" },
  };
  writeFileSync(lockFile, formatLock(withRelease({ version: 1, images: {} }, "stack/visa-base", release)));
}

const find = async () => (await glanceSource(lockFile, cloud.environment)).find(FINGERPRINT);

test("finds the image with least to download, past releases too", async () => {
  add("raw");
  add("qcow2", { disk_format: "qcow2", size: 10, visa_commit: "c0ffee", hw_disk_bus: "virtio" });
  await expect(find()).resolves.toMatchObject({
    ...{ format: "qcow2", bytes: 10 },
    source: { imageId: "qcow2", sha512: "sha512 of qcow2", properties: { visa_commit: "c0ffee" } },
  });
});

test.each([
  ["of another project", { owner: "q" }],
  ["that is being uploaded", { status: "saving" }],
  ["that is a snapshot of an instance", { image_type: "snapshot", base_image_ref: "base" }],
  ["of another disk format", { disk_format: "vmdk" }],
  ["without a SHA-512", { os_hash_algo: "md5" }],
])("passes by an image %s", async (_, changes) => {
  add("one", changes);
  await expect(find()).resolves.toBeUndefined();
});

test("takes the one that the lock knows before a smaller one", async () => {
  add("known");
  add("smaller", { size: 10 });
  remember("sha512 of known");
  await expect(find()).resolves.toMatchObject({ source: { imageId: "known" } });
});

test("fails for an image that has not the lock's checksum", async () => {
  add("one");
  remember("sha512 of what was registered");
  await expect(find()).rejects.toThrow('the checksum of the image "one" in Glance is another one than the lock\'s');
});

test("passes by a snapshot that the lock knows, with its checksum", async () => {
  add("one", { image_type: "snapshot" });
  remember("sha512 of one");
  await expect(find()).resolves.toBeUndefined();
});
