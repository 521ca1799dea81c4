/** What the lock should say, by what Glance has. */
import type { GlanceImage } from "../cloud/glance";
import { isSnapshot, releaseOf } from "./release";
import type { Release } from "./release-lock";

/** A release's part in Terraform's state, for images that do not say themselves whose they are. */
export interface StateEntry {
  /** `<stack>/<id>`. */
  readonly image: string;
  readonly release: string;
}

/** What {@link reconcile} found. */
export interface Reconciled {
  /** In the order of their use, as far as Glance tells: the visible one last. */
  readonly releases: readonly Release[];
  /** What the lock said otherwise. */
  readonly differences: readonly string[];
  /** What is odd in Glance itself. */
  readonly warnings: readonly string[];
}

/**
 * The releases of one image by what Glance has.
 *
 * @param known what the lock says
 * @param images the images of Glance that carry the image's key, that the lock names, or that the state has under it
 * @param states the state's entries by id of the image
 */
export function reconcile(
  image: string,
  known: readonly Release[],
  images: readonly GlanceImage[],
  states: ReadonlyMap<string, StateEntry> = new Map(),
): Reconciled {
  const warnings: string[] = [];
  const found = new Map<string, { readonly release: Release; readonly visible: boolean }>();
  for (const each of [...images].sort((a, b) => (a.created_at < b.created_at ? -1 : 1))) {
    const entry = known.find(({ imageId }) => imageId === each.id);
    const owner = text(each.visa_image) ?? states.get(each.id)?.image ?? (entry && image);
    if (owner !== image) continue;
    if (isSnapshot(each)) {
      // One that says whose it is had it copied; only one that the lock names is worth a word.
      if (entry) warnings.push(`the image ${each.id} is a snapshot of an instance: left out`);
      continue;
    }
    if (each.status !== "active") {
      warnings.push(`the image ${each.id} is ${each.status}: left out`);
      continue;
    }
    const release = releaseFromImage(each, entry, states.get(each.id));
    const visible = !each.os_hidden;
    const other = found.get(release.release);
    if (other) warnings.push(`${other.release.imageId} and ${each.id} are both release ${release.release}`);
    // The newer of two, but never a hidden one in the place of a visible one.
    if (!other?.visible || visible) found.set(release.release, { release, visible });
  }
  const all = [...found.values()];
  const visible = all.filter((each) => each.visible).map(({ release }) => release.release);
  if (visible.length > 1) warnings.push(`releases ${visible.join(", ")} are all visible; the newest counts as in use`);
  const inUse = visible.at(-1) ?? known.findLast(({ release }) => found.has(release))?.release;
  const ordered = [...all.filter((each) => each.release.release !== inUse), ...all.filter(isRelease(inUse))];
  const releases = ordered.map(({ release }) => release);
  return { releases, differences: compare(known, releases), warnings };
}

/** What the lock is to say of an image, by its properties, then by what the lock or the state said of it. */
export function releaseFromImage(image: GlanceImage, known?: Partial<Release>, state?: { release: string }): Release {
  const fingerprint = text(image.visa_fingerprint) ?? known?.fingerprint ?? "";
  const diskFormat = image.disk_format === "qcow2" ? "qcow2" : "raw";
  const release =
    text(image.visa_release) ??
    state?.release ??
    known?.release ??
    releaseOf({ fingerprint, diskFormat, properties: ownProperties(image) });
  return {
    release,
    fingerprint,
    template: text(image.visa_template) ?? known?.template ?? "",
    name: image.name,
    diskFormat,
    imageId: image.id,
    sha512: image.os_hash_algo === "sha512" ? (image.os_hash_value ?? "") : "",
    sizeBytes: image.size ?? 0,
    registered: image.created_at,
  };
}

/** An image's own `os_*` properties, without Glance's. */
function ownProperties(image: GlanceImage): Record<string, string> {
  const own = Object.entries(image).filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === "string" && /^os_(?!hash_|hidden$|glance_)/.test(entry[0]),
  );
  return Object.fromEntries(own);
}

function isRelease(release: string | undefined) {
  return (each: { readonly release: Release }) => each.release.release === release;
}

function compare(before: readonly Release[], after: readonly Release[]): string[] {
  const differences: string[] = [];
  for (const release of after) {
    const old = before.find((each) => each.release === release.release);
    if (!old) differences.push(`the lock lacks release ${release.release}, image ${release.imageId}`);
    for (const key of Object.keys(release) as (keyof Release)[]) {
      if (old && old[key] !== release[key]) {
        differences.push(
          `release ${release.release} has "${key}" ${old[key]} in the lock, and ${release[key]} in Glance`,
        );
      }
    }
  }
  for (const old of before) {
    if (after.some((each) => each.release === old.release)) continue;
    differences.push(`release ${old.release} of the lock, image ${old.imageId}, is not in Glance`);
  }
  return differences;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
