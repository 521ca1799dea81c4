/**
 * The checkpoints in the cache: those of the newest build of each layer, in a folder of their own.
 *
 * ```
 * checkpoints/<folder>/checkpoints.json    of which layer, and what each of them is
 *                      checkpoint-2.qcow2  the disk after the layer's second step: an overlay on checkpoint-1.qcow2;
 *                      …                   the first one on ../../artifacts/<parent's fingerprint>/disk.qcow2
 *                      build-key           root's key on these disks (guest/guest-access.ts)
 * ```
 *
 * A scratch folder lies as deep as such a folder. So the disks hold together in both, and a build works with links of its
 * own (hard ones) to what it starts from: nobody takes that away from it.
 */
import { randomBytes, scryptSync, timingSafeEqual } from "node:crypto";
import { chmod, link, mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Cache, damageOf, type FileRecord, recordFile, sync } from "../cache/cache";
import { folderBytes } from "../cache/cache-entries";
import { BUILD_KEY } from "../guest/guest-access";
import { writePrivateFile } from "../host/private-files";

const VERSION = 1;
const MANIFEST = "checkpoints.json";

/** One of them. */
export interface Checkpoint {
  /** The step that it comes after, from 1 on. */
  readonly number: number;
  readonly label: string;
  readonly key: string;
  readonly disk: FileRecord;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** What `checkpoints.json` says: all that one build of a layer has, in their order. */
interface Manifest {
  readonly version: typeof VERSION;
  /** The layer's name. */
  readonly template: string;
  /** Fingerprint of what it stands on; its disk is what the first checkpoint stands on. */
  readonly parent: string;
  /** See {@link secretsMark}. */
  readonly secrets: string;
  readonly checkpoints: readonly Checkpoint[];
}

/** The checkpoints of one build. */
export interface CheckpointSet extends Manifest {
  readonly folder: string;
}

/** Name of the disk after a step. */
export function diskName(number: number): string {
  return `checkpoint-${number}.qcow2`;
}

/**
 * What tells whether secrets are the same as in an earlier build: a step may have put them onto the disk. It is as hard to
 * guess them from it as from /etc/shadow, which is on the same disk.
 */
export function secretsMark(secrets: readonly (readonly [string, string])[], salt = randomBytes(16).toString("hex")) {
  return `${salt}:${scryptSync(JSON.stringify(secrets), salt, 32).toString("hex")}`;
}

function sameSecrets(secrets: readonly (readonly [string, string])[], mark: string): boolean {
  const own = Buffer.from(secretsMark(secrets, mark.split(":")[0]));
  return own.length === Buffer.byteLength(mark) && timingSafeEqual(own, Buffer.from(mark));
}

/** All that are in the cache; nothing is said of a folder that has no manifest. */
export async function checkpointSets(cache: Cache): Promise<CheckpointSet[]> {
  const names = await readdir(cache.checkpoints).catch(() => []);
  const sets = await Promise.all(names.map((name) => readSet(join(cache.checkpoints, name))));
  return sets.filter((each) => each !== undefined);
}

/** A folder of checkpoints, as a person is told of it. */
export interface CheckpointEntry {
  readonly folder: string;
  /** The layer; `undefined` where no build may use it. */
  readonly template?: string;
  /** Fingerprint of the artifact that it stands on. */
  readonly parent?: string;
  /** Steps that a build may start after. */
  readonly numbers: readonly number[];
  readonly bytes: number;
  /** When the last of them was made: milliseconds since 1970. */
  readonly time: number;
}

/** All folders of checkpoints, the newest first. */
export async function checkpointEntries(cache: Cache): Promise<CheckpointEntry[]> {
  const names = await readdir(cache.checkpoints).catch(() => []);
  const entries = await Promise.all(
    names.map(async (name): Promise<CheckpointEntry> => {
      const folder = join(cache.checkpoints, name);
      const set = await readSet(folder);
      const last = set?.checkpoints.at(-1);
      const time = last
        ? Date.parse(last.createdAt)
        : await stat(folder).then(
            ({ mtimeMs }) => mtimeMs,
            () => 0,
          );
      const numbers = set?.checkpoints.map(({ number }) => number) ?? [];
      return { folder, template: set?.template, parent: set?.parent, numbers, bytes: await folderBytes(folder), time };
    }),
  );
  return entries.sort((a, b) => b.time - a.time);
}

/** Removes a folder of checkpoints: first what makes checkpoints of the disks in it. */
export async function removeFolder(folder: string): Promise<void> {
  await rm(join(folder, MANIFEST), { force: true });
  await rm(folder, { recursive: true, force: true });
}

async function readSet(folder: string): Promise<CheckpointSet | undefined> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, MANIFEST), "utf8")) as Manifest;
    return manifest.version === VERSION && Array.isArray(manifest.checkpoints) ? { ...manifest, folder } : undefined;
  } catch {
    return undefined;
  }
}

/** What a build looks for: its keys, the last step first, and its secrets. */
export interface Wanted {
  readonly keys: readonly string[];
  readonly secrets: readonly (readonly [string, string])[];
}

/** The checkpoints up to the last one that has one of these keys. Nothing of their disks is read. */
export async function findCheckpoints(cache: Cache, { keys, secrets }: Wanted): Promise<CheckpointSet | undefined> {
  const sets = await checkpointSets(cache);
  for (const key of keys) {
    for (const set of sets) {
      const index = set.checkpoints.findIndex((each) => each.key === key);
      if (index < 0 || !sameSecrets(secrets, set.secrets)) continue;
      return { ...set, checkpoints: set.checkpoints.slice(0, index + 1) };
    }
  }
  return undefined;
}

/** Links the disks of checkpoints into a scratch folder, read whole first, and the key; why they cannot be used, or nothing. */
export async function linkCheckpoints(set: CheckpointSet, scratch: string): Promise<string | undefined> {
  const { folder, checkpoints } = set;
  for (const { number, disk } of checkpoints) {
    const reason = await damageOf(join(folder, diskName(number)), disk);
    if (reason) return `checkpoint ${number}: ${reason}`;
  }
  try {
    for (const name of filesOf(checkpoints)) await link(join(folder, name), join(scratch, name));
  } catch (error) {
    await unlinkCheckpoints(set, scratch);
    return (error as Error).message;
  }
  return undefined;
}

async function unlinkCheckpoints({ checkpoints }: CheckpointSet, scratch: string): Promise<void> {
  for (const name of filesOf(checkpoints)) await rm(join(scratch, name), { force: true });
}

/** What lies beside the manifest. */
function filesOf(checkpoints: readonly Checkpoint[]): string[] {
  return [...BUILD_KEY, ...checkpoints.map(({ number }) => diskName(number))];
}

/** Removes the checkpoints of a layer, or those that one of its builds has superseded. */
export async function removeCheckpoints(cache: Cache, template: string, except?: string): Promise<void> {
  for (const set of await checkpointSets(cache)) {
    if (set.template !== template || set.folder === except) continue;
    await removeFolder(set.folder);
  }
}

/** Puts the checkpoints of a build into the cache, one after the other. */
export class CheckpointWriter {
  private readonly folder: string;
  private checkpoints: readonly Checkpoint[];
  private isThere = false;

  /**
   * @param scratch where the disks are, by their names
   * @param start those that the build started from
   */
  constructor(
    private readonly cache: Cache,
    private readonly scratch: string,
    private readonly about: Pick<Manifest, "template" | "parent" | "secrets">,
    start: readonly Checkpoint[],
  ) {
    this.folder = join(cache.checkpoints, basename(scratch));
    this.checkpoints = start;
  }

  /**
   * Adds one: it is there once its manifest is, whole and written out. With the first one go those of earlier builds of the
   * layer.
   */
  async add(checkpoint: Omit<Checkpoint, "disk" | "createdAt">): Promise<void> {
    const file = join(this.scratch, diskName(checkpoint.number));
    const disk = await recordFile(file);
    // Others build on it: whoever opens it for writing by mistake shall fail.
    await chmod(file, 0o400);
    const checkpoints = [...this.checkpoints, { ...checkpoint, disk, createdAt: new Date().toISOString() }];
    if (this.isThere) {
      await link(file, join(this.folder, diskName(checkpoint.number)));
      this.write(this.folder, checkpoints);
      return;
    }
    const staging = join(this.scratch, "checkpoints");
    await mkdir(staging, { mode: 0o700 });
    for (const name of filesOf(checkpoints)) await link(join(this.scratch, name), join(staging, name));
    this.write(staging, checkpoints);
    await sync(staging);
    await rename(staging, this.folder);
    this.isThere = true;
    await removeCheckpoints(this.cache, this.about.template, this.folder);
  }

  /** The last one that is in the cache. */
  get last(): Checkpoint | undefined {
    return this.checkpoints.at(-1);
  }

  private write(folder: string, checkpoints: readonly Checkpoint[]): void {
    const manifest: Manifest = { version: VERSION, ...this.about, checkpoints };
    writePrivateFile(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, true);
    this.checkpoints = checkpoints;
  }
}
