/**
 * `visa-images.lock.json`: the releases that are registered in Glance, so that a synth without network knows them.
 *
 * It is committed, like a package lock. Terraform writes it (by `visa-image lock add`) after an image is registered.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { VisaImageError } from "../errors";
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

/** What the file holds. */
export interface Lock {
  readonly version: typeof LOCK_VERSION;
  /** Releases by image (`<stack>/<id>`), in the order in which they came into use: the last one is in use. */
  readonly images: Readonly<Record<string, readonly Release[]>>;
  /**
   * How many past releases the stack keeps in Terraform's hands, by image: what `visa-image prune` leaves alone.
   * @default - 1 each
   */
  readonly retain?: Readonly<Record<string, number>>;
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
export function readLock(file: string): Lock {
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
  return lock as unknown as Lock;
}

/** The lock with a release in it: one that it has already is replaced where it stands, a new one comes last. */
export function withRelease(lock: Lock, image: string, release: Release): Lock {
  const releases = lock.images[image] ?? [];
  const index = releases.findIndex((each) => each.release === release.release);
  return withReleases(lock, image, index < 0 ? [...releases, release] : releases.with(index, release));
}

/** The lock without a release. */
export function withoutRelease(lock: Lock, image: string, release: string): Lock {
  return withReleases(
    lock,
    image,
    (lock.images[image] ?? []).filter((each) => each.release !== release),
  );
}

/** The lock with a release as the one in use: it comes last, whenever it was registered. */
export function withReleaseInUse(lock: Lock, image: string, release: string, retain: number): Lock {
  const releases = lock.images[image] ?? [];
  const inUse = releases.filter((each) => each.release === release);
  const others = releases.filter((each) => each.release !== release);
  return {
    ...withReleases(lock, image, [...others, ...inUse]),
    retain: sorted({ ...lock.retain, [image]: retain }),
  };
}

/** The lock with other releases of an image, the one in use last. */
export function withReleases(lock: Lock, image: string, releases: readonly Release[]): Lock {
  const images = Object.entries({ ...lock.images, [image]: releases }).filter(([, each]) => each.length > 0);
  return { ...lock, images: sorted(Object.fromEntries(images)) };
}

function sorted<T>(values: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The file's text: the same for the same lock. */
export function formatLock(lock: Lock): string {
  return `${JSON.stringify(lock, undefined, 2)}\n`;
}

/** Writes a lock by rename, so that a reader sees the old one or the new one. Does nothing where nothing changes. */
export function writeLock(file: string, lock: Lock): void {
  const text = formatLock(lock);
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  const scratch = `${file}.${process.pid}`;
  writeFileSync(scratch, text);
  renameSync(scratch, file);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
