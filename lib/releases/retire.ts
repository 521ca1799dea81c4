/** `visa-image retire`: a past release from which no instance is to be made any more, and which goes once the last one has. */
import { Command, Option } from "@commander-js/extra-typings";
import type { Glance, GlanceImage } from "../cloud/glance";
import type { Environment } from "../cloud/proxy";
import { ExitCode, VisaImageError } from "../errors";
import { changeLock } from "./change-lock";
import type { NamedRelease } from "./choose-artifact";
import { Clouds } from "./clouds";
import { hideMarked, unmark } from "./hide-marked";
import { noSuchRelease } from "./names";
import type { VisaUse } from "./prune";
import { isSnapshot, RETIRED_PROPERTY, VISA_ENTRY_PROPERTY } from "./release";
import { LOCK_FILE, type ReleaseLock, readLock, withRetired } from "./release-lock";

/** What {@link retire} is told. */
export interface RetireOptions {
  /** Path of the lock. */
  readonly file: string;
  /** A release's 12 digits, or its image's id in Glance. */
  readonly release: string;
  /**
   * The VISA that has entries of it.
   * @default - none: an image that says that VISA has an entry of it is then left alone
   */
  readonly visa?: VisaUse;
  /** Whether to go on where VISA has an entry and cannot be asked. @default false */
  readonly force?: boolean;
  /** @default process.env */
  readonly environment?: Environment;
}

/** An image of the release, in one cloud. */
export interface RetiredImage {
  /** `<stack>/<id>`. */
  readonly image: string;
  readonly id: string;
  readonly name: string;
  /** How many entries VISA showed of it. */
  readonly entries: number;
}

/** What became of it. */
export interface RetireReport {
  /** Its 12 digits. */
  readonly release: string;
  readonly images: readonly RetiredImage[];
}

/**
 * Hides a release in VISA, then in Glance, marks it there, and writes it into the lock: all images of these digits, whatever
 * cloud they are in. Servers that run are left alone. Doing it again goes on with what was broken off.
 *
 * @throws VisaImageError where the lock has no such release, an image has it in use, Glance has none of its images, or VISA
 *   has an entry and cannot be asked; then nothing is changed
 */
export async function retire(options: RetireOptions): Promise<RetireReport> {
  const { file, visa, force = false } = options;
  const lock = readLock(file);
  const named = releasesOf(lock, options);
  const digits = (named[0] as NamedRelease).release.release;
  const inUse = named.filter(({ image, release }) => lock.images[image]?.at(-1) === release);
  if (inUse.length > 0) {
    const images = inUse.map(({ image }) => `"${image}"`).join(", ");
    throw new VisaImageError(`release ${digits} is in use by ${images}: the next deploy would show it again`, {
      location: { file },
      fix: 'deploy another release first, or go back to one (release: "…"); to take it from users with nothing in its place: npx visa-image visa hide, or revoke',
      exitCode: ExitCode.USAGE,
    });
  }
  const found = await imagesOf(named, lock, options);
  if (found.length === 0) {
    throw new VisaImageError(`Glance has no image of release ${digits}; nothing was changed`, {
      location: { file },
      fix: "see whether OS_CLOUD, the region and the project are the right ones; if the image is gone: npx visa-image prune",
    });
  }
  const entry = found.find((each) => each.found[VISA_ENTRY_PROPERTY] !== undefined);
  if (entry && !visa && !force) {
    throw new VisaImageError(
      `VISA has an entry of the image "${entry.found.id}", and cannot be asked; nothing was changed`,
      {
        fix: "set VISA_API_URL and the token of a VISA administrator (docs/visa.md), or, where no VISA needs it, --force",
      },
    );
  }
  const images: RetiredImage[] = [];
  // VISA first: a hidden image is started by its id all the same.
  for (const each of found) {
    const entries = (await visa?.hide(each.found.id)) ?? 0;
    images.push({ image: each.image, id: each.found.id, name: each.found.name, entries });
  }
  const date = lock.retired?.[digits] ?? new Date().toISOString();
  for (const each of found) await hideMarked(each.glance, each.found.id, RETIRED_PROPERTY, date);
  await changeLock(file, (current) => withRetired(current, { [digits]: date }));
  return { release: digits, images };
}

/**
 * Takes it back: a past release again, which is hidden still and can be gone back to.
 *
 * @throws VisaImageError where it is not retired
 */
export async function undoRetire(options: Omit<RetireOptions, "visa" | "force">): Promise<RetireReport> {
  const { file } = options;
  const lock = readLock(file);
  const named = releasesOf(lock, options);
  const digits = (named[0] as NamedRelease).release.release;
  const marked = (await imagesOf(named, lock, options)).filter(({ found }) => found[RETIRED_PROPERTY] !== undefined);
  if (lock.retired?.[digits] === undefined && marked.length === 0) {
    throw new VisaImageError(`release ${digits} is not retired`, {
      location: { file },
      fix: `retired are: ${Object.keys(lock.retired ?? {}).join(", ") || "none"}`,
      exitCode: ExitCode.USAGE,
    });
  }
  for (const { glance, found } of marked) await unmark(glance, found.id, RETIRED_PROPERTY, false);
  await changeLock(file, (current) => withRetired(current, { [digits]: undefined }));
  return {
    release: digits,
    images: marked.map(({ image, found: { id, name } }) => ({ image, id, name, entries: 0 })),
  };
}

/** All of the lock with the digits of the one that is named. */
function releasesOf({ images }: ReleaseLock, { file, release }: RetireOptions): NamedRelease[] {
  const all = Object.entries(images).flatMap(([image, releases]) => releases.map((each) => ({ image, release: each })));
  const digits = all.find((each) => each.release.release === release || each.release.imageId === release)?.release
    .release;
  if (digits !== undefined) return all.filter((each) => each.release.release === digits);
  throw noSuchRelease(release, file);
}

interface Found {
  readonly image: string;
  readonly glance: Glance;
  readonly found: GlanceImage;
}

async function imagesOf(
  named: readonly NamedRelease[],
  lock: ReleaseLock,
  { environment }: Pick<RetireOptions, "environment">,
): Promise<Found[]> {
  const clouds = new Clouds(lock, environment);
  const images: Found[] = [];
  for (const { image, release } of named) {
    const glance = await clouds.of(image);
    const found = await glance.image(release.imageId);
    if (found && !isSnapshot(found)) images.push({ image, glance, found });
  }
  return images;
}

/**
 * The sub-command `retire`.
 *
 * @param visaOf what the VISA of an environment says; nothing where that names none
 * @public the program loads it when it is asked for
 */
export function retireCommand(visaOf: (environment: Environment) => VisaUse | undefined = () => undefined): Command {
  return new Command("retire")
    .description("make no new instances of a past release, and let prune delete it once no server runs on it")
    .addOption(new Option("--file <path>", "path of the lock").default(LOCK_FILE))
    .argument("<release>", "its 12 digits, or its image's id: visa-image lock show")
    .option("--undo", "take it back")
    .option("--force", "also where VISA has an entry of it and cannot be asked")
    .addHelpText("after", "\nHidden in VISA first (VISA_API_URL), then in Glance. Servers that run are left alone.")
    .action(async (release, { file, undo, force }) => {
      if (undo) {
        const report = await undoRetire({ file, release });
        process.stdout.write(
          `${report.release} is no longer retired: commit ${file}; it is hidden still, and can be gone back to\n`,
        );
        return;
      }
      const report = await retire({ file, release, force, visa: visaOf(process.env) });
      process.stdout.write(`${report.release} is retired: commit ${file}\n`);
      for (const { image, id, name, entries } of report.images) {
        const visa = entries > 0 ? `, and ${entries} ${entries === 1 ? "entry" : "entries"} of VISA` : "";
        process.stdout.write(`  ${image}: image ${id} "${name}" is hidden${visa}\n`);
      }
      process.stdout.write(
        `servers that run go on (visa-image fleet ${report.release}); visa-image prune deletes it once none does\n`,
      );
    }) as unknown as Command;
}
