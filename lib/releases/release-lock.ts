/**
 * `visa-images.lock.json`: the releases that are registered in Glance, so that a synth without network knows them.
 *
 * It is committed, like a package lock. Terraform writes it (by `visa-image lock add`) after an image is registered.
 */
import { existsSync, readFileSync } from "node:fs";
import { VisaImageError } from "../errors";
import { replaceFile } from "../replace-file";
import type { DiskFormat } from "../specification";

/** The file's usual name, beside cdktf.json. */
export const LOCK_FILE = "visa-images.lock.json";

/** The lock's format. */
export const LOCK_VERSION = 1;

/** An image in Glance, and what it was made from. */
export interface Release {
  /** 12 hexadecimal digits: the release's part of its Terraform address (see `releaseOf`). */
  readonly release: string;
  /** The layer's whole fingerprint. */
  readonly fingerprint: string;
  readonly template: string;
  /** The image's name in Glance. */
  readonly name: string;
  readonly diskFormat: DiskFormat;
  /** The image's id in Glance. */
  readonly imageId: string;
  /** Hex digest of the registered file, by the algorithm of that name, as Glance computed it. */
  readonly sha512: string;
  readonly sizeBytes: number;
  /** When Glance took it: RFC 3339, UTC. */
  readonly registered: string;
}

/** Where an image's releases are, as far as its provider says so in code. */
export interface LockedCloud {
  /** The entry of clouds.yaml. @default - what the environment says */
  readonly cloud?: string;
  /** @default - what the environment or the entry says */
  readonly region?: string;
}

/** Why a layer is not to be used any more, and since when. */
export interface Revocation {
  /** In the words of who revoked it. */
  readonly reason: string;
  /** RFC 3339, UTC. */
  readonly date: string;
  /** The fingerprint that was revoked, where this one only stands on it. @default - it was revoked itself */
  readonly because?: string;
}

/** What the file holds. */
export interface ReleaseLock {
  readonly version: typeof LOCK_VERSION;
  /** Releases by image (`<stack>/<id>`), in the order in which they came into use: the last one is in use. */
  readonly images: Readonly<Record<string, readonly Release[]>>;
  /**
   * How many past releases the stack keeps in Terraform's hands, by image: what `visa-image prune` leaves alone.
   * @default - 1 each
   */
  readonly retain?: Readonly<Record<string, number>>;
  /**
   * Where the images are, by image.
   * @default - in the cloud of the environment
   */
  readonly clouds?: Readonly<Record<string, LockedCloud>>;
  /**
   * What an image was called before, by its name: Terraform's state may have it under that.
   * @default - none was renamed
   */
  readonly renamed?: Readonly<Record<string, string>>;
  /**
   * Why layers of an image are built anew from the same inputs, by image and template: `visa-image stale --update` writes
   * it, and plans show it as `refresh`.
   * @default - nothing is
   */
  readonly refreshes?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /**
   * Layers that no build and no synth may use any more, by their whole fingerprint (`visa-image revoke`).
   * @default - none
   */
  readonly revoked?: Readonly<Record<string, Revocation>>;
  /**
   * Past releases from which no instance is to be made any more, by their 12 digits, and since when (RFC 3339, UTC):
   * `visa-image prune` deletes them once no server runs on them.
   * @default - none
   */
  readonly retired?: Readonly<Record<string, string>>;
}

/** Past releases that are kept where nobody says how many. */
export const DEFAULT_RETAIN = 1;

const RELEASE_TYPES = {
  release: "string",
  fingerprint: "string",
  template: "string",
  name: "string",
  diskFormat: "string",
  imageId: "string",
  sha512: "string",
  sizeBytes: "number",
  registered: "string",
} as const satisfies Record<keyof Release, string>;

/**
 * Reads a lock; a file that is not there is an empty one, as before the first release.
 *
 * @throws VisaImageError where it is no lock, or one of a newer version
 */
export function readLock(file: string): ReleaseLock {
  if (!existsSync(file)) return { version: LOCK_VERSION, images: {} };
  const fix = `take "${file}" from version control again, or make it anew from Glance: npx visa-image lock sync`;
  let lock: unknown;
  try {
    lock = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new VisaImageError("the lock is no JSON (a merge conflict?)", { location: { file }, fix, cause });
  }
  if (!isRecord(lock)) throw new VisaImageError("the lock is no JSON object", { location: { file }, fix });
  if (lock.version !== LOCK_VERSION) {
    throw new VisaImageError(`the lock has version ${JSON.stringify(lock.version)}, expected ${LOCK_VERSION}`, {
      location: { file },
      fix: "install the version of cdktf-visa-images that wrote it, or a newer one",
    });
  }
  if (!isRecord(lock.images)) throw new VisaImageError('the lock has no "images"', { location: { file }, fix });
  const retain = lock.retain ?? {};
  if (!isRecord(retain) || !Object.values(retain).every(Number.isInteger)) {
    throw new VisaImageError('"retain" in the lock is no map of whole numbers', { location: { file }, fix });
  }
  const { clouds = {}, renamed = {}, refreshes = {} } = lock;
  if (!isRecord(clouds) || !Object.values(clouds).every((each) => isRecord(each) && hasTexts(each))) {
    throw new VisaImageError('"clouds" in the lock is no map of clouds and regions', { location: { file }, fix });
  }
  if (!isRecord(renamed) || !hasTexts(renamed)) {
    throw new VisaImageError('"renamed" in the lock is no map of names', { location: { file }, fix });
  }
  if (!isRecord(refreshes) || !Object.values(refreshes).every((each) => isRecord(each) && hasTexts(each))) {
    throw new VisaImageError('"refreshes" in the lock is no map of layers and reasons', { location: { file }, fix });
  }
  const { revoked = {} } = lock;
  if (
    !isRecord(revoked) ||
    !Object.values(revoked).every((each) => isRecord(each) && hasTexts(each) && each.date && each.reason)
  ) {
    throw new VisaImageError('"revoked" in the lock is no map of reasons and dates', { location: { file }, fix });
  }
  if (!isRecord(lock.retired ?? {}) || !hasTexts((lock.retired ?? {}) as Record<string, unknown>)) {
    throw new VisaImageError('"retired" in the lock is no map of releases and dates', { location: { file }, fix });
  }
  for (const [image, releases] of Object.entries(lock.images)) {
    if (!Array.isArray(releases)) {
      throw new VisaImageError(`the releases of "${image}" are no list`, { location: { file }, fix });
    }
    for (const [index, release] of releases.entries()) {
      for (const [key, type] of Object.entries(RELEASE_TYPES)) {
        const value: unknown = isRecord(release) ? release[key] : undefined;
        if (typeof value !== type) {
          throw new VisaImageError(
            `release ${index + 1} of "${image}" has "${key}" ${JSON.stringify(value)}, expected a ${type}`,
            { location: { file }, fix },
          );
        }
      }
    }
  }
  return lock as unknown as ReleaseLock;
}

/** The lock with a release in it: one that it has already is replaced where it stands, a new one comes last. */
export function withRelease(lock: ReleaseLock, image: string, release: Release): ReleaseLock {
  const releases = lock.images[image] ?? [];
  const index = releases.findIndex((each) => each.release === release.release);
  return withReleases(lock, image, index < 0 ? [...releases, release] : releases.with(index, release));
}

/** The lock without a release. That it was retired is forgotten with its last image. */
export function withoutRelease(lock: ReleaseLock, image: string, release: string): ReleaseLock {
  const left = (lock.images[image] ?? []).filter((each) => each.release !== release);
  const without = withReleases(lock, image, left);
  const stays = Object.values(without.images).some((all) => all.some((each) => each.release === release));
  return stays ? without : withRetired(without, { [release]: undefined });
}

/** The lock with releases as retired; one without a date is so no longer. */
export function withRetired(lock: ReleaseLock, dates: Readonly<Record<string, string | undefined>>): ReleaseLock {
  if (Object.keys(dates).length === 0) return lock;
  const { retired, ...rest } = lock;
  const all = unlessEmpty({ ...retired, ...dates });
  return all ? { ...rest, retired: all } : rest;
}

/** What the stack says of an image, besides its release. */
export interface ImageInUse extends LockedCloud {
  /** How many past releases it keeps. */
  readonly retain: number;
}

/** The lock with a release as the one in use: it comes last, whenever it was registered. */
export function withReleaseInUse(
  lock: ReleaseLock,
  image: string,
  release: string,
  { retain, cloud, region }: ImageInUse,
): ReleaseLock {
  const releases = lock.images[image] ?? [];
  const inUse = releases.filter((each) => each.release === release);
  const others = releases.filter((each) => each.release !== release);
  const where = cloud || region ? { ...(cloud && { cloud }), ...(region && { region }) } : undefined;
  return {
    ...withReleases(lock, image, [...others, ...inUse]),
    retain: sorted({ ...lock.retain, [image]: retain }),
    clouds: unlessEmpty({ ...lock.clouds, [image]: where }),
  };
}

/** The lock with a reason to build a layer of an image anew, in the place of the one before. */
export function withRefresh(lock: ReleaseLock, image: string, layer: string, reason: string): ReleaseLock {
  const layers = sorted({ ...lock.refreshes?.[image], [layer]: reason });
  return { ...lock, refreshes: sorted({ ...lock.refreshes, [image]: layers }) };
}

/** The lock with an image under another name, and the note that it had this one. */
export function withRenamed(lock: ReleaseLock, from: string, to: string): ReleaseLock {
  const renameKey = <T>(values: Readonly<Record<string, T>> | undefined) =>
    values && unlessEmpty<T>({ ...values, [to]: values[from], [from]: undefined });
  // Back to an earlier name: what it was called in between is all that is left to say.
  const { [to]: _, ...renamed } = lock.renamed ?? {};
  return {
    ...lock,
    images: renameKey(lock.images) ?? {},
    retain: renameKey(lock.retain),
    clouds: renameKey(lock.clouds),
    refreshes: renameKey(lock.refreshes),
    renamed: unlessEmpty({ ...renamed, [to]: from }),
  };
}

/** What an image was called before, the last name first. */
export function formerNames(lock: ReleaseLock, image: string): string[] {
  const names = [image];
  for (;;) {
    const former = lock.renamed?.[names.at(-1) as string];
    if (former === undefined || names.includes(former)) return names.slice(1);
    names.push(former);
  }
}

/** The lock with other releases of an image, the one in use last. */
export function withReleases(lock: ReleaseLock, image: string, releases: readonly Release[]): ReleaseLock {
  const images = Object.entries({ ...lock.images, [image]: releases }).filter(([, each]) => each.length > 0);
  return { ...lock, images: sorted(Object.fromEntries(images)) };
}

/** Nothing in the place of an empty map, so that a lock says only what there is to say. */
function unlessEmpty<T>(values: Readonly<Record<string, T | undefined>>): Record<string, T> | undefined {
  const all = Object.entries(values).filter((entry): entry is [string, T] => entry[1] !== undefined);
  return all.length > 0 ? sorted(Object.fromEntries(all)) : undefined;
}

function sorted<T>(values: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The file's text: the same for the same lock. */
export function formatLock(lock: ReleaseLock): string {
  const { version, images, retain, clouds, renamed, refreshes, revoked, retired, ...more } = lock;
  const all = { version, images, retain, clouds, renamed, refreshes, revoked, retired, ...more };
  return `${JSON.stringify(all, undefined, 2)}\n`;
}

/** Writes a lock by rename, so that a reader sees the old one or the new one. Does nothing where nothing changes. */
export function writeLock(file: string, lock: ReleaseLock): void {
  const text = formatLock(lock);
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  replaceFile(file, text);
}

function hasTexts(values: Record<string, unknown>): boolean {
  return Object.values(values).every((each) => typeof each === "string");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
