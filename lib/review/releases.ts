/** What a plan does to the releases of each image: by the addresses and triggers that lib/constructs gives them. */
import { short } from "../fingerprint/digest";
import type { ImageReview, LayerReview, Upload } from "./model";
import { type Plan, type ResourceChange, recordOf } from "./plan";
import { releaseName } from "./roles";
import { type Difference, differences, shown } from "./values";

/** A plan's resources by what they stand for. */
export interface ReleaseResources {
  readonly layers: readonly LayerReview[];
  /** All images in Glance, of which those of releases count. */
  readonly images: readonly ResourceChange[];
  readonly registrations: readonly ResourceChange[];
  readonly inUse: readonly ResourceChange[];
  readonly gates: readonly ResourceChange[];
  readonly builds: readonly ResourceChange[];
}

/** One image's part of a plan. */
interface Family {
  readonly images: Map<string, ResourceChange>;
  readonly registrations: Map<string, ResourceChange>;
  inUse?: ResourceChange;
  gate?: ResourceChange;
}

/** What happens to images; those to which nothing does are left out. */
export function reviewReleases(plan: Plan, resources: ReleaseResources): ImageReview[] {
  const families = familiesOf(resources);
  const chain = chains(resources);
  return [...families].flatMap(([name, family]) => {
    const review = reviewFamily(name, family, plan, chain);
    return review ? [review] : [];
  });
}

/** By the image's part of the addresses. An image of such a name that nobody registered is somebody else's. */
function familiesOf({ images, registrations, inUse, gates }: ReleaseResources): Map<string, Family> {
  const families = new Map<string, Family>();
  const of = (name: string): Family => {
    const family = families.get(name) ?? { images: new Map(), registrations: new Map() };
    families.set(name, family);
    return family;
  };
  for (const change of inUse) of(change.prefix + change.name.replace(/_in_use$/, "")).inUse = change;
  for (const change of registrations) {
    const found = releaseName(change.name);
    if (found) of(change.prefix + found.image).registrations.set(found.release, change);
  }
  for (const change of gates) {
    const family = families.get(change.prefix + change.name.replace(/_verified$/, ""));
    if (family) family.gate = change;
  }
  for (const change of images) {
    const found = releaseName(change.name);
    if (found && !change.deposed) families.get(change.prefix + found.image)?.images.set(found.release, change);
  }
  return families;
}

function reviewFamily(
  name: string,
  { images, registrations, inUse, gate }: Family,
  { gone }: Plan,
  chain: (fingerprint: string | undefined) => LayerReview[],
): ImageReview | undefined {
  const digits = (change: ResourceChange | undefined, side: "before" | "after") =>
    change && shown(change, side, "triggers_replace", "release");
  const made = [...images].find(([, { fate }]) => fate === "created");
  const release = digits(inUse, "after") ?? made?.[0];
  // A deploy that failed may have left no note of what is in use: then it is the one that is shown.
  const visible = [...images].find(([, { before, fate }]) => fate !== "created" && before.hidden === false);
  const releaseBefore = digits(inUse, "before") ?? visible?.[0];
  const which = (test: (change: ResourceChange) => boolean) =>
    [...images].filter(([, change]) => test(change)).map(([each]) => each);
  const turned = (change: ResourceChange, to: boolean) =>
    change.fate === "updated" && change.after.hidden === !to && change.before.hidden === to;
  const protection = (to: string, from: readonly (string | undefined)[]) =>
    [...registrations].flatMap(([each, change]) => {
      const [before, after] = (["before", "after"] as const).map((side) =>
        shown(change, side, "triggers_replace", "protected"),
      );
      return after === to && from.includes(before) && change.fate !== "none" ? [each] : [];
    });
  const current = images.get(release ?? "");
  const properties = recordOf(current?.after.properties ?? current?.before.properties);
  const text = (value: unknown) => (typeof value === "string" ? value : undefined);
  const fingerprint = text(properties.visa_fingerprint);
  const moved = release !== undefined && releaseBefore !== undefined && release !== releaseBefore;
  const isGone = made !== undefined && gone.has(made[1].address);
  const isNew = made !== undefined && !isGone && (moved || releaseBefore === undefined);
  const kind = isNew ? "new" : made ? "again" : moved ? "back" : "same";
  const layers = kind === "back" ? [] : chain(fingerprint);
  const changed = current?.fate === "updated" ? fieldsOf(current) : [];
  const gateRuns = gate?.fate === "replaced" && kind === "same" && layers.length === 0;
  const upload = made && uploadOf(made[1], images.get(releaseBefore ?? ""), fingerprint);
  const imageName = current && (shown(current, "after", "name") ?? shown(current, "before", "name"));
  const review: ImageReview = {
    image: text(properties.visa_image) ?? name,
    ...(imageName !== undefined && { name: imageName }),
    kind,
    ...(release !== undefined && { release }),
    ...(releaseBefore !== undefined && { releaseBefore }),
    layers: layers.map((layer) => layer.name),
    ...(gateRuns && { verifiedAgain: differences(gate, "triggers_replace") }),
    ...(upload && { upload }),
    ...(isGone && { gone: true }),
    shown: which((change) => turned(change, true)),
    hidden: which((change) => turned(change, false)),
    forgotten: which(({ fate }) => fate === "forgotten"),
    imported: which(({ importedId }) => importedId !== undefined),
    protected: protection("true", [undefined, "false"]),
    unprotected: protection("false", ["true"]),
    changed,
  };
  const lists = [review.layers, review.shown, review.hidden, review.forgotten, review.imported, review.changed];
  const silent = kind === "same" && !gateRuns && [...lists, review.protected, review.unprotected].every(isEmpty);
  return silent ? undefined : review;
}

function isEmpty(list: readonly unknown[]): boolean {
  return list.length === 0;
}

/** What changes on an image in place; whether it is hidden has a line of its own. */
function fieldsOf(change: ResourceChange): Difference[] {
  const scalars = ["name", "visibility", "min_disk_gb", "min_ram_mb"].flatMap((name) => {
    const before = shown(change, "before", name);
    const after = shown(change, "after", name);
    if (before === after) return [];
    return [{ name, ...(before !== undefined && { before }), ...(after !== undefined && { after }) }];
  });
  const tags = JSON.stringify(change.before.tags ?? []) !== JSON.stringify(change.after.tags ?? []);
  return [...scalars, ...(tags ? [{ name: "tags" }] : []), ...differences(change, "properties")];
}

function uploadOf(made: ResourceChange, before: ResourceChange | undefined, fingerprint: string | undefined): Upload {
  const format = shown(made, "after", "disk_format");
  const bytes = before?.before.size_bytes;
  return {
    ...(format !== undefined && { format }),
    ...(fingerprint !== undefined && { fingerprint }),
    ...(typeof bytes === "number" && bytes > 0 && { bytesBefore: bytes }),
  };
}

/** Finds the layers below a fingerprint that a plan has to do with, the lowest first. */
function chains({ builds, layers }: ReleaseResources): (fingerprint: string | undefined) => LayerReview[] {
  const trigger = (change: ResourceChange, name: string) => shown(change, "after", "triggers_replace", name);
  const parents = new Map(
    builds.flatMap((change) => {
      const fingerprint = trigger(change, "fingerprint");
      return fingerprint === undefined ? [] : [[short(fingerprint), trigger(change, "parent")] as const];
    }),
  );
  const reviewed = new Map<string, LayerReview[]>();
  for (const layer of layers) {
    const key = short(layer.fingerprint);
    reviewed.set(key, [...(reviewed.get(key) ?? []), layer]);
  }
  return (fingerprint) => {
    const found: LayerReview[] = [];
    const seen = new Set<string>();
    for (let key = fingerprint && short(fingerprint); key !== undefined && !seen.has(key); key = parents.get(key)) {
      seen.add(key);
      found.unshift(...(reviewed.get(key) ?? []));
    }
    return found;
  };
}
