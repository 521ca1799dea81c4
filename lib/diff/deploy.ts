/** What a deploy would make of an image, beside the release in use: from what synth staged. Nothing is built or asked of a cloud. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { usageError } from "../errors";
import { short } from "../fingerprint/digest";
import { hasArtifactFiles, readArtifactFiles } from "../releases/artifact-files";
import { releaseFolder } from "../releases/release-files";
import { type Release, type ReleaseLock, readLock } from "../releases/release-lock";
import { withKnownHere } from "../review/known-here";
import type { ChangedInput, LayerReview } from "../review/model";
import { specificationOf, stagedSpecifications } from "../review/staged-specifications";
import { layersSection, type Wording } from "../review/words";
import type { ArtifactManifest } from "../runner/cache/cache";
import { chainOf } from "../runner/cache/chain";
import type { LayerSpecification } from "../specification";
import { compareSides, type Difference } from "./compare";
import { cachedSide, findSide, type Places } from "./find-side";

/** Where {@link compareWithDeploy} looks. */
export interface DeployPlaces extends Places {
  /** cdktf's output folder. */
  readonly output: string;
}

/** A release that is not built yet. */
export interface ToBeBuilt {
  readonly version: 1;
  readonly headline: string;
  readonly a: Difference["a"];
  readonly b: Pick<Difference["b"], "title" | "template" | "fingerprint">;
  /** Layers that differ from those of the release in use, the lowest first. */
  readonly layers: readonly LayerReview[];
  /** What is not known here. */
  readonly notKnown: readonly string[];
}

/**
 * Compares the release in use with what a deploy would make: whole, where the cache has it already; else the layers that are
 * built, and their inputs that changed.
 *
 * @param image `<stack>/<id>`
 * @throws VisaImageError where nothing of it was staged, or no release is in use
 */
export async function compareWithDeploy(image: string, places: DeployPlaces): Promise<Difference | ToBeBuilt> {
  const { cache, lockFile, output } = places;
  const lock = readLock(lockFile);
  const staged = await stagedImage(image, output);
  const inUse = lock.images[image]?.at(-1);
  if (!inUse) {
    throw usageError(
      `no release of "${image}" is in use: all of it would be new`,
      { file: lockFile },
      "npx cdktf diff shows what a first deploy makes",
    );
  }
  const before = await findSide(image, places);
  const title = `what a deploy would make of ${image}`;
  const { fingerprint, template } = staged;
  if (fingerprint === inUse.fingerprint) {
    // One artifact may be several releases: raw and qcow2, say.
    const same =
      staged.release === inUse.release ? "nothing new" : `the same disk as another release, ${staged.release}`;
    return {
      version: 1,
      headline: `no difference: a deploy would make ${same}`,
      a: about(before),
      b: { title, template, fingerprint },
      layers: [],
      notKnown: [],
    };
  }
  if (typeof (await cache.manifest(fingerprint)) === "object") {
    return compareSides(before, await cachedSide(title, fingerprint, cache));
  }
  const specification = await specificationOf(fingerprint, await stagedSpecifications(output));
  if (!specification) {
    throw usageError(
      `"${output}" has no specification of ${template} ${short(fingerprint)}`,
      undefined,
      "synthesize again: npx cdktf synth",
    );
  }
  const manifests = await manifestsBehind(inUse, places, lock);
  const { layers, notKnown } = layersToBuild(specification.layers, manifests);
  const known = await withKnownHere({ layers, images: [] }, { output, cache: cache.root });
  const left = known.layers.filter(({ cached }) => !cached).map(({ name }) => name);
  const lacking = await lackingBelow(specification.layers, layers, places);
  if (lacking.length > 0)
    notKnown.push(`this cache lacks ${lacking.join(", ")}: built again here, from the same inputs`);
  const headline = `${left.length} ${left.length === 1 ? "layer is" : "layers are"} to be built: ${left.join(", ")}; which packages change is known after that`;
  return {
    version: 1,
    headline,
    a: about(before),
    b: { title, template, fingerprint },
    layers: known.layers,
    notKnown,
  };
}

/** What is to be built, in words. */
export function toBeBuiltWords({ headline, a, b, layers, notKnown }: ToBeBuilt): Wording {
  const side = (letter: string, { title, template, fingerprint = "" }: ToBeBuilt["b"]) => ({
    words: [`${letter}  `, { foreign: title }, ", ", { foreign: `${template} ${short(fingerprint)}` }],
    details: [],
  });
  const sections = [
    { title: "Compared", items: [side("A", a), side("B", b)] },
    layersSection(layers),
    { title: "Not known here", items: notKnown.map((text) => ({ words: [{ foreign: text }], details: [] })) },
  ];
  return { headline, sections: sections.filter(({ items }) => items.length > 0) };
}

function about({ title, template, fingerprint, built }: Difference["a"]): Difference["a"] {
  return { title, template, fingerprint, built };
}

interface StagedImage {
  readonly fingerprint: string;
  readonly release: string;
  readonly template: string;
}

/** What a stack makes of an image, as its configuration for Terraform says it. */
async function stagedImage(image: string, output: string): Promise<StagedImage> {
  const stack = image.slice(0, Math.max(0, image.indexOf("/")));
  const file = join(output, "stacks", stack, "cdk.tf.json");
  const text = stack ? await readFile(file, "utf8").catch(() => undefined) : undefined;
  if (text === undefined) {
    throw usageError(
      `"${output}" has no stack of "${image}"`,
      undefined,
      "name an image as <stack>/<id>, after npx cdktf synth; --output names another folder",
    );
  }
  const found = imagesIn(text, file);
  const own = found.find(({ visa_image: key }) => key === image);
  if (own) {
    const { visa_fingerprint: fingerprint, visa_release: release, visa_template: template } = own;
    return { fingerprint: String(fingerprint), release: String(release), template: String(template) };
  }
  const known = found.map(({ visa_image: key }) => key).join(", ") || "none";
  throw usageError(
    `the stack "${stack}" makes no new image of "${image}": it has none of that id, or goes back to a release that there is`,
    { file },
    `images that it makes: ${known}; two releases are compared by name: npx visa-image diff A B`,
  );
}

type Properties = Readonly<Record<string, unknown>>;

function imagesIn(text: string, file: string): Properties[] {
  try {
    const { resource } = JSON.parse(text) as {
      readonly resource?: {
        readonly openstack_images_image_v2?: Readonly<Record<string, { properties?: Properties }>>;
      };
    };
    const all = Object.values(resource?.openstack_images_image_v2 ?? {});
    return all.flatMap(({ properties }) => (properties?.visa_fingerprint && properties.visa_image ? [properties] : []));
  } catch (cause) {
    throw usageError("this is no JSON, or was cut off", { file }, "synthesize again: npx cdktf synth", cause);
  }
}

/** The manifests of a release's layers, its own first: from the cache, or from what is kept of releases beside the lock. */
async function manifestsBehind(
  { fingerprint }: Release,
  { cache, lockFile }: Places,
  { images }: ReleaseLock,
): Promise<ArtifactManifest[]> {
  const found: ArtifactManifest[] = [];
  for (let next: string | undefined = fingerprint; next !== undefined; ) {
    const cached = await chainOf(cache, next);
    const kept = Object.values(images)
      .flat()
      .filter((release) => release.fingerprint === next)
      .map(({ release }) => releaseFolder(lockFile, release))
      .find(hasArtifactFiles);
    const more = cached.length > 0 || !kept ? cached : [(await readArtifactFiles(kept)).manifest];
    if (more.length === 0 || found.some((each) => more.some((other) => other.fingerprint === each.fingerprint))) break;
    found.push(...more);
    next = found.at(-1)?.parent?.fingerprint;
  }
  return found;
}

function layersToBuild(layers: readonly LayerSpecification[], manifests: readonly ArtifactManifest[]) {
  const notKnown: string[] = [];
  const changed = new Map<string, LayerReview>();
  for (const { name, fingerprint, parent, inputs } of layers) {
    const before = manifests.find(({ template }) => template === name);
    if (before?.fingerprint === fingerprint) continue;
    // Where its manifest is not here, it may be new, or as it was.
    if (!before)
      notKnown.push(`what the layer ${name} was made from: its manifest is neither in the cache nor beside the lock`);
    const below = [...changed.values()].find((each) => each.fingerprint === parent)?.name;
    changed.set(fingerprint, {
      ...{ address: "", name, fingerprint, why: "changed" },
      ...(before && { fingerprintBefore: before.fingerprint }),
      ...(below !== undefined && { standsOn: below }),
      changed: before ? differingInputs(before.inputs, inputs, below !== undefined) : [],
    });
  }
  return { layers: [...changed.values()], notKnown };
}

/** Layers that stay as they are, and that this machine has to have before those above them are built. */
async function lackingBelow(
  layers: readonly LayerSpecification[],
  changed: readonly LayerReview[],
  { cache }: Places,
): Promise<string[]> {
  const first = layers.findIndex(({ fingerprint }) => changed.some((each) => each.fingerprint === fingerprint));
  const lacking: string[] = [];
  for (const { name, fingerprint } of layers.slice(0, Math.max(first, 0)).reverse()) {
    if (typeof (await cache.manifest(fingerprint)) === "object") break;
    lacking.unshift(name);
  }
  return lacking;
}

/** @param onChanged whether the layer below is built too: then it needs no line of its own */
function differingInputs(
  before: LayerSpecification["inputs"],
  after: typeof before,
  onChanged: boolean,
): ChangedInput[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    if (before[name] === after[name] || (name === "parent" && onChanged)) return [];
    return [
      {
        name,
        ...(before[name] !== undefined && { before: before[name] }),
        ...(after[name] !== undefined && { after: after[name] }),
      },
    ];
  });
}
