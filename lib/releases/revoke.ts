/** `visa-image revoke`: a release that nobody is to use any more, with all that stands on it. */
import { Command, Option } from "@commander-js/extra-typings";
import type { Glance, GlanceImage } from "../cloud/glance";
import type { Environment } from "../cloud/proxy";
import { usageError } from "../errors";
import { short } from "../fingerprint/digest";
import { Cache, cacheRoot } from "../runner/cache/cache";
import { changeLock } from "./change-lock";
import { Clouds } from "./clouds";
import { hideMarked, unmark } from "./hide-marked";
import { noSuchRelease } from "./names";
import { parentsOf } from "./provenance";
import { isSnapshot, PARENTS_PROPERTY, REVOKED_PROPERTY, VISA_ENTRY_PROPERTY } from "./release";
import { LOCK_FILE, type ReleaseLock, readLock } from "./release-lock";
import { withoutRevoked, withRevoked } from "./revocation";

/** What {@link revoke} is told. */
export interface RevokeOptions {
  /** Path of the lock. */
  readonly file: string;
  /** A release's 12 digits, its image's id, or the first 12 digits of its fingerprint. */
  readonly release: string;
  /** Why, for whoever finds it revoked. */
  readonly reason: string;
  /** @default process.env */
  readonly environment?: Environment;
}

/** An image that was changed. */
export interface RevokedImage {
  readonly id: string;
  readonly name: string;
  readonly template: string;
  /** Whether it is the one that was named, or stands on it. */
  readonly itself: boolean;
  /** Whether VISA has an entry of it, which goes on offering it. */
  readonly inVisa: boolean;
  /** Whether it was shown again. */
  readonly shown: boolean;
}

/** What became of the images. */
export interface RevokeReport {
  readonly images: readonly RevokedImage[];
  /** Ids of images of which nobody knows what they stand on. */
  readonly unknown: readonly string[];
}

/** An image of this package, and what it stands on. */
interface Known {
  readonly glance: Glance;
  readonly image: GlanceImage;
  readonly fingerprint: string;
  /** First digits of the fingerprints below; undefined where nobody knows. */
  readonly below?: readonly string[];
}

/**
 * Hides the images of a release, and of all that stands on it, marks them, and writes it into the lock, so that no later
 * build or synth uses them. First the lock: what is broken off is refused already. Servers that run are left alone.
 *
 * @throws VisaImageError where the lock has no such release
 */
export async function revoke(options: RevokeOptions): Promise<RevokeReport> {
  const { file, reason } = options;
  const root = fingerprintOf(readLock(file), options);
  const all = await knownImages(options);
  const affected = all.filter((each) => standsOn(each, root));
  const date = new Date().toISOString();
  const fingerprints = affected.map(({ fingerprint }) => fingerprint);
  await changeLock(file, (lock) => withRevoked(lock, root, { reason, date }, fingerprints));
  const mark = `${date.slice(0, 10)} ${reason}`;
  for (const { glance, image } of affected) await hideMarked(glance, image.id, REVOKED_PROPERTY, mark);
  const unknown = all.filter((each) => each.below === undefined && each.fingerprint !== root);
  return { images: affected.map((each) => report(each, root, false)), unknown: unknown.map(({ image }) => image.id) };
}

/**
 * Takes a revocation back, and those of what stands on it alone: the images lose their marks, and those that are in use by
 * the lock are shown again.
 *
 * @throws VisaImageError where it is not revoked, or only for what it stands on
 */
export async function undoRevoke(options: Omit<RevokeOptions, "reason">): Promise<RevokeReport> {
  const { file } = options;
  const before = readLock(file);
  const root = fingerprintOf(before, options);
  const all = await knownImages(options);
  const below = (fingerprint: string) => all.find((each) => each.fingerprint === fingerprint)?.below ?? [];
  // Refused before anything changes.
  withoutRevoked(before, root, below, file);
  let after = before;
  await changeLock(file, (lock) => {
    after = withoutRevoked(lock, root, below, file);
    return after;
  });
  const inUse = new Set(Object.values(after.images).map((releases) => releases.at(-1)?.imageId));
  const images: RevokedImage[] = [];
  for (const each of all) {
    const { glance, image, fingerprint } = each;
    if (image[REVOKED_PROPERTY] === undefined || after.revoked?.[fingerprint] || !standsOn(each, root)) continue;
    const shown = inUse.has(image.id);
    await unmark(glance, image.id, REVOKED_PROPERTY, shown);
    images.push(report(each, root, shown));
  }
  return { images, unknown: [] };
}

function standsOn({ fingerprint, below = [] }: Known, root: string): boolean {
  return fingerprint === root || below.includes(short(root));
}

function report({ image, fingerprint }: Known, root: string, shown: boolean): RevokedImage {
  const { id, name, visa_template: template } = image;
  const inVisa = image[VISA_ENTRY_PROPERTY] !== undefined;
  return { id, name, template: String(template ?? ""), itself: fingerprint === root, inVisa, shown };
}

/** The images of this package in the clouds that the lock names, with what they stand on. */
async function knownImages({ file, environment }: Pick<RevokeOptions, "file" | "environment">): Promise<Known[]> {
  const lock = readLock(file);
  const clouds = new Clouds(lock, environment);
  const cache = new Cache(cacheRoot({ ...(environment ?? process.env) }));
  const connections = new Set(
    await Promise.all([undefined, ...Object.keys(lock.images)].map((each) => clouds.of(each))),
  );
  const found = new Map<string, Known>();
  for (const glance of connections) {
    for (const image of await glance.images()) {
      const { visa_fingerprint: fingerprint, [PARENTS_PROPERTY]: parents } = image;
      if (typeof fingerprint !== "string" || isSnapshot(image)) continue;
      // An image that was registered by an earlier version does not say it.
      const below = typeof parents === "string" ? parents.split(" ") : await parentsOf(cache, fingerprint);
      found.set(image.id, { glance, image, fingerprint, below });
    }
  }
  return [...found.values()];
}

function fingerprintOf(lock: ReleaseLock, { file, release }: Pick<RevokeOptions, "file" | "release">): string {
  const all = Object.values(lock.images).flat();
  const named = all.find((each) => each.release === release || each.imageId === release)?.fingerprint;
  const known = [...all.map(({ fingerprint }) => fingerprint), ...Object.keys(lock.revoked ?? {})];
  const fingerprint = named ?? (release.length >= 12 ? known.find((each) => each.startsWith(release)) : undefined);
  if (fingerprint !== undefined) return fingerprint;
  throw noSuchRelease(release, file);
}

/** The sub-command `revoke`. @public the program loads it when it is asked for */
export function revokeCommand(): Command {
  return new Command("revoke")
    .description("hide a release and all that stands on it, and refuse them in every later build; servers go on")
    .addOption(new Option("--file <path>", "path of the lock").default(LOCK_FILE))
    .argument("<release>", "its 12 digits, or its image's id: visa-image lock show")
    .option("--reason <text>", "why, for whoever finds it revoked")
    .option("--undo", "take it back")
    .action(async (release, { file, reason, undo }) => {
      if (undo) {
        const { images } = await undoRevoke({ file, release });
        process.stdout.write(`${release} is no longer revoked, nor what stood on it: commit ${file}\n`);
        for (const each of images)
          process.stdout.write(`${line(each)}: ${each.shown ? "shown again" : "hidden still"}\n`);
        return;
      }
      if (!reason) throw usageError("why it is revoked is missing", undefined, `--reason "what is wrong with it"`);
      const { images, unknown } = await revoke({ file, release, reason });
      process.stdout.write(
        `${release} is revoked, with ${images.length} images: commit ${file}, and deploy something else\n`,
      );
      for (const each of images) process.stdout.write(`${line(each)}: hidden\n`);
      for (const { name } of images.filter(({ inVisa }) => inVisa)) {
        process.stderr.write(`warning: VISA may offer "${name}" still: npx visa-image visa status, and visa hide\n`);
      }
      if (unknown.length === 0) return;
      process.stderr.write(
        `warning: nobody knows here what these images stand on; revoke on the machine that built them, or each by itself: ${unknown.join(", ")}\n`,
      );
    }) as unknown as Command;
}

function line({ id, name, template, itself }: RevokedImage): string {
  return `  ${id} "${name}" (${template}${itself ? "" : ", stands on it"})`;
}
