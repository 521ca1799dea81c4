/** Whether an image may be shown: what Glance got is the disk that passed the gate, and nobody has revoked it. */
import { resolve } from "node:path";
import type { Glance, GlanceImage } from "../cloud/glance";
import { ExitCode, VisaImageError } from "../errors";
import { short } from "../fingerprint/digest";
import { Cache, cacheRoot } from "../runner/cache/cache";
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
  const { file, image: key, fingerprint, template, gate } = candidate;
  // What is here may be of another format's disk.
  if (!gate) return;
  const cache = new Cache(cacheRoot({ ...(candidate.environment ?? process.env) }));
  const verified = await verifiedChecksums(cache, fingerprint);
  const { os_hash_algo: algorithm, os_hash_value: value } = image;
  if (verified.length === 0) {
    const known = readLock(file).images[key]?.some(({ imageId }) => imageId === image.id);
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
  if (algorithm !== "sha512" || verified.includes(value ?? "")) return;
  await hide(glance, image);
  throw new VisaImageError(
    `the image "${image.id}" in Glance is not the disk that was verified: its SHA-512 is ${short(value ?? "")}…, not ${verified.map(short).join("… or ")}…; it stays hidden`,
    {
      fix: `find out what changed the disk between the gate and the upload; then: openstack image delete ${image.id}, npx visa-image verify ${template}, which makes the disk anew, and deploy again`,
      exitCode: ExitCode.CHANGED,
    },
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
