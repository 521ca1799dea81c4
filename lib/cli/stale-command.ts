/** `visa-image stale`: which images in use have packages with newer versions in their suites. */
import { join, resolve } from "node:path";
import { ExitCode, usageError, VisaImageError } from "../errors";
import { changeLock } from "../releases/change-lock";
import { readLock, withRefresh } from "../releases/release-lock";
import { Cache, cacheRoot } from "../runner/cache/cache";
import { hostDebianMirror } from "../runner/host/mirror";
import { namesIn } from "../runner/host/optional-files";
import { Bills, billOfFile, releasesInUse, type Subject, type UnknownSubject } from "../stale/images";
import { type MirrorFiles, openMirror } from "../stale/mirror-files";
import { PackageIndexes, type SuiteIndex } from "../stale/package-indexes";
import { type RebuildRule, type Refresh, readRule, refreshOf } from "../stale/rebuild-when";
import { type IndexSource, lookAt, type StaleImage, type StaleReport } from "../stale/stale";
import { staleText } from "../stale/text";
import { warn } from "./inputs";

/** Options of the command. */
export interface StaleCommandOptions {
  readonly lockFile: string;
  readonly cache?: string;
  readonly mirror?: string;
  readonly securityMirror?: string;
  readonly keyring?: string;
  readonly offline?: true;
  readonly failOn: "any" | "security" | "none";
  readonly update?: true;
  readonly output: string;
  readonly servers?: true;
  readonly all?: true;
  readonly json?: true;
}

/** Runs the command. */
export async function runStale(images: readonly string[], options: StaleCommandOptions): Promise<void> {
  const cache = new Cache(options.cache ? resolve(options.cache) : cacheRoot());
  const subjects = await subjectsOf(images, cache, options.lockFile);
  const indexes = new PackageIndexes(join(cache.root, "indexes"));
  const { source, close, warnings } = options.offline ? kept(indexes) : current(indexes, options);
  let report: StaleReport;
  try {
    report = await lookAt(subjects, source);
  } finally {
    await close();
  }
  for (const warning of [...warnings, ...report.warnings]) warn(warning);
  if (options.servers) report = await withServers(report, options.lockFile);
  const refreshes = options.update ? await update(report, options) : undefined;
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ version: 1, ...report, ...(refreshes && { refreshes }) }, undefined, 2)}\n`
      : staleText(report, options.all) + refreshText(refreshes, options.lockFile),
  );
  process.exitCode = exitCodeOf(report, options.failOn);
}

async function subjectsOf(images: readonly string[], cache: Cache, lockFile: string) {
  const isFile = (name: string) => name.endsWith(".json");
  const named = images.filter((name) => !isFile(name));
  const subjects: (Subject | UnknownSubject)[] = [];
  for (const file of images.filter(isFile)) subjects.push(await billOfFile(file));
  if (images.length > 0 && named.length === 0) return subjects;
  const bills = new Bills(cache, lockFile);
  for (const { image, release } of releasesInUse(readLock(lockFile), named, lockFile)) {
    subjects.push(await bills.of(image, release));
  }
  return subjects;
}

/** With the servers that run on each image that is out of date. */
async function withServers(report: StaleReport, lockFile: string): Promise<StaleReport> {
  const stale = report.images.filter(({ state, release }) => state === "stale" && release !== undefined);
  if (stale.length === 0) return report;
  const { askFleet } = require("../fleet/ask") as typeof import("../fleet/ask");
  const names = [...new Set(stale.map(({ image }) => image))];
  const asked = await askFleet({ lockFile, names, visa: false }).catch((error: unknown) => {
    if (error instanceof VisaImageError) return error.message.split("\n")[0] as string;
    throw error;
  });
  const serversOf = ({ image, release }: StaleImage) => {
    if (typeof asked === "string") return asked;
    const found = asked.images.find((each) => each.image === image)?.releases.find((each) => each.release === release);
    const unknown = asked.clouds.find(({ servers }) => servers === "unknown");
    if (found?.servers.length) return found.servers.map(({ id, name }) => ({ id, name }));
    return unknown ? (unknown.reason ?? "Nova cannot be asked") : [];
  };
  return {
    ...report,
    images: report.images.map((each) => (stale.includes(each) ? { ...each, servers: serversOf(each) } : each)),
  };
}

interface Indexes {
  readonly source: IndexSource;
  readonly close: () => Promise<void>;
  readonly warnings: readonly string[];
}

function kept(indexes: PackageIndexes): Indexes {
  const source: IndexSource = async ({ name, kind }) => {
    const index = indexes.read(name);
    if (index || kind === "updates") return index;
    throw new VisaImageError(`the cache has no index of "${name}"`, {
      fix: "run it once without --offline, or copy the folder indexes from the cache of a machine that has a mirror",
      exitCode: ExitCode.USAGE,
    });
  };
  return { source, close: async () => {}, warnings: [] };
}

/** What the mirror has; where it cannot be reached, or what it sends is not whole, what is kept, and a warning. */
function current(indexes: PackageIndexes, options: StaleCommandOptions): Indexes {
  const address = options.mirror || process.env.VISA_DEBIAN_MIRROR || hostDebianMirror();
  if (!address) {
    throw usageError("no mirror of Debian is known here", undefined, "--mirror, VISA_DEBIAN_MIRROR, or --offline");
  }
  const mirrors = new Map<string, MirrorFiles>();
  const mirrorOf = (url: string) => {
    const mirror = mirrors.get(url) ?? openMirror(url, process.env);
    mirrors.set(url, mirror);
    return mirror;
  };
  const warnings: string[] = [];
  const source: IndexSource = async ({ name, kind }) => {
    const security = options.securityMirror || `${address.replace(/\/+$/, "")}-security`;
    const mirror = mirrorOf(kind === "security" ? security : address);
    try {
      return await indexes.update(name, mirror, { keyring: options.keyring, optional: kind === "updates" });
    } catch (error) {
      const index = error instanceof VisaImageError && error.exitCode !== ExitCode.USAGE && readable(indexes, name);
      if (!index) throw error;
      warnings.push(`${error.message}\n  used instead: the index of ${index.date.slice(0, 10)} in the cache`);
      return index;
    }
  };
  const close = async () => {
    for (const mirror of mirrors.values()) await mirror.close();
  };
  return { source, close, warnings };
}

function readable(indexes: PackageIndexes, suite: string): SuiteIndex | undefined {
  try {
    return indexes.read(suite);
  } catch {
    return undefined;
  }
}

/** Writes what the rules of the last synth ask for into the lock. */
async function update({ images }: StaleReport, { output, lockFile }: StaleCommandOptions): Promise<Refresh[]> {
  const rules = rulesIn(output);
  const refreshes = images.flatMap((image) => {
    const rule = rules.find((each) => each.image === image.image);
    const found = rule && refreshOf(rule, image);
    if (typeof found === "string") warn(`${image.image} is not asked to be built anew: ${found}`);
    return typeof found === "object" ? [found] : [];
  });
  await changeLock(lockFile, (lock) =>
    refreshes.reduce((changed, { image, layer, reason }) => withRefresh(changed, image, layer, reason), lock),
  );
  return refreshes;
}

function rulesIn(output: string): RebuildRule[] {
  const stacks = join(output, "stacks");
  const rules = namesIn(stacks).flatMap((stack) => {
    const folder = join(stacks, stack, "rebuild-when");
    return namesIn(folder).map((name) => readRule(join(folder, name)));
  });
  if (rules.length > 0) return rules;
  throw new VisaImageError(`no image in "${output}" says when it is to be built anew`, {
    fix: "rebuildWhen: { securityUpdates: true } on a VisaImage, then npx cdktf synth; --output names another folder",
    exitCode: ExitCode.USAGE,
  });
}

function refreshText(refreshes: readonly Refresh[] | undefined, lockFile: string): string {
  if (!refreshes) return "";
  if (refreshes.length === 0) return "\nnothing is to be built anew\n";
  const lines = refreshes.map(({ image, layer, reason }) => `${image}: ${layer} is built anew: ${reason}`);
  return `\n${lines.join("\n")}\nwritten into ${lockFile}: commit it; npx cdktf diff shows the plan\n`;
}

/** What is out of date counts first; an image of which nothing is known is no good news for a cron job either. */
function exitCodeOf({ images }: StaleReport, failOn: StaleCommandOptions["failOn"]): number {
  if (failOn === "none") return 0;
  const newer = images.flatMap((image) => image.newer);
  if (failOn === "any" ? newer.length > 0 : newer.some(({ security }) => security)) return ExitCode.STALE;
  return images.some(({ state }) => state === "unknown") ? ExitCode.FAILURE : 0;
}
