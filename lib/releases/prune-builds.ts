/** What builds by a cloud have left there: servers and what belongs to them, and layers that no release stands on. */
import { Cloud } from "../cloud/cloud";
import type { Glance, GlanceImage } from "../cloud/glance";
import { credentialsFrom } from "../cloud/keystone";
import { serversOf } from "../cloud/nova";
import type { Environment } from "../cloud/proxy";
import { short } from "../fingerprint/digest";
import { isAbandoned } from "../runner/cloud/build-mark";
import { removeBuilds } from "../runner/cloud/build-resources";
import { isLayerImage, LAYER_PROPERTY } from "../runner/cloud/layer-images";
import { PARENTS_PROPERTY } from "./release";
import { readLock } from "./release-lock";

/** In milliseconds: what stands on a younger one may not be registered yet. */
const YOUNG = 24 * 60 * 60 * 1000;

/** What {@link pruneBuilds} is told. */
export interface PruneBuildsOptions {
  /** Path of the lock. */
  readonly file: string;
  /** @default false */
  readonly dryRun?: boolean;
  /** @default process.env */
  readonly environment?: Environment;
}

/**
 * Removes what interrupted builds have left in the project, and the images of layers that are a day old and that no release
 * of the lock stands on. Such a layer is only a shortcut: who needs it builds it, or uploads it, again.
 *
 * @returns a line for each: what it was, and what became of it
 * @throws VisaImageError where the cloud is not reached
 */
export async function pruneBuilds(options: PruneBuildsOptions): Promise<string[]> {
  const { file, dryRun = false, environment = process.env } = options;
  const cloud = await Cloud.connect(credentialsFrom(environment));
  const outcome = dryRun ? "would be deleted" : "deleted";
  const found: string[] = [];
  if (cloud.hasServers) {
    const removed = await removeBuilds(cloud, isAbandoned, { dryRun });
    found.push(...removed.map((what) => `of an interrupted build, ${what}: ${outcome}`));
  }
  const glance = await cloud.glance();
  for (const image of await superfluousLayers(glance, file)) {
    const check = await serversOf(glance.session, { id: image.id, seenByOthers: false });
    const server = check.kind === "asked" ? check.servers[0] : undefined;
    const isHeld = !server && !dryRun && (await glance.delete(image.id)) === "in use";
    const kept = server ? `the server ${server} was made from it` : isHeld && "Glance says that it is in use (409)";
    found.push(`layer ${image.name}, image ${image.id}: ${kept ? `kept: ${kept}` : outcome}`);
  }
  return found;
}

async function superfluousLayers(glance: Glance, file: string): Promise<GlanceImage[]> {
  const all = (await glance.images()).filter((image) => isLayerImage(image) && image.owner === glance.projectId);
  if (all.length === 0) return [];
  const needed = await neededLayers(glance, file);
  return all.filter((image, i) => {
    if (image.protected || Date.now() - Date.parse(image.created_at) < YOUNG) return false;
    const fingerprint = String(image[LAYER_PROPERTY]);
    // Of several the newest is taken by whoever looks for the layer.
    const isLast = !all.slice(i + 1).some((other) => other[LAYER_PROPERTY] === fingerprint);
    return !isLast || !needed.has(short(fingerprint));
  });
}

/** The first digits of the fingerprints of all releases of the lock, and of what these stand on. */
async function neededLayers(glance: Glance, file: string): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  for (const { fingerprint, imageId } of Object.values(readLock(file).images).flat()) {
    needed.add(short(fingerprint));
    const parents = (await glance.image(imageId))?.[PARENTS_PROPERTY];
    for (const parent of typeof parents === "string" ? parents.split(/[\s,]+/) : []) needed.add(parent);
  }
  return needed;
}
