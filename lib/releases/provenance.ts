/** Where an image came from: what its artifact in the cache says, as properties in Glance, and for a person. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256, short } from "../fingerprint/digest";
import { type ArtifactManifest, type Cache, SBOM_FILE } from "../runner/cache/cache";
import { commitWords } from "../runner/host/git";
import { REPORT_FILE, type VerifyReport } from "../verify/verify-report";
import { PARENTS_PROPERTY } from "./release";
import type { Release } from "./release-lock";

/** What the 255 characters of a property hold. */
const MOST_PARENTS = 19;

/** A file, and its SHA-256. */
export interface Evidence {
  readonly path: string;
  readonly sha256: string;
}

/** What is known of an artifact. */
export interface Provenance {
  readonly manifest: ArtifactManifest;
  /** Its manifest.json: inputs, tools, duration, commit. */
  readonly manifestFile: Evidence;
  /** Its bill of materials; left out where there is none, or one that the manifest does not know. */
  readonly sbom?: Evidence & { readonly packages: number };
  /** The last report by which a disk of it passed; left out where none was verified. */
  readonly report?: Evidence & { readonly report: VerifyReport };
  /** First digits of the fingerprints that it stands on, the nearest first. */
  readonly parents: readonly string[];
}

/** Reads what the cache says of an artifact; nothing where it does not have it, or not whole. */
export async function readProvenance(cache: Cache, fingerprint: string): Promise<Provenance | undefined> {
  const manifest = await cache.manifest(fingerprint);
  if (typeof manifest !== "object") return undefined;
  const manifestFile = await evidence(join(cache.folder(fingerprint), "manifest.json"));
  if (!manifestFile) return undefined;
  const sbom = manifest.sbom && (await evidence(join(cache.folder(fingerprint), SBOM_FILE)));
  const known = sbom && sbom.sha256 === manifest.sbom?.sha256;
  const report = await lastReport(cache, fingerprint);
  return {
    manifest,
    manifestFile,
    ...(known && { sbom: { ...sbom, packages: manifest.sbom?.packages ?? 0 } }),
    ...(report && { report }),
    parents: (await parentsOf(cache, fingerprint)) ?? [],
  };
}

/**
 * The first digits of the fingerprints that an artifact stands on, the nearest first, as far as the cache knows; nothing
 * where it does not have the artifact.
 */
export async function parentsOf(cache: Cache, fingerprint: string): Promise<string[] | undefined> {
  const parents: string[] = [];
  for (let next = fingerprint; ; ) {
    const manifest = await cache.manifest(next);
    if (typeof manifest !== "object") return next === fingerprint ? undefined : parents;
    const { source } = manifest;
    if (source) {
      const known = source.properties[PARENTS_PROPERTY];
      return known || parents.length > 0 ? [...parents, ...(known?.split(" ") ?? [])] : undefined;
    }
    // A circle takes somebody who made it by hand; it ends all the same.
    if (!manifest.parent || parents.includes(short(manifest.parent.fingerprint))) return parents;
    next = manifest.parent.fingerprint;
    parents.push(short(next));
  }
}

/**
 * The properties that a registered image gets: digests of what speaks for it, and the commit. Those of an artifact that
 * came from Glance are what its image says: they are about its build, of which this machine knows nothing.
 */
export function provenanceProperties(provenance: Provenance): Record<string, string> {
  const { manifest, manifestFile, sbom, report, parents } = provenance;
  return {
    ...(manifest.source?.properties ?? { visa_manifest_sha256: manifestFile.sha256 }),
    ...(manifest.git && { visa_commit: commitWords(manifest.git) }),
    ...(sbom && { visa_sbom_sha256: sbom.sha256 }),
    ...(report && { visa_report_sha256: report.sha256 }),
    ...(parents.length > 0 && { [PARENTS_PROPERTY]: parents.slice(0, MOST_PARENTS).join(" ") }),
  };
}

/** Names and values for `visa-image show`, besides what the manifest says of the build itself. */
export function describeProvenance(provenance: Provenance, release?: Release): string[][] {
  const { manifest, manifestFile, sbom, report } = provenance;
  const { source } = manifest;
  const passed = report?.report.findings.filter(({ verdict }) => verdict === "pass").length;
  return [
    ...(source
      ? [
          ["source", `image ${source.imageId} "${source.imageName}" in Glance at ${source.glance}`],
          ["source's sha512", source.sha512],
          ...Object.entries(source.properties).map(([name, value]) => [`source's ${name}`, value]),
        ]
      : []),
    ...(manifest.git ? [["commit", commitWords(manifest.git)]] : []),
    ["manifest", `${manifestFile.path}, sha256 ${manifestFile.sha256}`],
    ...(sbom ? [["packages", `${sbom.packages}, CycloneDX in ${sbom.path}, sha256 ${sbom.sha256}`]] : []),
    ...(report
      ? [["verified", `${passed} assertions on ${report.report.startedAt}, in ${report.path}, sha256 ${report.sha256}`]]
      : []),
    ...(release?.sha512 ? [["sha512", `${release.sha512} of the ${release.diskFormat} image in Glance`]] : []),
  ];
}

/** `visa-image verify` keeps its reports in `reports/<12 digits>-<key>-<profile>`. */
async function lastReport(cache: Cache, fingerprint: string): Promise<Provenance["report"]> {
  const reports = await reportsOf(cache, fingerprint);
  const flat = await Promise.all((["raw", "qcow2"] as const).map((format) => flatDigest(cache, fingerprint, format)));
  const verified = (digest: string | undefined) => digest !== undefined && flat.includes(digest);
  return newest(reports.filter(({ report }) => report.passed && verified(report.digest)));
}

/**
 * The last report by which a disk of a fingerprint passed on this machine: that of a registered image, whose SHA-512 is
 * given, or else of the flattened disk that is there.
 */
export async function passedReport(cache: Cache, fingerprint: string, sha512?: string): Promise<Provenance["report"]> {
  const reports = await reportsOf(cache, fingerprint);
  const registered = reports.filter(({ report }) => report.passed && report.sha512 && report.sha512 === sha512);
  return newest(registered) ?? lastReport(cache, fingerprint);
}

function newest<T extends { readonly report: VerifyReport }>(reports: readonly T[]): T | undefined {
  return [...reports].sort((a, b) => (a.report.startedAt < b.report.startedAt ? -1 : 1)).at(-1);
}

/** Hex SHA-512 of each disk of a fingerprint that passed on this machine; none where none was verified here. */
export async function verifiedChecksums(cache: Cache, fingerprint: string): Promise<readonly string[]> {
  const reports = await reportsOf(cache, fingerprint);
  return reports.filter(({ report }) => report.passed).flatMap(({ report: { sha512 } }) => (sha512 ? [sha512] : []));
}

async function reportsOf(cache: Cache, fingerprint: string): Promise<(Evidence & { report: VerifyReport })[]> {
  const folder = cache.reports;
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith(short(fingerprint)));
  const reports = await Promise.all(names.map((name) => readReport(join(folder, name, REPORT_FILE))));
  return reports.filter((each) => each?.report.fingerprint === fingerprint).filter((each) => each !== undefined);
}

async function readReport(path: string): Promise<(Evidence & { report: VerifyReport }) | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  if (!bytes) return undefined;
  try {
    return { path, sha256: sha256(bytes), report: JSON.parse(bytes.toString("utf8")) as VerifyReport };
  } catch {
    return undefined;
  }
}

/** What the flattened disk's own note says: the disk is not read for this. */
async function flatDigest(cache: Cache, fingerprint: string, format: "raw" | "qcow2"): Promise<string | undefined> {
  try {
    const note = JSON.parse(await readFile(`${cache.flat(fingerprint, format)}.json`, "utf8")) as { digest?: string };
    return note.digest;
  } catch {
    return undefined;
  }
}

async function evidence(path: string): Promise<Evidence | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  return bytes && { path, sha256: sha256(bytes) };
}
