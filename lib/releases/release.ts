import { createHash } from "node:crypto";
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
  return createHash("sha256").update(JSON.stringify(fields)).digest("hex").slice(0, 12);
}
