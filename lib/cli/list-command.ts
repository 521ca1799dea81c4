/** `visa-image list`: what the cache holds. */
import { resolve } from "node:path";
import { Cache, cacheRoot } from "../runner/cache/cache";
import { size } from "../runner/output/progress";
import { table } from "./inputs";

/** Options of the command. */
export interface ListCommandOptions {
  readonly cache?: string;
  readonly json?: true;
}

/** Runs the command. */
export async function runList(options: ListCommandOptions): Promise<void> {
  const cache = new Cache(options.cache ? resolve(options.cache) : cacheRoot());
  const artifacts = await cache.list();
  if (options.json) {
    const all = artifacts.map(({ fingerprint, manifest, flat }) =>
      typeof manifest === "string"
        ? { fingerprint, damaged: manifest, flat }
        : { ...manifest, folder: cache.folder(fingerprint), flat },
    );
    process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    return;
  }
  if (artifacts.length === 0) {
    process.stderr.write(`the cache "${cache.root}" is empty\n`);
    return;
  }
  const rows = artifacts.map(({ fingerprint, manifest, flat }) =>
    typeof manifest === "string"
      ? [fingerprint.slice(0, 12), "damaged", "", "", manifest]
      : [
          fingerprint.slice(0, 12),
          manifest.template,
          size(manifest.disk.bytes),
          manifest.createdAt.slice(0, 16).replace("T", " "),
          flat.join(", "),
        ],
  );
  process.stdout.write(table([["fingerprint", "template", "size", "built (UTC)", "flattened"], ...rows]));
}
