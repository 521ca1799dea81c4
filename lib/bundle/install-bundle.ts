/**
 * `visa-image bundle install`: checks an archive whole, and only then puts what it has in place.
 *
 * Everything is unpacked beside the place where it goes, so that what follows the check takes no more room, and each step
 * is a rename: an install that was cut off is run again, and finds done what was done.
 */
import { existsSync } from "node:fs";
import { chmod, lstat, mkdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ExitCode, usageError, VisaImageError } from "../errors";
import { short } from "../fingerprint/digest";
import { type ArtifactManifest, type Cache, hashFile } from "../runner/cache/cache";
import { cleanUpAbandoned, createScratch, removeScratch } from "../runner/cache/scratch";
import { writePrivateFile } from "../runner/host/private-files";
import { acquireLock } from "../runner/processes/file-lock";
import { findMissing } from "../runner/resolve";
import {
  ARTIFACTS,
  BUNDLE_LOCK,
  type BundledFile,
  type BundleLock,
  MEDIA,
  NPM_CACHE,
  PLUGINS,
  PROVIDERS,
  parseBundleLock,
} from "./lock";
import { foldersAt } from "./providers";
import { requireRoom } from "./room";
import { isFull, programFailed, runProgram, tryProgram } from "./run-program";

/** What an install is given. */
export interface InstallOptions {
  readonly cache: Cache;
  readonly signal: AbortSignal;
  /** Called with what is being done. */
  readonly say: (line: string) => void;
}

/** What was put in place. */
export interface Installed {
  /** A cache for `npm ci --offline --cache`. */
  readonly npmCache: string;
  /** For TF_CLI_CONFIG_FILE. */
  readonly terraformConfiguration: string;
  /** The layers of the archive, by template and fingerprint. */
  readonly layers: readonly string[];
}

/** Installs an archive. @throws VisaImageError where a file of it is not what the archive's list says: nothing is changed then */
export async function installBundle(file: string, options: InstallOptions): Promise<Installed> {
  const archive = resolve(file);
  const { cache, say, signal } = options;
  const lock = await readLock(archive, signal);
  await cache.prepare();
  const held = await acquireLock(cache.locks, "bundle", () => say("waiting for another install"));
  try {
    for (const message of await cleanUpAbandoned(cache)) say(message);
    const scratch = await createScratch(cache, "bundle");
    try {
      const staged = join(scratch.path, "staged");
      await mkdir(staged);
      await unpack(archive, lock, staged, scratch.path, options);
      const layers = await stagedLayers(lock, staged, archive);
      signal.throwIfAborted();
      return await putInPlace(lock, staged, layers, options);
    } finally {
      await removeScratch(scratch);
    }
  } finally {
    await held.release();
  }
}

async function readLock(archive: string, signal: AbortSignal): Promise<BundleLock> {
  if (!existsSync(archive)) throw usageError("there is no such file", { file: archive }, undefined);
  const { code, stdout } = await tryProgram("tar", ["-xOf", archive, "--occurrence=1", BUNDLE_LOCK], { signal });
  if (code === 0) return parseBundleLock(stdout, archive);
  throw usageError(`this is no archive of visa-image bundle: it has no ${BUNDLE_LOCK}`, { file: archive }, AGAIN);
}

const AGAIN = "copy it again, and compare: sha256sum";

/** Unpacks what the list names, and compares it with the list. */
async function unpack(
  archive: string,
  { files }: BundleLock,
  staged: string,
  scratch: string,
  { cache, say, signal }: InstallOptions,
): Promise<void> {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const packed = files.find(({ path }) => path === NPM_CACHE)?.bytes ?? 0;
  requireRoom(cache.root, bytes + packed);
  say(`unpacking and checking ${files.length} files, ${Math.ceil(bytes / 2 ** 20)} MiB`);
  const list = join(scratch, "list");
  await writeFile(list, files.map(({ path }) => path).join("\0"));
  const own = ["--no-same-owner", "--no-same-permissions", "--touch"];
  const what = ["--directory", staged, "--null", "--files-from", list];
  const result = await tryProgram("tar", ["--extract", "--file", archive, ...own, ...what], { signal });
  if (result.code !== 0 && isFull(result.stderr)) throw programFailed("tar --extract", result);
  const wrong: string[] = [];
  for (const file of files) {
    signal.throwIfAborted();
    const reason = await differs(join(staged, file.path), file);
    if (reason) wrong.push(`${file.path} ${reason}`);
  }
  if (wrong.length > 0) {
    const more = wrong.length > 5 ? [`and ${wrong.length - 5} more`] : [];
    throw refused(archive, [...wrong.slice(0, 5), ...more].join("; "));
  }
  if (result.code !== 0) throw programFailed("tar --extract", result, AGAIN);
  const known = new Set([BUNDLE_LOCK, ...files.map(({ path }) => path)]);
  const names = (await runProgram("tar", ["--list", "--quoting-style=literal", "--file", archive], { signal })).split(
    "\n",
  );
  const foreign = names.find((name) => name !== "" && !known.has(name));
  if (foreign !== undefined) throw refused(archive, `${foreign} is in it, and not in its ${BUNDLE_LOCK}`);
}

function refused(archive: string, what: string): VisaImageError {
  return new VisaImageError(`the archive is damaged or was changed: ${what}; nothing was installed`, {
    location: { file: archive },
    fix: AGAIN,
    exitCode: ExitCode.CHANGED,
  });
}

async function differs(path: string, { bytes, sha256 }: BundledFile): Promise<string | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return "is missing";
  if (!found.isFile()) return "is no file";
  if (found.size !== bytes) return `has ${found.size} bytes instead of ${bytes}`;
  return (await hashFile(path)) === sha256 ? undefined : "has another SHA-256";
}

/** The manifests of the layers. */
async function stagedLayers({ files }: BundleLock, staged: string, archive: string): Promise<ArtifactManifest[]> {
  const layers: ArtifactManifest[] = [];
  for (const { path } of files) {
    const [, fingerprint = ""] = /^artifacts\/([0-9a-f]{64})\/manifest\.json$/.exec(path) ?? [];
    if (!fingerprint) continue;
    const manifest = JSON.parse(await readFile(join(staged, path), "utf8")) as ArtifactManifest;
    const disk = files.find((file) => file.path === `${ARTIFACTS}/${fingerprint}/disk.qcow2`);
    if (manifest.fingerprint !== fingerprint || manifest.disk?.sha256 !== disk?.sha256) {
      throw refused(archive, `${path} is of another disk`);
    }
    layers.push(manifest);
  }
  return layers;
}

/** From what stands on nothing in the archive to each layer that nothing in it stands on. */
function chainsOf(layers: readonly ArtifactManifest[]): ArtifactManifest[][] {
  const tops = layers.filter(({ fingerprint }) => !layers.some(({ parent }) => parent?.fingerprint === fingerprint));
  return tops.map((top) => {
    const chain = [top];
    for (;;) {
      const below = layers.find(({ fingerprint }) => fingerprint === chain[0]?.parent?.fingerprint);
      if (!below) return chain;
      chain.unshift(below);
    }
  });
}

async function putInPlace(
  { files }: BundleLock,
  staged: string,
  layers: readonly ArtifactManifest[],
  options: InstallOptions,
): Promise<Installed> {
  const { cache, say, signal } = options;
  const below = (root: string) => files.filter(({ path }) => path.startsWith(`${root}/`));
  // What takes room comes first: where that fails, nothing was put in place.
  const npm = join(staged, "npm");
  await mkdir(npm);
  await runProgram("tar", ["--extract", "--no-same-owner", "--file", join(staged, NPM_CACHE), "--directory", npm], {
    signal,
  });
  for (const { path } of [...below(PROVIDERS), ...below(PLUGINS)]) await chmod(join(staged, path), 0o700);

  say("npm's packages");
  await replaceFolder(npm, join(cache.root, "npm"));
  say("Terraform's providers");
  const mirror = join(cache.root, PROVIDERS);
  for (const path of await foldersAt(join(staged, PROVIDERS), 5))
    await replaceFolder(join(staged, PROVIDERS, path), join(mirror, path));
  const terraformConfiguration = join(cache.root, "terraform.rc");
  writePrivateFile(terraformConfiguration, configuration(mirror, await foldersAt(mirror, 3)), true);
  for (const { path } of below(PLUGINS))
    await move(join(staged, path), join(cache.packer, "plugins", path.slice(PLUGINS.length + 1)));
  for (const { path } of below(MEDIA)) await move(join(staged, path), join(cache.downloads, basename(path)));
  const done = new Set<ArtifactManifest>();
  for (const chain of chainsOf(layers)) {
    // What was built here from the same inputs has other bytes, and other layers may stand on it.
    const whole = await isWhole(chain, cache);
    for (const layer of chain.filter((each) => !done.has(each))) {
      signal.throwIfAborted();
      done.add(layer);
      if (!whole) await putLayer(layer, join(staged, ARTIFACTS, layer.fingerprint), options);
    }
  }
  return {
    npmCache: join(cache.root, "npm"),
    terraformConfiguration,
    layers: layers.map(({ template, fingerprint }) => `${template} ${short(fingerprint)}`),
  };
}

async function isWhole(chain: readonly ArtifactManifest[], cache: Cache): Promise<boolean> {
  const items = chain.map(({ template, fingerprint }) => ({ name: template, fingerprint }));
  return (await findMissing(items, cache, "quick")).missing === chain.length;
}

/** Puts a layer into the cache, in the place of another one of the same inputs: what is in the archive stands on this one. */
async function putLayer(manifest: ArtifactManifest, staged: string, { cache, say }: InstallOptions): Promise<void> {
  const { fingerprint, template, disk } = manifest;
  const name = `${template} ${short(fingerprint)}`;
  const held = await acquireLock(cache.locks, fingerprint, () => say(`${name}: waiting for a build of it`));
  try {
    const own = await cache.manifest(fingerprint);
    const parent = manifest.parent && (await cache.manifest(manifest.parent.fingerprint));
    const state = await cache.check(fingerprint, typeof parent === "object" ? parent : undefined);
    if (state.kind === "intact" && state.manifest.disk.sha256 === disk.sha256) return;
    const time = new Date(disk.modified);
    await utimes(join(staged, "disk.qcow2"), time, time);
    await cache.publish(staged, manifest, true);
    say(`${name}: put into the cache${own === undefined ? "" : ", in the place of another one"}`);
  } finally {
    await held.release();
  }
}

/** Puts a folder in the place of another one. */
async function replaceFolder(folder: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const aside = `${target}.old`;
  // What an install that was cut off has left.
  await rm(aside, { recursive: true, force: true });
  await rename(target, aside).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rename(folder, target);
  await rm(aside, { recursive: true, force: true });
}

async function move(file: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  await rename(file, target);
}

/** Terraform's CLI configuration: what the mirror has comes from it alone, all else from where it always does. */
function configuration(mirror: string, providers: readonly string[]): string {
  const text = (value: string) => JSON.stringify(value).replaceAll("${", "$${").replaceAll("%{", "%%{");
  const names = providers.map(text).join(", ");
  return `provider_installation {
  filesystem_mirror {
    path    = ${text(mirror)}
    include = [${names}]
  }
  direct {
    exclude = [${names}]
  }
}
`;
}
