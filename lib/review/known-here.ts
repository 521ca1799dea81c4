/** What a plan does not say and this machine knows: the files behind inputs, what Git says of them, what the cache has. */
import { relative, resolve } from "node:path";
import { short } from "../fingerprint/digest";
import { type ArtifactManifest, Cache } from "../runner/cache/cache";
import { cacheEntries } from "../runner/cache/cache-entries";
import { fileHistory } from "../runner/host/git";
import { createMasker } from "../runner/output/masking";
import type { DiskFormat, LayerSpecification } from "../specification";
import type { ChangedInput, ImageReview, KnownFile, LayerReview, PlanReview } from "./model";
import { specificationOf, stagedSpecifications } from "./staged-specifications";

/** Where to look. */
export interface Here {
  /** cdktf's output folder, in which synth staged what is built. */
  readonly output: string;
  /** The cache's folder. */
  readonly cache: string;
}

/** Git is asked about as many files at most: it takes some milliseconds for each. */
const MOST_FILES = 200;

/** The review with what this machine knows. Whatever cannot be found out is left out. */
export async function withKnownHere<T extends Pick<PlanReview, "layers" | "images">>(
  review: T,
  here: Here,
): Promise<T> {
  const building = review.layers.filter(({ why }) => why !== "same disk");
  if (review.layers.length === 0 && review.images.every(({ upload }) => !upload)) return review;
  const cache = new Cache(here.cache);
  const manifests =
    building.length > 0 ? (await cacheEntries(cache)).flatMap(({ manifest }) => (manifest ? [manifest] : [])) : [];
  const staged = await stagedSpecifications(here.output);
  const ask = gitOnce();
  const layers: LayerReview[] = [];
  for (const layer of review.layers) {
    const found = await specificationOf(layer.fingerprint, staged);
    const changed: ChangedInput[] = [];
    for (const input of layer.changed) {
      const files = found ? filesOf(input, found.layer, found.folder) : [];
      changed.push(files.length > 0 ? { ...input, files: await Promise.all(files.map(ask)) } : input);
    }
    layers.push({ ...layer, changed, ...(building.includes(layer) && buildsOf(layer, found?.layer, manifests)) });
  }
  const images = await Promise.all(review.images.map((image) => withBytes(image, cache)));
  return { ...review, layers, images };
}

/** The files behind an input: its own, by name and content, or those that say what Packer does. */
function filesOf(input: ChangedInput, { files, places = {} }: LayerSpecification, folder: string): string[] {
  if (input.name === "packer") {
    return [...new Set(Object.values(places).map(({ file }) => resolve(folder, file)))].sort();
  }
  const named = files.filter(({ sha256, mode }) => {
    const value = `${short(sha256)} ${mode.toString(8).padStart(4, "0")}`;
    return value === input.after;
  });
  const exact = named.filter(({ path }) => path === input.name || path.endsWith(`/${input.name}`));
  const [only] = exact.length > 0 ? exact : named.length === 1 ? named : [];
  return only ? [resolve(folder, only.source)] : [];
}

/** Asks Git about a file, the same one once. */
function gitOnce(): (file: string) => Promise<KnownFile> {
  const known = new Map<string, Promise<KnownFile>>();
  const masker = createMasker([]);
  return (file) => {
    const present = known.get(file);
    if (present) return present;
    const from = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
    const path = relative(process.cwd(), file);
    const asked =
      from !== undefined
        ? Promise.resolve({ path, package: from })
        : known.size < MOST_FILES
          ? fileHistory(file, masker).then((git) => ({ path, ...(git && { git }) }))
          : Promise.resolve({ path });
    known.set(file, asked);
    return asked;
  };
}

/** The newest artifact of a layer is its last build, and the one of its fingerprint is what a build would make. */
function buildsOf(
  layer: LayerReview,
  specified: LayerSpecification | undefined,
  manifests: readonly ArtifactManifest[],
): Pick<LayerReview, "cached" | "lastBuild"> {
  const cached = manifests.some(({ fingerprint }) => fingerprint === layer.fingerprint);
  const built = manifests.filter(({ source }) => source === undefined);
  const template = specified?.name ?? layer.name;
  const last =
    built.find(({ fingerprint }) => fingerprint === layer.fingerprintBefore) ??
    built.find((manifest) => manifest.template === template);
  return {
    ...(cached && { cached }),
    ...(last && { lastBuild: { seconds: last.durationSeconds, at: last.createdAt } }),
  };
}

async function withBytes(image: ImageReview, cache: Cache): Promise<ImageReview> {
  const { format, fingerprint } = image.upload ?? {};
  if (fingerprint === undefined || (format !== "raw" && format !== "qcow2")) return image;
  const flat = await cache.checkFlat(fingerprint, format satisfies DiskFormat).catch(() => undefined);
  return flat ? { ...image, upload: { ...image.upload, bytes: flat.bytes } } : image;
}
