/** Whether an image may be shown: what Glance got is the disk that passed the gate, and nobody has revoked it. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Glance, GlanceImage } from "../cloud/glance";
import { ExitCode, VisaImageError } from "../errors";
import { short } from "../fingerprint/digest";
import { Cache, cacheRoot } from "../runner/cache/cache";
import { rawSha512Of, sha512Of } from "../runner/cache/disks";
import { createScratch, removeScratch } from "../runner/cache/scratch";
import { createMasker } from "../runner/output/masking";
import { verifiedChecksums } from "./provenance";
import { REVOKED_PROPERTY } from "./release";
import { readLock } from "./release-lock";
import { refuseRevoked } from "./revocation";

/** An image that is to be registered. */
interface Candidate {
  /** Path of the lock. */
  readonly file: string;
  /** `<stack>/<id>` of the image. */
  readonly image: string;
  /** The layer's whole fingerprint. */
  readonly fingerprint: string;
  readonly template: string;
  /** The specification that the gate verifies. @default - the image goes without a gate */
  readonly gate?: string;
  /** The file that Glance fetched the image from, where no provider has compared a checksum. @default - the provider has */
  readonly sent?: string;
  /** @default process.env */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Refuses an image whose bytes are not those that passed the gate on this machine; what the lock has already passed once.
 *
 * That Terraform has the gate in its state is not enough: it may have been killed while the gate ran, or another machine
 * may have verified a disk that was built from the same inputs and is another one.
 *
 * @throws VisaImageError where the bytes are others, or no disk passed here; then the image is hidden
 */
export async function refuseUnverified(glance: Glance, image: GlanceImage, candidate: Candidate): Promise<void> {
  const { file, image: key, fingerprint, template, gate, sent } = candidate;
  // What is here may be of another format's disk.
  if (!gate) {
    if (sent !== undefined) await refuseUnsent(glance, image, { ...candidate, sent });
    return;
  }
  const cache = new Cache(cacheRoot({ ...(candidate.environment ?? process.env) }));
  const verified = await verifiedChecksums(cache, fingerprint);
  const { os_hash_algo: algorithm, os_hash_value: value } = image;
  const known = readLock(file).images[key]?.find(({ imageId }) => imageId === image.id);
  if (verified.length === 0) {
    if (known) return;
    await hide(glance, image);
    throw new VisaImageError(
      `no disk of "${template}" passed the gate on this machine: the image "${image.id}" stays hidden`,
      {
        fix: `npx visa-image verify --profile gate --specification ${resolve(gate)}, and deploy again`,
        exitCode: ExitCode.CHANGED,
      },
    );
  }
  if (verified.includes(value ?? "")) return;
  if (algorithm !== "sha512" && sent === undefined) return;
  if (sent !== undefined) {
    // What was compared once: the file that Glance converted need not be there any more.
    if (value && known?.sha512 === value) return;
    if (await isConverted(cache, image, { sent, fingerprint, allowed: verified })) return;
  }
  await hide(glance, image);
  throw new VisaImageError(
    `the image "${image.id}" in Glance is not the disk that was verified: its SHA-512 is ${short(value ?? "")}…, not ${verified.map(short).join("… or ")}…; it stays hidden`,
    {
      fix: `find out what changed the disk between the gate and the upload; then: openstack image delete ${image.id}, npx visa-image verify ${template}, which makes the disk anew, and deploy again`,
      exitCode: ExitCode.CHANGED,
    },
  );
}

/** Refuses an image that Glance fetched, without a gate, whose bytes are not those of the file. */
async function refuseUnsent(
  glance: Glance,
  image: GlanceImage,
  { file, image: key, fingerprint, sent, environment }: Candidate & { readonly sent: string },
): Promise<void> {
  const { os_hash_algo: algorithm, os_hash_value: value } = image;
  if (value && readLock(file).images[key]?.some(({ imageId, sha512 }) => imageId === image.id && sha512 === value))
    return;
  const cache = new Cache(cacheRoot({ ...(environment ?? process.env) }));
  const own = algorithm === "sha512" && (await isFile(sent)) ? await sha512Of(sent, createMasker([])) : undefined;
  if (own !== undefined && own === value) return;
  if (own && (await isConverted(cache, image, { sent, fingerprint, allowed: [own] }))) return;
  await hide(glance, image);
  const said = algorithm === "sha512" ? `its SHA-512 is ${short(value ?? "")}…` : `Glance has its ${algorithm} alone`;
  throw new VisaImageError(
    `the image "${image.id}" in Glance is not known to be the disk that it was fetched from: ${said}, ${own ? `not ${short(own)}…` : `and "${sent}" cannot be compared with it`}; it stays hidden`,
    {
      fix: `find out what changed the disk on the web server, or on the way; then: openstack image delete ${image.id}, and deploy again`,
      exitCode: ExitCode.CHANGED,
    },
  );
}

/**
 * Whether an image is the raw disk of the qcow2 file that Glance fetched: then Glance converted it as it came, and has
 * the SHA-512 of what it made of it. The file has to be one of those that are allowed.
 */
async function isConverted(
  cache: Cache,
  image: GlanceImage,
  { sent, fingerprint, allowed }: { sent: string; fingerprint: string; allowed: readonly string[] },
): Promise<boolean> {
  const { os_hash_algo: algorithm, os_hash_value: value, disk_format: format } = image;
  if (algorithm !== "sha512" || format !== "raw" || !sent.endsWith(".qcow2") || !(await isFile(sent))) return false;
  const masker = createMasker([]);
  if (!allowed.includes(await sha512Of(sent, masker))) return false;
  await cache.prepare();
  const scratch = await createScratch(cache, short(fingerprint));
  try {
    return (await rawSha512Of(sent, scratch.path, masker)) === value;
  } finally {
    await removeScratch(scratch);
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

/**
 * Refuses to show an image that was revoked, whatever a plan of before says.
 *
 * @throws VisaImageError where it, or what it was made from, is revoked
 */
export function refuseRevokedImage(image: GlanceImage, candidate: Candidate & { readonly visible?: boolean }): void {
  const { file: lockFile, fingerprint, template, visible } = candidate;
  if (!visible) return;
  refuseRevoked(readLock(lockFile), { fingerprints: [fingerprint], what: `"${template}"`, lockFile });
  if (image[REVOKED_PROPERTY] === undefined) return;
  throw new VisaImageError(`the image "${image.id}" was revoked: ${image[REVOKED_PROPERTY]}`, {
    fix: `deploy another release; or take it back: npx visa-image revoke ${image.id} --undo`,
    exitCode: ExitCode.CHANGED,
  });
}

async function hide(glance: Glance, image: GlanceImage): Promise<void> {
  if (!image.os_hidden) await glance.update(image.id, { os_hidden: true });
}
