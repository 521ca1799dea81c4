/** Gathers what a report to look at shows, from the cache and from what is kept beside the lock: no disk is read. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { usageError } from "../errors";
import { sha256, short } from "../fingerprint/digest";
import { type ArtifactFiles, hasArtifactFiles, readArtifactFiles } from "../releases/artifact-files";
import { passedReport, readProvenance } from "../releases/provenance";
import type { Release } from "../releases/release-lock";
import { type ArtifactManifest, type Cache, SBOM_FILE } from "../runner/cache/cache";
import { chainOf } from "../runner/cache/chain";
import { type Bill, readBill } from "../runner/guest/read-sbom";
import { PICTURE_FILE, REPORT_FILE, type VerifyReport } from "../verify/verify-report";
import { packageRows } from "./packages";
import type { Page } from "./page";

/** What {@link readPage} is told. */
export interface ReadPageOptions {
  readonly cache: Cache;
  readonly fingerprint: string;
  readonly template: string;
  /** @default - it is not registered */
  readonly release?: Page["release"];
  /**
   * The folder of what is kept of the release beside the lock: what the cache lacks is read there.
   * @default - none
   */
  readonly kept?: string;
  /** A report that was just made, and its folder. @default - the last one by which this release's disk passed */
  readonly verified?: { readonly report: VerifyReport; readonly folder: string };
}

/**
 * Reads what this machine knows of an artifact: what its cache has, and what is kept of the release.
 *
 * @throws VisaImageError where a bill of materials is cut off, or of another tool, and where what is kept is of another
 *   artifact, or was changed
 */
export async function readPage(options: ReadPageOptions): Promise<Page> {
  const { cache, fingerprint, template, release } = options;
  const cached = (await chainOf(cache, fingerprint)).reverse();
  const provenance = await readProvenance(cache, fingerprint);
  const { report, folder } = options.verified ?? (await keptReport(cache, fingerprint, release)) ?? {};
  const bills = await Promise.all(cached.map((layer) => bill(cache, layer)));
  // Those of the layers below say nothing of what this one has.
  const billed = bills.at(-1) ? bills.filter((each) => each !== undefined) : undefined;
  const kept = report && billed ? undefined : await readKept(options);
  const layers =
    cached.length > 0 || !kept
      ? cached
      : [...(await chainOf(cache, kept.manifest.parent?.fingerprint)).reverse(), kept.manifest];
  const packages = billed ?? (kept?.bill && [kept.bill]);
  const reportFile = folder && (await readFile(join(folder, REPORT_FILE)).catch(() => undefined));
  const picture = folder && (await readFile(join(folder, PICTURE_FILE)).catch(() => undefined));
  return {
    ...{ template, fingerprint, release },
    ...(isPng(picture) && { picture }),
    verification: report ?? kept?.report,
    ...(layers.length > 0 && { layers }),
    ...(packages && { packages: packageRows(packages) }),
    digests: {
      ...kept?.digests,
      ...(provenance && { "manifest.json": provenance.manifestFile.sha256 }),
      ...(provenance?.sbom && { [SBOM_FILE]: provenance.sbom.sha256 }),
      ...(reportFile && { [REPORT_FILE]: sha256(reportFile) }),
    },
  };
}

/** What is kept of the release, if anything. A report of another disk, built from the same inputs, is left out. */
async function readKept({ kept, fingerprint, release }: ReadPageOptions): Promise<ArtifactFiles | undefined> {
  if (kept === undefined || !hasArtifactFiles(kept)) return undefined;
  const { report, ...files } = await readArtifactFiles(kept);
  if (files.manifest.fingerprint !== fingerprint) {
    throw usageError(
      `what is kept in "${kept}" is of another artifact: ${short(files.manifest.fingerprint)}`,
      undefined,
      "take the folder from Git again",
    );
  }
  const own = report && (!report.sha512 || !release?.sha512 || report.sha512 === release.sha512);
  return { ...files, ...(own && { report }) };
}

async function bill(cache: Cache, { fingerprint, sbom }: ArtifactManifest): Promise<Bill | undefined> {
  const file = join(cache.folder(fingerprint), SBOM_FILE);
  const bytes = sbom && (await readFile(file).catch(() => undefined));
  return bytes && readBill(bytes.toString("utf8"), file);
}

async function keptReport(cache: Cache, fingerprint: string, release: Release | undefined) {
  const kept = await passedReport(cache, fingerprint, release?.sha512);
  return kept && { report: kept.report, folder: dirname(kept.path) };
}

function isPng(bytes: Buffer | undefined | ""): bytes is Buffer {
  return Boolean(bytes) && (bytes as Buffer).subarray(0, 8).toString("latin1") === "\u0089PNG\r\n\u001a\n";
}
