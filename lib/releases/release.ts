import { sha256, short } from "../fingerprint/digest";
import type { DiskFormat } from "../specification";

/** What makes one image of Glance a different one, beyond the disk that it holds. */
export interface ReleaseInputs {
  /** The layer's whole fingerprint. */
  readonly fingerprint: string;
  readonly diskFormat: DiskFormat;
  /** The image's properties, of which those that begin with `os_` count: Glance and the provider never change them. */
  readonly properties: Readonly<Record<string, string>>;
}

/** The properties that only a new image can have changed, sorted by name. */
export function fixedProperties(properties: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(properties)
    .filter(([name]) => name.startsWith("os_"))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * A release's part of its Terraform address: 12 hexadecimal digits of SHA-256 over everything that Terraform cannot
 * change on an image that exists. With the fingerprint alone a new disk format would replace the image in place: delete
 * it first, then upload. A contract: what changes it makes every image anew.
 */
export function releaseOf(inputs: ReleaseInputs): string {
  const fields = ["release v1", inputs.fingerprint, inputs.diskFormat, fixedProperties(inputs.properties)];
  return short(sha256(JSON.stringify(fields)));
}

/** Properties that say of an image in Glance whose release it is, so that the lock can be made anew. */
export function releaseProperties(image: string, release: string): Record<string, string> {
  return { visa_image: image, visa_release: release };
}

/**
 * Whether Nova made an image from an instance, by a snapshot or as a backup. It copies all properties of the image that the
 * instance was started from, `visa_*` too, and a person's files are in it: it is nobody's release, whatever it says.
 */
export function isSnapshot(image: Readonly<Record<string, unknown>>): boolean {
  return SNAPSHOT_PROPERTIES.some((name) => typeof image[name] === "string" && image[name] !== "");
}

/** Properties that Nova writes onto what it makes from an instance, and nobody else onto an image. */
export const SNAPSHOT_PROPERTIES = ["image_type", "base_image_ref", "instance_uuid"] as const;

/** What `visa_protected_by` says of an image that this package protects: `visa-image prune` leaves others alone. */
export const PROTECTED_BY_US = "visa-image";

/** Says of an image in Glance that VISA has an entry of it: `visa-image prune` asks VISA before it deletes one. */
export const VISA_ENTRY_PROPERTY = "visa_entry";

/** The first 12 digits of the fingerprints that an image stands on, the nearest first: it holds nineteen. */
export const PARENTS_PROPERTY = "visa_parents";

/** Says of an image that it was revoked: the day, and why. */
export const REVOKED_PROPERTY = "visa_revoked";

/** Says of an image that it was retired: when, RFC 3339. */
export const RETIRED_PROPERTY = "visa_retired";

/** The id of the hidden image that holds a release's signed provenance, and the hex SHA-256 of that. */
export const PROVENANCE_PROPERTY = "visa_provenance";
export const PROVENANCE_DIGEST_PROPERTY = "visa_provenance_sha256";

/** Says of a hidden image that it holds the signed provenance of the image with that id. */
export const PROVENANCE_OF_PROPERTY = "visa_provenance_of";

/** Properties that are known, or true, only after the registration: Terraform leaves them alone. */
export const WRITTEN_AFTER_REGISTRATION = [
  "visa_protected_by",
  VISA_ENTRY_PROPERTY,
  "visa_commit",
  "visa_manifest_sha256",
  "visa_sbom_sha256",
  "visa_report_sha256",
  PARENTS_PROPERTY,
  REVOKED_PROPERTY,
  RETIRED_PROPERTY,
  PROVENANCE_PROPERTY,
  PROVENANCE_DIGEST_PROPERTY,
] as const;
