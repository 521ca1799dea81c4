/** `visa-image verify-release`: whether an image is what a key that you trust has signed, and what that says. */
import type { KeyObject } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Glance, GlanceImage } from "../../cloud/glance";
import { ExitCode, VisaImageError } from "../../errors";
import { sha256, short } from "../../fingerprint/digest";
import { isSnapshot, REVOKED_PROPERTY } from "../release";
import { openEnvelope, refusal } from "./dsse";
import { asProvenanceStatement, type ProvenanceStatement } from "./statement";

/** What {@link verifyRelease} is told. */
export interface VerifyReleaseOptions {
  /** The keys that are trusted. */
  readonly keys: readonly KeyObject[];
  /** The signed provenance: see `keptEnvelope`. */
  readonly envelope: string;
  /** Whether the image's bytes are downloaded and read, too, and not only Glance believed. @default false */
  readonly download?: boolean;
  /** Files of the build that have to be those that were signed: manifest.json, sbom.cdx.json, report.json. */
  readonly files?: readonly string[];
}

/** A release that is what was signed. */
export interface TrustedRelease {
  readonly image: GlanceImage;
  /** Hex SHA-256 of the public key. */
  readonly keyId: string;
  readonly statement: ProvenanceStatement;
}

/**
 * Checks the signature, then that it is about these bytes, then that the image does not say otherwise.
 *
 * @throws VisaImageError (exit code 4) where anything of it does not hold
 */
export async function verifyRelease(
  glance: Glance,
  image: GlanceImage,
  options: VerifyReleaseOptions,
): Promise<TrustedRelease> {
  const from = `the provenance of the image "${image.id}"`;
  const { statement: said, keyId } = openEnvelope(options.envelope, options.keys, from);
  const statement = asProvenanceStatement(said, from);
  checkDigest(image, statement);
  if (image[REVOKED_PROPERTY] !== undefined) {
    throw refusal(`the image "${image.id}" was revoked: ${image[REVOKED_PROPERTY]}`, { fix: "use another release" });
  }
  for (const [name, signed] of Object.entries(statement.subject[0]?.annotations ?? {})) {
    if (image[name] === undefined || image[name] === signed) continue;
    throw refusal(`the image "${image.id}" says "${image[name]}" as its ${name}; "${signed}" was signed`, {
      fix: `its bytes are those that were signed; find out who changed the property: openstack image show ${image.id}`,
    });
  }
  for (const file of options.files ?? []) await checkFile(file, statement);
  if (options.download) await checkDownload(glance, image);
  return { image, keyId, statement };
}

function checkDigest(image: GlanceImage, statement: ProvenanceStatement): void {
  const signed = statement.subject[0]?.digest?.sha512;
  const { os_hash_algo: algorithm, os_hash_value: value } = image;
  if (algorithm === "sha512" && value === signed) return;
  const snapshot = isSnapshot(image) ? " It is a snapshot of an instance, which has its image's properties." : "";
  throw refusal(
    `the image "${image.id}" is not what was signed: Glance has its ${algorithm} as ${short(value ?? "")}…; the sha512 ${short(signed ?? "")}… was signed.${snapshot}`,
  );
}

async function checkFile(file: string, { predicate }: ProvenanceStatement): Promise<void> {
  const digest = sha256(
    await readFile(file).catch((cause: NodeJS.ErrnoException) => {
      throw new VisaImageError(`cannot read "${file}" (${cause.code})`, { exitCode: ExitCode.USAGE, cause });
    }),
  );
  const { byproducts } = predicate.runDetails;
  if (byproducts.some((each) => each.digest?.sha256 === digest)) return;
  const signed = byproducts.find(({ name }) => name === basename(file))?.digest?.sha256;
  throw refusal(
    `"${file}" is not what was signed: its SHA-256 is ${short(digest)}…${signed ? `, ${short(signed)}… was signed` : ", which is that of none of its files"}`,
    { fix: "do not trust the file; take it from the machine that built the image" },
  );
}

async function checkDownload(glance: Glance, image: GlanceImage): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "visa-image-"));
  try {
    const read = await glance.download(image.id, join(folder, "disk"));
    if (read === image.os_hash_value) return;
    throw refusal(
      `what Glance sent of the image "${image.id}" is not what was signed: its sha512 is ${short(read)}…, ${short(image.os_hash_value ?? "")}… was signed`,
      { fix: "do not use the image; look for what changes Glance's store or the network" },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a person is told: the first line says that nothing has to be done. */
export function describeTrusted({ image, keyId, statement }: TrustedRelease): string[] {
  const { buildDefinition, runDetails } = statement.predicate;
  const { template } = buildDefinition.externalParameters;
  const { release, fingerprint } = buildDefinition.internalParameters;
  const dependencies = buildDefinition.resolvedDependencies;
  const commit = dependencies.find(({ digest }) => digest?.gitCommit);
  const others = dependencies.filter((each) => each !== commit).map(({ name }) => name);
  const { startedOn, finishedOn } = runDetails.metadata;
  const tools = Object.entries(runDetails.builder.version).map((each) => each.join(" "));
  return [
    `trusted: the image ${image.id} "${image.name}" is what was signed`,
    `  who    key ${keyId.slice(0, 16)}…, builder ${runDetails.builder.id}`,
    `  what   ${template}, release ${release}, fingerprint ${short(fingerprint)}…, sha512 ${short(image.os_hash_value ?? "")}…`,
    `  when   built from ${startedOn} to ${finishedOn}`,
    ...(commit
      ? [`  from   commit ${commit.digest?.gitCommit}${commit.annotations?.modified ? ", modified" : ""}`]
      : []),
    ...(others.length > 0 ? [`  on     ${others.join(", ")}`] : []),
    `  with   ${tools.join(", ")}`,
    `  files  ${runDetails.byproducts.map(({ name, digest }) => `${name} ${short(digest?.sha256 ?? "")}…`).join(", ")}`,
  ];
}
