/** What a report to look at shows: all of it known, nothing of it HTML. */

import type { Difference } from "../diff/compare";
import type { Release } from "../releases/release-lock";
import type { ArtifactManifest } from "../runner/cache/cache";
import type { VerifyReport } from "../verify/verify-report";
import type { PackageRow } from "./packages";

/** A layer of the image, or what the first one starts from. */
export type PageLayer = Pick<
  ArtifactManifest,
  | "template"
  | "fingerprint"
  | "inputs"
  | "createdAt"
  | "durationSeconds"
  | "disk"
  | "tools"
  | "accelerator"
  | "packageVersion"
  | "git"
  | "source"
>;

/** A report to look at. What is left out is not known on this machine, and the page says so. */
export interface Page {
  /** The template's name. */
  readonly template: string;
  /** The layer's whole fingerprint. */
  readonly fingerprint: string;
  /** The release, and `<stack>/<id>` of its image. @default - it is not registered */
  readonly release?: Release & { readonly image: string };
  /** The owner's desktop, as the gate saw it: the bytes of a PNG. */
  readonly picture?: Buffer;
  readonly verification?: VerifyReport;
  /** The lowest first. @default - the disk was made elsewhere */
  readonly layers?: readonly PageLayer[];
  readonly packages?: readonly PackageRow[];
  /** To the release before. */
  readonly difference?: Difference;
  /** Hex SHA-256 of what speaks for the image, by name. */
  readonly digests: Readonly<Record<string, string>>;
}
