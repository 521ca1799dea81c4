/** Gathers what a report to look at shows from the cache: no disk is read. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sha256 } from "../fingerprint/digest";
import { passedReport, readProvenance } from "../releases/provenance";
import type { Release } from "../releases/release-lock";
import { type ArtifactManifest, type Cache, SBOM_FILE } from "../runner/cache/cache";
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
  /** A report that was just made, and its folder. @default - the last one by which this release's disk passed */
  readonly verified?: { readonly report: VerifyReport; readonly folder: string };
}

/**
 * Reads what this machine knows of an artifact.
 *
 * @throws VisaImageError where a bill of materials is cut off, or of another tool
 */
export async function readPage(options: ReadPageOptions): Promise<Page> {
  const { cache, fingerprint, template, release } = options;
  const layers = await chain(cache, fingerprint);
  const provenance = await readProvenance(cache, fingerprint);
  const { report, folder } = options.verified ?? (await keptReport(cache, fingerprint, release)) ?? {};
  const bills = await Promise.all(layers.map((layer) => bill(cache, layer)));
  const known = bills.filter((each) => each !== undefined);
  const reportFile = folder && (await readFile(join(folder, REPORT_FILE)).catch(() => undefined));
  const picture = folder && (await readFile(join(folder, PICTURE_FILE)).catch(() => undefined));
  return {
    ...{ template, fingerprint, release },
    ...(isPng(picture) && { picture }),
    verification: report,
    ...(layers.length > 0 && { layers }),
    // Those of the layers below say nothing of what this one has.
    ...(bills.at(-1) && { packages: packageRows(known) }),
    digests: {
      ...(provenance && { "manifest.json": provenance.manifestFile.sha256 }),
      ...(provenance?.sbom && { [SBOM_FILE]: provenance.sbom.sha256 }),
      ...(reportFile && { [REPORT_FILE]: sha256(reportFile) }),
    },
  };
}

/** The artifact and those that it stands on, the lowest first, as far as the cache has them. */
async function chain(cache: Cache, fingerprint: string): Promise<ArtifactManifest[]> {
  const layers: ArtifactManifest[] = [];
  const seen = new Set<string>();
  // A circle takes somebody who made it by hand; it ends all the same.
  for (let next: string | undefined = fingerprint; next !== undefined && !seen.has(next); ) {
    seen.add(next);
    const manifest = await cache.manifest(next);
    if (typeof manifest !== "object") break;
    layers.unshift(manifest);
    next = manifest.parent?.fingerprint;
  }
  return layers;
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
