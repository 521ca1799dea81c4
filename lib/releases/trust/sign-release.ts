/** Signs a release: `visa-image sign-release`, and what its registration does where there is a key. */
import { hostname } from "node:os";
import type { Glance, GlanceImage } from "../../cloud/glance";
import type { Environment } from "../../cloud/proxy";
import { ExitCode, VisaImageError } from "../../errors";
import { short } from "../../fingerprint/digest";
import { type ArtifactManifest, Cache, cacheRoot } from "../../runner/cache/cache";
import { chainOf } from "../../runner/cache/chain";
import { rawSha512Of, sha512Of } from "../../runner/cache/disks";
import { createScratch, removeScratch } from "../../runner/cache/scratch";
import { createMasker } from "../../runner/output/masking";
import { readProvenance, verifiedChecksums } from "../provenance";
import { isSnapshot, PROVENANCE_PROPERTY } from "../release";
import { openEnvelope, type Signer, signStatement } from "./dsse";
import { keepEnvelope, keptEnvelope } from "./kept-envelope";
import { signerFrom } from "./signer";
import { provenanceStatement } from "./statement";

/** An image that is to be signed. */
export interface SignOptions {
  /** The layer's whole fingerprint. */
  readonly fingerprint: string;
  /** The release's 12 digits. */
  readonly release: string;
  /** `<stack>/<id>`. */
  readonly image: string;
  /** @default process.env */
  readonly environment?: Environment;
}

/** What became of an image: `no key` where the environment names none. */
export type Signed = "signed" | "signed already" | "no key";

/**
 * Signs where an image in Glance came from, and keeps the envelope beside it. Does nothing without a key, or where the same
 * is signed already.
 *
 * @throws VisaImageError where the cache does not have its artifact, or Glance has other bytes than were made here: what is signed has to be known
 */
export async function signRelease(glance: Glance, image: GlanceImage, options: SignOptions): Promise<Signed> {
  const environment = options.environment ?? process.env;
  const signer = signerFrom(environment);
  if (!signer) return "no key";
  const { fingerprint } = options;
  const cache = new Cache(cacheRoot({ ...environment }));
  const provenance = await readProvenance(cache, fingerprint);
  if (!provenance) {
    throw new VisaImageError(
      `the image "${image.id}" cannot be signed: the cache of this machine does not have ${short(fingerprint)}, from which it was made`,
      { fix: "sign on the machine that built it, or build it here", exitCode: ExitCode.CHANGED },
    );
  }
  const statement = provenanceStatement({
    ...options,
    ...{ imageName: image.name, sha512: await checkBytes(cache, fingerprint, image), provenance },
    below: await manifestsBelow(cache, provenance.manifest),
    builder: environment.VISA_BUILDER_ID || `urn:visa-image:host:${hostname()}`,
  });
  if (await isSigned(glance, image, statement, signer)) return "signed already";
  await keepEnvelope(glance, image, await signStatement(statement, signer));
  return "signed";
}

/**
 * Signs an image that is being registered, before it is shown. What the lock has already is shown all the same.
 *
 * @param warn told why one that the lock has is not signed
 * @throws VisaImageError where a new one cannot be signed: it stays hidden
 */
export async function signRegistered(
  glance: Glance,
  image: GlanceImage,
  options: SignOptions & { readonly known: boolean; readonly warn: (text: string) => void },
): Promise<void> {
  try {
    await signRelease(glance, image, options);
  } catch (error) {
    if (!options.known || !(error instanceof VisaImageError)) throw error;
    options.warn(error.message);
  }
}

/** The SHA-512 by Glance, once it is that of a disk of this machine: as the gate read it, or read anew. */
async function checkBytes(cache: Cache, fingerprint: string, image: GlanceImage): Promise<string> {
  const { os_hash_algo: algorithm, os_hash_value: value, disk_format: format } = image;
  if (algorithm !== "sha512" || !value) {
    throw new VisaImageError(
      `Glance has no SHA-512 of the image "${image.id}", but ${algorithm}: it cannot be signed`,
      {
        fix: "set hashing_algorithm = sha512, Glance's default, and register the image anew",
      },
    );
  }
  if ((await verifiedChecksums(cache, fingerprint)).includes(value)) return value;
  const kind = format === "qcow2" ? "qcow2" : "raw";
  const disk = (await cache.checkFlat(fingerprint, kind)) && cache.flat(fingerprint, kind);
  if (disk && (await sha512Of(disk, createMasker([]))) === value) return value;
  // A cloud may have converted what it got as qcow2.
  if (kind === "raw" && !disk && (await cache.checkFlat(fingerprint, "qcow2"))) {
    const scratch = await createScratch(cache, short(fingerprint));
    const raw = rawSha512Of(cache.flat(fingerprint, "qcow2"), scratch.path, createMasker([]));
    if ((await raw.finally(() => removeScratch(scratch))) === value) return value;
  }
  throw new VisaImageError(
    `the image "${image.id}" cannot be signed: ${disk ? "its bytes are not those of" : "this machine has not"} the flattened disk of ${short(fingerprint)}`,
    { fix: "sign on the machine that built and registered it", exitCode: ExitCode.CHANGED },
  );
}

async function manifestsBelow(cache: Cache, manifest: ArtifactManifest): Promise<ArtifactManifest[]> {
  const chain = await chainOf(cache, manifest.fingerprint);
  // One that was built anew since is not what the one above stands on.
  const strange = chain.findIndex(
    (each, index) => index > 0 && each.disk.sha256 !== chain[index - 1]?.parent?.diskSha256,
  );
  return chain.slice(1, strange === -1 ? undefined : strange);
}

async function isSigned(
  glance: Glance,
  image: GlanceImage,
  statement: object,
  { publicKey }: Signer,
): Promise<boolean> {
  if (image[PROVENANCE_PROPERTY] === undefined) return false;
  try {
    const { statement: before } = openEnvelope(await keptEnvelope(glance, image), [publicKey], "the envelope");
    return JSON.stringify(before) === JSON.stringify(statement);
  } catch (error) {
    if (error instanceof VisaImageError && error.exitCode === ExitCode.CHANGED) return false;
    throw error;
  }
}

/** The options of {@link signRelease} that an image says of itself. */
export function signOptions(image: GlanceImage): SignOptions {
  const { visa_fingerprint: fingerprint, visa_release: release, visa_image: key } = image;
  if (typeof fingerprint === "string" && typeof release === "string" && typeof key === "string" && !isSnapshot(image)) {
    return { fingerprint, release, image: key };
  }
  throw new VisaImageError(`the image "${image.id}" is no release of this package`, {
    fix: "name an image that a deploy has registered: npx visa-image lock show",
    exitCode: ExitCode.USAGE,
  });
}
