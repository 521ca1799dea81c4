/** `visa-image prune`: deletes past releases that nothing holds any more. */

import type { Glance, GlanceImage } from "../cloud/glance";
import { serversOf } from "../cloud/nova";
import type { Environment } from "../cloud/proxy";
import { VisaImageError } from "../errors";
import { Clouds } from "./clouds";
import { leftovers } from "./leftovers";
import { releaseFromImage } from "./reconcile";
import { isSnapshot, PROTECTED_BY_US, PROVENANCE_PROPERTY, VISA_ENTRY_PROPERTY } from "./release";
import { forgetRelease } from "./release-files";
import { DEFAULT_RETAIN, type Release, readLock, withoutRelease } from "./release-lock";
import { dropEnvelope } from "./trust/kept-envelope";

/** What {@link prune} is told. */
export interface PruneOptions {
  /** Path of the lock. */
  readonly file: string;
  /** `<stack>/<id>` of the images. @default all of the lock */
  readonly images?: readonly string[];
  /** Past releases to keep. @default what the stack keeps, as the lock has it */
  readonly retain?: number;
  /** Whether nothing is to be deleted. @default false */
  readonly dryRun?: boolean;
  /** Whether to go on where Nova cannot be asked, and where an upload may still run. @default false */
  readonly force?: boolean;
  /**
   * The VISA that has entries of the images.
   * @default - none: an image that says that VISA has an entry of it is then left alone
   */
  readonly visa?: VisaUse;
  /** @default process.env */
  readonly environment?: Environment;
}

/** What VISA says of images in Glance; of an address that nobody gave nothing is known. */
export interface VisaUse {
  /** Why an image has to stay; undefined where VISA does not need it. */
  reason(imageId: string): Promise<string | undefined>;
  /** Takes an image out of VISA's entries, before Glance deletes it. */
  forget(imageId: string): Promise<void>;
  /** Hides the entries of an image that VISA shows. @returns how many */
  hide(imageId: string): Promise<number>;
}

/** What became of a release. */
export interface Pruned {
  readonly image: string;
  readonly release: Release;
  readonly outcome: "deleted" | "would be deleted" | "kept" | "gone";
  /** Why it was kept. */
  readonly reason?: string;
}

/** In milliseconds: an image that is older, and not registered, is not being uploaded any more. */
const LONGEST_UPLOAD = 24 * 60 * 60 * 1000;

interface Candidate {
  readonly image: string;
  readonly release: Release;
  /** Undefined where Glance has it no more. */
  readonly found?: GlanceImage;
  /** Why it is kept. */
  readonly reason?: string;
}

/**
 * Deletes the past releases of the lock beyond those that the stack keeps, and those that are retired, and takes them out of
 * the lock; and what stopped uploads have left (see `leftovers`), once it is a day old.
 *
 * Never one that is visible, that somebody else protected, that a server was made from, or that Glance calls in use
 * (409); one that is retired only where Nova says that no server runs on it, `force` or not. Other images that the lock does
 * not know are left alone: another checkout may have them.
 *
 * @throws VisaImageError where Glance has none of an image's releases: most likely it is another cloud; where Nova cannot be asked and `force` is not set; then nothing is deleted
 */
export async function prune(options: PruneOptions): Promise<Pruned[]> {
  const lock = readLock(options.file);
  const unknown = options.images?.find((image) => !lock.images[image]);
  if (unknown !== undefined) {
    throw new VisaImageError(`the lock has no image "${unknown}"`, {
      location: { file: options.file },
      fix: `name one of: ${Object.keys(lock.images).join(", ") || "none"}`,
    });
  }
  const clouds = new Clouds(lock, options.environment);
  const candidates: Candidate[] = [];
  for (const image of options.images?.length ? options.images : Object.keys(lock.images)) {
    const glance = await clouds.of(image);
    await refuseOtherCloud(glance, image, lock.images[image] ?? [], options.file);
    const releases = lock.images[image] ?? [];
    const kept = 1 + (options.retain ?? lock.retain?.[image] ?? DEFAULT_RETAIN);
    for (const [index, release] of releases.slice(0, -1).entries()) {
      const retired = lock.retired?.[release.release] !== undefined;
      if (!retired && index >= releases.length - kept) continue;
      candidates.push(await look(glance, image, release, { ...options, retired }));
    }
    for (const found of leftovers(await glance.images({ visa_image: image }), lock.images[image] ?? [])) {
      candidates.push(await lookAtLeftover(glance, image, found, options));
    }
  }
  const results: Pruned[] = [];
  for (const { image, release, found, reason } of candidates) {
    if (reason !== undefined) results.push({ image, release, outcome: "kept", reason });
    else if (options.dryRun) results.push({ image, release, outcome: found ? "would be deleted" : "gone" });
    else {
      // VISA first: what it lists has to be there.
      await options.visa?.forget(release.imageId);
      results.push({ image, release, ...(found ? await remove(await clouds.of(image), found) : { outcome: "gone" }) });
    }
    const last = results.at(-1);
    if (options.dryRun || last?.outcome === "kept") continue;
    // What is left over may be a second image of a release that stays.
    if (!lock.images[image]?.includes(release)) continue;
    await forgetRelease(options.file, release.release, (current) => withoutRelease(current, image, release.release));
  }
  return results;
}

/** What another cloud does not have is not gone. */
async function refuseOtherCloud(
  glance: Glance,
  image: string,
  releases: readonly Release[],
  file: string,
): Promise<void> {
  for (const { imageId } of [...releases].reverse()) if (await glance.image(imageId)) return;
  if (releases.length === 0) return;
  throw new VisaImageError(
    `Glance has none of the ${releases.length} releases of "${image}" that the lock knows; nothing was deleted`,
    {
      location: { file },
      fix: "see whether OS_CLOUD, the region and the project are the right ones; if the images are gone: npx visa-image lock remove",
    },
  );
}

interface LookOptions extends Pick<PruneOptions, "force" | "visa"> {
  /** Whether it is deleted only since it is retired: then nobody has said that no server needs it. @default false */
  readonly retired?: boolean;
}

async function lookAtLeftover(
  glance: Glance,
  image: string,
  found: GlanceImage,
  options: LookOptions,
): Promise<Candidate> {
  const release = releaseFromImage(found);
  if (!options.force && Date.now() - Date.parse(found.created_at) < LONGEST_UPLOAD) {
    const reason = `it is ${found.status} and not registered, and its upload may still run; where it does not: --force`;
    return { image, release, found, reason };
  }
  // No server starts from an image without its data.
  return found.status === "active" ? look(glance, image, release, options) : { image, release, found };
}

async function look(
  glance: Glance,
  image: string,
  release: Release,
  { force = false, visa, retired = false }: LookOptions,
): Promise<Candidate> {
  const found = await glance.image(release.imageId);
  if (!found) return { image, release };
  if (isSnapshot(found)) return { image, release, found, reason: "it is a snapshot of an instance" };
  if (!found.os_hidden) return { image, release, found, reason: "it is visible" };
  if (found.protected && found.visa_protected_by !== PROTECTED_BY_US) {
    return { image, release, found, reason: "somebody else protected it" };
  }
  if (found[VISA_ENTRY_PROPERTY] !== undefined && !visa && !force) {
    throw new VisaImageError(`VISA has an entry of the image "${found.id}", and cannot be asked; nothing was deleted`, {
      fix: "set VISA_API_URL and the token of a VISA administrator (docs/visa.md), or, where no VISA needs it, --force",
    });
  }
  const inVisa = await visa?.reason(found.id);
  if (inVisa !== undefined) return { image, release, found, reason: inVisa };
  const seenByOthers = await glance.seenByOthers(found);
  const check = await serversOf(glance.session, { id: found.id, seenByOthers });
  if (check.kind === "asked") {
    const [first, ...more] = check.servers;
    const others = more.length > 0 ? ` and ${more.length} more` : "";
    return { image, release, found, ...(first && { reason: `the server ${first}${others} was made from it` }) };
  }
  if (force && retired) {
    return {
      image,
      release,
      found,
      reason: `it is retired, and which servers run on it is not known: ${check.reason}`,
    };
  }
  if (force) return { image, release, found };
  throw new VisaImageError(
    `cannot tell whether a server was made from the image "${found.id}": ${check.reason}; nothing was deleted`,
    { fix: "prune as a user who may ask Nova, or, where you know that no server needs it, with --force" },
  );
}

/** Deletes an image; one that stays is as protected afterwards as it was. */
async function remove(glance: Glance, image: GlanceImage): Promise<Pick<Pruned, "outcome" | "reason">> {
  if (image.protected) await glance.update(image.id, { protected: false });
  let outcome: Awaited<ReturnType<Glance["delete"]>> | undefined;
  try {
    outcome = await glance.delete(image.id);
    // What is left of it is some thousand bytes, hidden: no reason not to go on.
    if (outcome !== "in use") await dropEnvelope(glance, image.id, image[PROVENANCE_PROPERTY]).catch(() => {});
  } finally {
    if (image.protected && (outcome === undefined || outcome === "in use")) {
      await glance.update(image.id, { protected: true });
    }
  }
  if (outcome === "in use") return { outcome: "kept", reason: "Glance says that it is in use (409)" };
  return { outcome };
}
