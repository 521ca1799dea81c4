/** `visa-image cache`: what the artifact cache takes, and making room in it. */

import { basename, resolve } from "node:path";
import { Command, InvalidArgumentError } from "@commander-js/extra-typings";
import { ExitCode, VisaImageError } from "../errors";
import { short } from "../fingerprint/digest";
import { mebibytes } from "../mebibytes";
import { Cache, cacheRoot } from "../runner/cache/cache";
import { type CacheEntry, cacheEntries } from "../runner/cache/cache-entries";
import { clearCache } from "../runner/cache/clear-cache";
import { type CheckpointEntry, checkpointEntries } from "../runner/checkpoints/store";
import { size } from "../runner/output/progress";
import { table } from "./inputs";

const DAY = 24 * 3600 * 1000;

/** The sub-command `cache` of `visa-image`. */
export function cacheCommand(): Command {
  const command = new Command("cache").description("what the artifact cache takes, and making room in it");

  command
    .command("list")
    .description("list artifacts, checkpoints and what was set aside, with what they take on the disk")
    .option("--cache <dir>", "folder of what was built (VISA_IMAGE_CACHE)")
    .option("--json", "for programs")
    .action((options) => listCache(options));

  command
    .command("clear")
    .description(
      "remove what is old or large, and what was set aside; what others stand on is kept, checkpoints are not",
    )
    .option("--cache <dir>", "folder of what was built (VISA_IMAGE_CACHE)")
    .option("--older-than <age>", "built longer ago than this: 30d, 12h", age)
    .option("--larger-than <size>", "taking more than this: 5G, 500M", bytes)
    .option("--all", "of any age and size")
    .option("--dry-run", "only say what would be removed")
    .action(async (options) => {
      const { olderThan: olderThanMs, largerThan: largerThanBytes, dryRun } = options;
      if (!options.all && olderThanMs === undefined && largerThanBytes === undefined) {
        throw new VisaImageError("what is to be removed is not said", {
          fix: "--older-than 30d, --larger-than 5G, both, or --all",
          exitCode: ExitCode.USAGE,
        });
      }
      const { entries, checkpoints } = await clearCache(open(options.cache), { olderThanMs, largerThanBytes, dryRun });
      let freed = 0;
      const removed = dryRun ? "would be removed" : "removed";
      const rows = entries.map(({ entry, keptFor }) => {
        if (keptFor.length > 0) return [...row(entry), `kept: ${keptFor.map(short).join(", ")} stands on it`];
        freed += entry.bytes;
        return [...row(entry), removed];
      });
      for (const entry of checkpoints) {
        freed += entry.bytes;
        rows.push([...checkpointRow(entry), removed]);
      }
      process.stdout.write(table(rows));
      process.stdout.write(`${size(freed)} ${dryRun ? "would be" : "are"} free\n`);
    });

  return command as unknown as Command;
}

/** Lists what the cache holds, the newest first. */
export async function listCache(options: { readonly cache?: string; readonly json?: boolean }): Promise<void> {
  const cache = open(options.cache);
  const [entries, checkpoints] = await Promise.all([cacheEntries(cache), checkpointEntries(cache)]);
  if (options.json) {
    const all = [
      ...entries.map(({ manifest, ...entry }) => ({ ...manifest, ...entry, folder: cache.folder(entry.name) })),
      ...checkpoints.map(({ numbers, ...entry }) => ({ ...entry, checkpoints: numbers })),
    ];
    process.stdout.write(`${JSON.stringify(all, undefined, 2)}\n`);
    return;
  }
  if (entries.length + checkpoints.length === 0) {
    process.stderr.write(`the cache "${cache.root}" is empty\n`);
    return;
  }
  process.stdout.write(table([...entries.map(row), ...checkpoints.map(checkpointRow)]));
  const all = [...entries, ...checkpoints];
  const total = all.reduce((sum, { bytes }) => sum + bytes, 0);
  process.stdout.write(`${size(total)} in ${all.length} entries of ${cache.root}\n`);
}

function open(folder: string | undefined): Cache {
  return new Cache(folder ? resolve(folder) : cacheRoot());
}

function row({ name, template, bytes, time, flat, unusable }: CacheEntry): string[] {
  const state = unusable ?? (flat.length > 0 ? `flattened: ${flat.join(", ")}` : "");
  const built = new Date(time).toISOString().slice(0, 16).replace("T", " ");
  return [short(name), template ?? "?", size(bytes), built, state];
}

function checkpointRow({ folder, template, numbers, bytes, time }: CheckpointEntry): string[] {
  const built = new Date(time).toISOString().slice(0, 16).replace("T", " ");
  const state = numbers.length > 0 ? `checkpoints ${numbers.join(", ")}` : "no checkpoints";
  return [short(basename(folder)), template ?? "?", size(bytes), built, state];
}

function age(text: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)([hdw])$/.exec(text) ?? [];
  if (!unit) throw new InvalidArgumentError("hours, days or weeks are needed: 12h, 30d, 4w.");
  return Number(number) * { h: DAY / 24, d: DAY, w: 7 * DAY }[unit as "h" | "d" | "w"];
}

function bytes(text: string): number {
  const size = mebibytes(text);
  if (size === undefined || /\d$/.test(text))
    throw new InvalidArgumentError("a size with its unit is needed: 500M, 5G.");
  return size * 2 ** 20;
}
