/** `visa-image show`: one artifact of the cache, and the releases that were made of it. */
import { resolve } from "node:path";
import { chooseArtifact, releasesOf } from "../releases/choose-artifact";
import { describeProvenance, readProvenance } from "../releases/provenance";
import { readLock } from "../releases/release-lock";
import { type ArtifactManifest, Cache, cacheRoot } from "../runner/cache/cache";
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
  const lock = readLock(options.lockFile);
  const { name: fingerprint, manifest, unusable = "", flat } = await chooseArtifact(name, cache, lock);
  const releases = releasesOf(lock, fingerprint);
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
  const { disk, resumedAt } = manifest;
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
    ...(resumedAt
      ? [["resumed", `at checkpoint ${resumedAt.step}, after ${resumedAt.label}, of ${resumedAt.createdAt}`]]
      : []),
    ...(manifest.image ? [["by openstack", `image ${manifest.image.imageId} at ${manifest.image.glance}`]] : []),
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

/** A value as one line of a terminal. */
export function oneLine(value: string): string {
  const text = /[\n\r\t]/.test(value) ? JSON.stringify(value) : value;
  return text.length > 100 ? `${text.slice(0, 97)}…` : text;
}
