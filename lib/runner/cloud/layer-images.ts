/**
 * Layers as images in Glance, for builds by a cloud: hidden, of this project alone, each with its fingerprint.
 *
 * Nova copies the properties of an image to a server's snapshots. So a layer's image says its own id, too: what says
 * another one is no layer.
 */
import type { Glance, GlanceImage } from "../../cloud/glance";
import type { DiskFormat, LayerSpecification } from "../../specification";
import type { ArtifactManifest } from "../cache/cache";
import { MARK_PROPERTY } from "./build-mark";

/** The whole fingerprint of the layer or base. */
export const LAYER_PROPERTY = "visa_layer";
/** The image's own id. */
const SELF_PROPERTY = "visa_layer_image";
/** The checksum of the disk in the cache that was uploaded. */
const DISK_PROPERTY = "visa_layer_disk";

/** What Nova writes onto a snapshot; with it an image would not count as anybody's. */
const SNAPSHOTS_OWN =
  /^(image_type|image_location|image_state|instance_uuid|base_image_ref|boot_roles|user_id|owner_(id|user_name|project_name))$/;

/** What the machine that built a layer says of it, under the names that lib/releases reads. */
export interface LayerOrigin {
  readonly commit?: string;
  /** First digits of the fingerprints that it stands on, the nearest first. */
  readonly parents: readonly string[];
}

/** Whether an image is a layer's, and whole. */
export function isLayerImage(image: GlanceImage): boolean {
  return image.status === "active" && image[LAYER_PROPERTY] !== undefined && image[SELF_PROPERTY] === image.id;
}

/** The images that have a layer, the oldest first. */
export async function layerImages(glance: Glance, fingerprint: string): Promise<GlanceImage[]> {
  const images = await glance.images({ [LAYER_PROPERTY]: fingerprint });
  return images.filter((image) => isLayerImage(image) && image.owner === glance.projectId);
}

/** The image of an artifact of the cache: the one that it was made of, or one that its disk was uploaded as. */
export async function imageOf(glance: Glance, manifest: ArtifactManifest): Promise<GlanceImage | undefined> {
  for (const made of [manifest.image, manifest.source]) {
    if (!made || made.glance !== glance.endpoint) continue;
    const image = await glance.image(made.imageId);
    if (image?.status === "active") return image;
  }
  const images = await layerImages(glance, manifest.fingerprint);
  return images.find((image) => image[DISK_PROPERTY] === manifest.disk.sha256);
}

/** Uploads the disk of an artifact. @param file whole, of the artifact's bytes as its guest sees them */
export async function uploadLayer(
  glance: Glance,
  manifest: ArtifactManifest,
  file: string,
  options: {
    readonly format: DiskFormat;
    readonly name: string;
    readonly mark: string;
    readonly onProgress: (bytes: number) => void;
  },
): Promise<GlanceImage> {
  const { format, name, mark, onProgress } = options;
  const attributes = {
    ...{ name, container_format: "bare", disk_format: format, visibility: "private", os_hidden: true },
    [MARK_PROPERTY]: mark,
  };
  const id = await glance.upload(attributes, file, onProgress);
  await glance.update(id, {
    ...layerProperties(manifest.fingerprint, id),
    [DISK_PROPERTY]: manifest.disk.sha256,
    [MARK_PROPERTY]: undefined,
  });
  return (await glance.image(id)) as GlanceImage;
}

/**
 * Makes a layer's image of the one that Packer had Nova make of its server. Nova copied onto that what the parent's image
 * says of itself.
 */
export async function keepAsLayer(
  glance: Glance,
  image: GlanceImage,
  layer: Pick<LayerSpecification, "name" | "fingerprint">,
  { commit, parents }: LayerOrigin,
): Promise<void> {
  const copied = Object.keys(image).filter((key) => SNAPSHOTS_OWN.test(key) || key.startsWith("visa_"));
  await glance.update(image.id, {
    ...Object.fromEntries(copied.map((name) => [name, undefined])),
    ...layerProperties(layer.fingerprint, image.id),
    name: layerImageName(layer.name, layer.fingerprint),
    os_hidden: true,
    ...(commit && { visa_commit: commit }),
    ...(parents.length > 0 && { visa_parents: parents.slice(0, 19).join(" ") }),
  });
}

/** What Glance calls the image of a layer. */
export function layerImageName(template: string, fingerprint: string): string {
  return `visa-layer-${template}-${fingerprint.slice(0, 12)}`;
}

function layerProperties(fingerprint: string, id: string): Record<string, string> {
  return { [LAYER_PROPERTY]: fingerprint, [SELF_PROPERTY]: id };
}
