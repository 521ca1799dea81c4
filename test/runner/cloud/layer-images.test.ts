import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GlanceImage } from "../../../lib/cloud/glance";
import type { ArtifactManifest } from "../../../lib/runner/cache/cache";
import { imageOf, isLayerImage, keepAsLayer, layerImages, uploadLayer } from "../../../lib/runner/cloud/layer-images";
import { BuildCloud } from "./build-cloud";

let cloud: BuildCloud;
const folder = mkdtempSync(join(tmpdir(), "visa-layers-"));
beforeEach(async () => {
  cloud = new BuildCloud();
  await cloud.start();
});
afterEach(() => cloud.stop());
afterAll(() => rmSync(folder, { recursive: true }));

const glance = async () => (await cloud.connect()).glance();
const fingerprint = "a".repeat(64);
const manifest = { fingerprint, template: "one", disk: { sha256: "d1" } } as ArtifactManifest;

test("a disk is uploaded once, whole and hidden", async () => {
  const file = join(folder, "disk");
  writeFileSync(file, Buffer.alloc(3 << 20, "x"));
  const sent: number[] = [];
  expect(await imageOf(await glance(), manifest)).toBeUndefined();
  const options = {
    format: "qcow2",
    name: "visa-layer-one",
    mark: "m",
    onProgress: (n: number) => sent.push(n),
  } as const;
  const image = await uploadLayer(await glance(), manifest, file, options);
  expect(cloud.data.get(image.id)).toHaveLength(3 << 20);
  expect(sent.at(-1)).toBe(3 << 20);
  expect(image).toMatchObject({ os_hidden: true, visibility: "private", visa_layer: fingerprint });
  // Of no build any more.
  expect(image).not.toHaveProperty("visa_build");
  expect(await imageOf(await glance(), manifest)).toMatchObject({ id: image.id });
  // Other bytes of the same layer are another disk.
  expect(await imageOf(await glance(), { ...manifest, disk: { ...manifest.disk, sha256: "d2" } })).toBeUndefined();
});

test("an upload that fails leaves no image", async () => {
  const file = join(folder, "small");
  writeFileSync(file, "x");
  cloud.faults.set("PUT /glance/v2/images/image-1/file", { status: 413 });
  const options = { format: "qcow2", name: "one", mark: "m", onProgress: () => {} } as const;
  await expect(uploadLayer(await glance(), manifest, file, options)).rejects.toThrow(/upload the image "one": .*413/);
  expect(cloud.images).toEqual([]);
});

test("what Nova made of a server becomes a layer's, with nothing of its parent's", async () => {
  const parent = { visa_layer: "p", visa_layer_image: "parent", visa_image: "stack/one", visa_commit: "old" };
  const snapshot = { image_type: "snapshot", base_image_ref: "parent", instance_uuid: "s", owner_id: "o" };
  const image = { id: "i-1", name: "n", owner: "p", status: "active", hw_disk_bus: "scsi", visa_build: "m" };
  cloud.images.push({ ...image, ...parent, ...snapshot });
  expect(isLayerImage(cloud.images[0] as unknown as GlanceImage)).toBe(false);
  const made = (await (await glance()).image("i-1")) as GlanceImage;
  await keepAsLayer(await glance(), made, { name: "one", fingerprint }, { commit: "new", parents: ["p1", "p2"] });
  expect(cloud.images).toEqual([
    {
      ...{ id: "i-1", name: "visa-layer-one-aaaaaaaaaaaa", owner: "p", status: "active", hw_disk_bus: "scsi" },
      ...{ os_hidden: true, visa_layer: fingerprint, visa_layer_image: "i-1" },
      ...{ visa_commit: "new", visa_parents: "p1 p2" },
    },
  ]);
  expect(await layerImages(await glance(), fingerprint)).toHaveLength(1);
});

test("an image that copied a layer's properties is none, nor is another project's", async () => {
  const own = { status: "active", os_hidden: true, visa_layer: fingerprint };
  cloud.images.push({ id: "a", owner: "p", ...own, visa_layer_image: "other" });
  cloud.images.push({ id: "b", owner: "q", ...own, visa_layer_image: "b" });
  expect(await layerImages(await glance(), fingerprint)).toEqual([]);
});

test("the image that an artifact was made of is its own, where it is there still, in the same Glance", async () => {
  const { endpoint } = await glance();
  const made = { ...manifest, image: { glance: endpoint, imageId: "i-1" } };
  expect(await imageOf(await glance(), made)).toBeUndefined();
  cloud.images.push({ id: "i-1", owner: "p", status: "active" });
  expect(await imageOf(await glance(), made)).toMatchObject({ id: "i-1" });
  expect(await imageOf(await glance(), { ...made, image: { glance: "http://other", imageId: "i-1" } })).toBeUndefined();
});
