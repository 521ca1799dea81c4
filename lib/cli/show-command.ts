/** `visa-image show`: one artifact of the cache, and the releases that were made of it. */
import { resolve } from "node:path";
import { ExitCode, VisaImageError } from "../errors";
import { suggestion } from "../nearest";
import { describeProvenance, readProvenance } from "../releases/provenance";
import { type Release, readLock } from "../releases/release-lock";
import { type ArtifactManifest, Cache, cacheRoot } from "../runner/cache/cache";
import { type CacheEntry, cacheEntries, SET_ASIDE } from "../runner/cache/cache-entries";
import { duration, size } from "../runner/output/progress";
import { table } from "./inputs";

/** Options of the command. */
export interface ShowCommandOptions {
  readonly cache?: string;
  readonly lockFile: string;
  readonly json?: true;
}

/** Runs the command. */
export async function runShow(name: string, options: ShowCommandOptions): Promise<void> {
  const cache = new Cache(options.cache ? resolve(options.cache) : cacheRoot());
  const artifacts = (await cacheEntries(cache)).filter((entry) => !SET_ASIDE.test(entry.name));
  const { name: fingerprint, manifest, unusable = "", flat } = choose(name, artifacts, cache.root);
  const releases = releasesOf(options.lockFile, fingerprint);
  const folder = cache.folder(fingerprint);
  if (options.json) {
    const known = manifest ?? { fingerprint, damaged: unusable };
    process.stdout.write(`${JSON.stringify({ ...known, folder, flat, releases }, null, 2)}\n`);
    return;
  }
  const rows: string[][] = [
    ["fingerprint", fingerprint],
    ["folder", folder],
  ];
  rows.push(...(manifest ? describe(manifest) : [["damaged", unusable]]));
  const provenance = await readProvenance(cache, fingerprint);
  if (provenance) rows.push(...describeProvenance(provenance, releases.at(-1)?.release));
  rows.push(["flattened", flat.join(", ") || "no"]);
  for (const { image, release } of releases) {
    rows.push(["release", `${release.release} of ${image}: image ${release.imageId}, ${release.registered}`]);
  }
  process.stdout.write(table(rows));
}

function describe(manifest: ArtifactManifest): string[][] {
  const { disk } = manifest;
  return [
    ["template", manifest.template],
    ...(manifest.parent ? [["parent", manifest.parent.fingerprint]] : []),
    [
      manifest.source ? "downloaded" : "built",
      `${manifest.createdAt.slice(0, 19).replace("T", " ")} UTC in ${duration(manifest.durationSeconds * 1000)}`,
    ],
    ["size", `${size(disk.bytes)} of its own, a disk of ${disk.virtualSizeGb} GiB`],
    ["sha256", disk.sha256],
    ...(manifest.accelerator ? [["accelerator", manifest.accelerator]] : []),
    [
      "tools",
      Object.entries(manifest.tools)
        .map(([tool, version]) => `${tool} ${version}`)
        .join(", "),
    ],
    ["version", `cdktf-visa-images ${manifest.packageVersion}`],
    ...Object.entries(manifest.inputs).map(([input, value]) => ["input", `${input} = ${oneLine(value)}`]),
  ];
}

/** By the first digits of its fingerprint, or the newest of a template: the list has the newest first. */
function choose(name: string, artifacts: readonly CacheEntry[], root: string): CacheEntry {
  const newest = artifacts.find(({ manifest }) => manifest?.template === name);
  if (newest) return newest;
  const found = /^[0-9a-f]{4,64}$/.test(name) ? artifacts.filter((artifact) => artifact.name.startsWith(name)) : [];
  const [first] = found;
  if (first && found.length === 1) return first;
  const templates = [...new Set(artifacts.flatMap(({ manifest }) => manifest?.template ?? []))];
  throw new VisaImageError(
    first ? `"${name}" begins ${found.length} fingerprints` : `the cache "${root}" has no artifact "${name}"`,
    {
      fix: first
        ? `give more digits: ${found.map((artifact) => artifact.name.slice(0, 16)).join(", ")}`
        : `${suggestion(name, templates, "templates")}; visa-image cache list shows all`,
      exitCode: ExitCode.USAGE,
    },
  );
}

function releasesOf(file: string, fingerprint: string): { image: string; release: Release }[] {
  return Object.entries(readLock(file).images).flatMap(([image, releases]) =>
    releases.filter((release) => release.fingerprint === fingerprint).map((release) => ({ image, release })),
  );
}

/** A value as one line of a terminal. */
export function oneLine(value: string): string {
  const text = /[\n\r\t]/.test(value) ? JSON.stringify(value) : value;
  return text.length > 100 ? `${text.slice(0, 97)}…` : text;
}
