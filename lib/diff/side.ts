/** One of the two that are compared: what is known of an image. */
import type { Bill } from "../runner/guest/read-sbom";
import type { VerifyReport } from "../verify/verify-report";

/** What is known of an image; what is not known is left out, and then not compared. */
export interface Side {
  /** As a person calls it. */
  readonly title: string;
  readonly template?: string;
  readonly fingerprint?: string;
  /** When it was built: ISO 8601. */
  readonly built?: string;
  /** Why there is no bill, in words. @default - there is one */
  readonly noBill?: string;
  readonly bill?: Bill;
  /** The last report by which its disk passed. */
  readonly report?: Pick<VerifyReport, "parts" | "findings" | "accelerator" | "boot">;
  /** What its layers take in the cache, the first one first, by template. */
  readonly layerBytes?: Readonly<Record<string, number>>;
  /** Size of the image in Glance. */
  readonly imageBytes?: number;
}
