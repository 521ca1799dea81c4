/** `visa-image lock sync`: makes the lock anew. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Glance, GlanceImage } from "../cloud/glance";
import type { Environment } from "../cloud/proxy";
import { ExitCode, VisaImageError } from "../errors";
import { changeLock } from "./change-lock";
import { Clouds } from "./clouds";
import { type Reconciled, reconcile, type StateEntry } from "./reconcile";
import { isSnapshot, PARENTS_PROPERTY, RETIRED_PROPERTY, REVOKED_PROPERTY } from "./release";
import { LOCK_VERSION, type Release, type ReleaseLock, readLock, withReleases, withRetired } from "./release-lock";
import { type MarkedImage, withMarks } from "./revocation";

/** What {@link syncLock} is told. */
export interface SyncOptions {
  /** Path of the lock. */
  readonly file: string;
  /** `<stack>/<id>` of the images. @default all that the lock, Glance or the state knows */
  readonly images?: readonly string[];
  /** A state file, as `terraform state pull` prints it: for images that do not say whose they are. */
  readonly state?: string;
  /** The state's stack. @default by the file's name, `terraform.<stack>.tfstate` */
  readonly stack?: string;
  /** Whether nothing is to be written. @default false */
  readonly dryRun?: boolean;
  /** @default process.env */
  readonly environment?: Environment;
}

/** What there is to say of each image. */
export type SyncReport = ReadonlyMap<string, Reconciled>;

/**
 * Makes the lock anew from what Glance has, and from a state where one is given. Glance and the state are only read.
 *
 * @throws VisaImageError where Glance has none of the images that the lock knows: most likely it is another cloud
 */
export async function syncLock(options: SyncOptions): Promise<SyncReport> {
  const states = options.state ? readState(options.state, options.stack) : new Map<string, StateEntry>();
  const lock = readAnyLock(options.file);
  const clouds = new Clouds(lock, options.environment);
  const ownedIn = async (glance: Glance) =>
    (await glance.images()).filter(
      (each) => !isSnapshot(each) && (typeof each.visa_image === "string" || states.has(each.id)),
    );
  const owned = await ownedIn(await clouds.of());
  const seen = new Set(owned);
  const keys = new Set([
    ...Object.keys(lock.images),
    ...owned.map((each) => states.get(each.id)?.image ?? String(each.visa_image)),
  ]);
  const chosen = options.images?.length ? options.images : [...keys].sort();
  const report = new Map<string, Reconciled>();
  for (const image of chosen) {
    if (!keys.has(image)) {
      throw new VisaImageError(`neither the lock nor Glance has an image "${image}"`, {
        fix: `name one of: ${[...keys].sort().join(", ") || "none"}`,
        exitCode: ExitCode.USAGE,
      });
    }
    const known = lock.images[image] ?? [];
    const glance = await clouds.of(image);
    const there = lock.clouds?.[image] ? await ownedIn(glance) : owned;
    for (const each of there) seen.add(each);
    const reconciled = reconcile(image, known, await withNamed(glance, there, known), states);
    if (known.length > 0 && reconciled.releases.length === 0) {
      throw new VisaImageError(`Glance has none of the ${known.length} releases of "${image}" that the lock knows`, {
        location: { file: options.file },
        fix: "see whether OS_CLOUD and the project are the right ones; if the images are gone: npx visa-image lock remove",
      });
    }
    report.set(image, reconciled);
  }
  if (!options.dryRun) {
    await changeLock(
      options.file,
      (before) =>
        withRetired(
          withMarks(
            [...report].reduce((all, [image, { releases }]) => withReleases(all, image, releases), before),
            [...seen].flatMap(markOf),
          ),
          Object.fromEntries([...seen].flatMap(retiredOf)),
        ),
      readAnyLock,
    );
  }
  return report;
}

function markOf(image: GlanceImage): MarkedImage[] {
  const { visa_fingerprint: fingerprint, [PARENTS_PROPERTY]: parents, [REVOKED_PROPERTY]: mark } = image;
  if (typeof fingerprint !== "string" || typeof mark !== "string") return [];
  return [{ fingerprint, mark, below: typeof parents === "string" ? parents.split(" ") : [] }];
}

function retiredOf({ visa_release: release, [RETIRED_PROPERTY]: date }: GlanceImage): [string, string][] {
  return typeof release === "string" && typeof date === "string" ? [[release, date]] : [];
}

/** What the lock says of an image otherwise than Glance, for whoever only wants to know. */
export async function lockDifferences(
  glance: Glance,
  image: string,
  known: readonly Release[],
  owned: readonly GlanceImage[],
): Promise<readonly string[]> {
  return reconcile(image, known, await withNamed(glance, owned, known)).differences;
}

/** With the images that the lock names, and that do not say whose they are. */
async function withNamed(
  glance: Glance,
  images: readonly GlanceImage[],
  known: readonly Release[],
): Promise<GlanceImage[]> {
  const missing = known.filter(({ imageId }) => !images.some(({ id }) => id === imageId));
  const named = await Promise.all(missing.map(({ imageId }) => glance.image(imageId)));
  return [...images, ...named.filter((each) => each !== undefined)];
}

/** A lock that cannot be read is made anew like one that is missing; it is not read as a lock of a newer version. */
function readAnyLock(file: string): ReleaseLock {
  try {
    return readLock(file);
  } catch (error) {
    const { version } = parsed(file) ?? {};
    if (typeof version === "number" && version > LOCK_VERSION) throw error;
    return { version: LOCK_VERSION, images: {} };
  }
}

function parsed(file: string): { readonly version?: unknown } | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

interface StateResource {
  readonly mode?: string;
  readonly type?: string;
  readonly name?: string;
  readonly instances?: readonly { readonly attributes?: { readonly id?: string } }[];
}

/** The images in a state, by their ids in Glance. */
function readState(file: string, stack?: string): Map<string, StateEntry> {
  const name = stack ?? /^terraform\.(.+)\.tfstate$/.exec(basename(file))?.[1];
  if (!name) {
    throw new VisaImageError(`the name of "${file}" does not tell its stack`, {
      fix: "--stack <name>",
      exitCode: ExitCode.USAGE,
    });
  }
  let resources: readonly StateResource[];
  try {
    ({ resources = [] } = JSON.parse(readFileSync(file, "utf8")) as { resources?: readonly StateResource[] });
  } catch (cause) {
    throw new VisaImageError("this is no state file", {
      location: { file },
      fix: "give a file that `terraform state pull` made",
      exitCode: ExitCode.USAGE,
      cause,
    });
  }
  const entries = new Map<string, StateEntry>();
  for (const { mode, type, name: address = "", instances = [] } of resources) {
    const [, id, release] = /^(.+)_([0-9a-f]{12})$/.exec(address) ?? [];
    const imageId = instances[0]?.attributes?.id;
    if (mode !== "managed" || type !== "openstack_images_image_v2" || !id || !release || !imageId) continue;
    entries.set(imageId, { image: `${name}/${id}`, release });
  }
  return entries;
}
