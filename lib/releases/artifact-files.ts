/** What is written down of an artifact, in its folder in the cache or in the one that is kept beside the lock. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { usageError, VisaImageError } from "../errors";
import { sha256 } from "../fingerprint/digest";
import { type ArtifactManifest, MANIFEST_VERSION, SBOM_FILE } from "../runner/cache/cache";
import { type Bill, readBill } from "../runner/guest/read-sbom";
import { REPORT_FILE, type VerifyReport } from "../verify/verify-report";

/** What the files of a folder say. */
export interface ArtifactFiles {
  readonly manifest: ArtifactManifest;
  /** @default - the manifest knows of none */
  readonly bill?: Bill;
  /** @default - there is none */
  readonly report?: VerifyReport;
  /** Hex SHA-256 of the files, by their names. */
  readonly digests: Readonly<Record<string, string>>;
}

const TAKE_AGAIN = "take it from the cache or from Git again";

/** Whether a folder has such files. */
export function hasArtifactFiles(folder: string): boolean {
  return existsSync(join(folder, "manifest.json"));
}

/**
 * Reads them.
 *
 * @throws VisaImageError where the manifest cannot be read, is not whole or of a later version, the bill is not the one that
 *   the manifest knows, or the report is none
 */
export async function readArtifactFiles(folder: string): Promise<ArtifactFiles> {
  const file = join(folder, "manifest.json");
  const text = await read(file);
  const manifest = parse<ArtifactManifest>(text, file);
  if (manifest.version !== MANIFEST_VERSION) {
    throw usageError(
      `this manifest has version ${JSON.stringify(manifest.version)}, known is ${MANIFEST_VERSION}`,
      { file },
      "use the version of cdktf-visa-images that wrote it, or a later one",
    );
  }
  const { template, fingerprint, disk, sbom } = manifest;
  if (typeof template !== "string" || typeof fingerprint !== "string" || typeof disk?.bytes !== "number") {
    throw usageError("this manifest is not whole", { file }, TAKE_AGAIN);
  }
  const reportFile = join(folder, REPORT_FILE);
  const reportText = existsSync(reportFile) ? await read(reportFile) : undefined;
  const report = reportText === undefined ? undefined : parse<VerifyReport>(reportText, reportFile);
  if (report && !Array.isArray(report.findings)) {
    throw usageError("this is no report of visa-image verify", { file: reportFile }, "take it from Git again");
  }
  return {
    manifest,
    ...(sbom && { bill: await billAt(folder, sbom.sha256) }),
    ...(report && { report }),
    digests: {
      "manifest.json": sha256(text),
      ...(sbom && { [SBOM_FILE]: sbom.sha256 }),
      ...(reportText !== undefined && { [REPORT_FILE]: sha256(reportText) }),
    },
  };
}

async function billAt(folder: string, expected: string): Promise<Bill> {
  const file = join(folder, SBOM_FILE);
  const text = await read(file);
  if (sha256(text) === expected) return readBill(text, file);
  throw new VisaImageError(
    "this bill of materials is not the one that was made with the image: its SHA-256 is another",
    { location: { file }, fix: `it was changed, or cut off: ${TAKE_AGAIN}` },
  );
}

async function read(file: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: Error) => {
    throw usageError(
      `cannot be read: ${cause.message}`,
      { file },
      "name a folder with manifest.json and sbom.cdx.json",
      cause,
    );
  });
}

function parse<T extends object>(text: string, file: string): T {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as T;
  } catch (cause) {
    throw usageError(`this is no JSON, or was cut off: ${(cause as Error).message}`, { file }, TAKE_AGAIN, cause);
  }
  throw usageError("this is not what visa-image wrote", { file }, TAKE_AGAIN);
}
