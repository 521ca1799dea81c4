/**
 * Scratch folders: one per layer that is being built, with a note of who owns it, so that whoever comes after a
 * SIGKILL can tell what is left over.
 */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { lstat, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { writePrivateFile } from "../host/private-files";
import { type LockOwner, readOwner } from "../processes/file-lock";
import { endAbandonedSession, identify, isAlive, type ProcessIdentity, processInfo } from "../processes/processes";
import { toolEnvironment } from "../processes/tool-environment";
import type { Cache } from "./cache";

/** Environment variable that marks every process of one run. */
export const RUN_MARKER = "VISA_IMAGE_RUN";

/** `sun_path` holds 108 bytes, and Packer's plugins make sockets with names like this below TMPDIR. */
const LONGEST_TMPDIR = 108 - "/packer-plugin1234567890".length - 8;

/** A foreign host's folder is left alone for so long: its processes can't be seen from here. */
const FOREIGN_AGE_MS = 7 * 24 * 3600 * 1000;
/** A folder without an owner is one that is just being made, or was left in that moment. */
const UNOWNED_AGE_MS = 60_000;

/** The file in a scratch folder that names its owner. */
const OWNER_FILE = "owner.json";
/** Of the names of folders for temporary files that lie elsewhere, which mkdtemp ends. */
const TEMPORARY_PREFIX = "visa-image-";

/** Who owns a scratch folder. */
export interface ScratchOwner {
  readonly worker: ProcessIdentity;
  readonly host: string;
  readonly marker: string;
  /** Whether the worker leads a session of its own, whose processes are then all its own. */
  readonly ownSession: boolean;
  readonly temporary: string;
}

/** A folder for one layer's build. */
export interface Scratch {
  readonly path: string;
  /** TMPDIR of the tools: inside, or elsewhere where the path would be too long for a socket. */
  readonly temporary: string;
}

/** Makes one. */
export async function createScratch(cache: Cache, name: string): Promise<Scratch> {
  const path = join(cache.scratch, `${name}-${process.pid}-${randomUUID().slice(0, 4)}`);
  await mkdir(path, { mode: 0o700 });
  let temporary = join(path, "tmp");
  if (fitsSocket(temporary)) await mkdir(temporary);
  else {
    const parent = fitsSocket(join(tmpdir(), `${TEMPORARY_PREFIX}XXXXXX`)) ? tmpdir() : "/tmp";
    temporary = await mkdtemp(join(parent, TEMPORARY_PREFIX));
  }
  const worker = identify();
  if (!worker) throw new Error("/proc is not mounted");
  const owner: ScratchOwner = {
    worker,
    host: hostname(),
    marker: process.env[RUN_MARKER] ?? "",
    ownSession: processInfo(process.pid)?.session === process.pid,
    temporary,
  };
  try {
    writePrivateFile(join(path, OWNER_FILE), JSON.stringify(owner));
  } catch (error) {
    // On a full disk; without its owner's name nobody else would remove it soon.
    await removeScratch({ path, temporary });
    throw error;
  }
  return { path, temporary };
}

/** A path is as long as its bytes are: a letter beyond ASCII has several. */
function fitsSocket(folder: string): boolean {
  return Buffer.byteLength(folder) <= LONGEST_TMPDIR;
}

/** Removes one. Of what its owner wrote down, a folder for temporary files goes with it only if it is one of ours. */
export async function removeScratch(scratch: Scratch): Promise<void> {
  // Its owner's name goes last: a removal that is cut short leaves a folder that others still know how to remove.
  const names = (await isOwnFolder(scratch.path)) ? await readdir(scratch.path).catch(() => []) : [];
  for (const name of names) {
    if (name !== OWNER_FILE) await removeTree(join(scratch.path, name));
  }
  if (await isTemporary(scratch.temporary)) await removeTree(scratch.temporary);
  await removeTree(scratch.path);
}

/** Whether a folder is what {@link createScratch} makes outside of a scratch folder. */
async function isTemporary(path: string): Promise<boolean> {
  return new RegExp(`^${TEMPORARY_PREFIX}[A-Za-z0-9]{6}$`).test(basename(path)) && (await isOwnFolder(path));
}

/** Whether there is a folder of this user, and no link to one. */
async function isOwnFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (entry) => entry.isDirectory() && entry.uid === (process.getuid?.() ?? entry.uid),
    () => false,
  );
}

/** Removes what a process that has ended (or ends now) left in the cache: its scratch folders, its name on locks. */
export async function cleanUpAfter(cache: Cache, worker: ProcessIdentity): Promise<void> {
  for (const { path, owner } of await scratches(cache)) {
    if (owner?.worker.pid !== worker.pid || owner.worker.startTime !== worker.startTime) continue;
    await removeScratch({ path, temporary: owner.temporary });
  }
  await removeOwners(cache, (owner) => owner.pid === worker.pid && owner.startTime === worker.startTime);
}

async function removeOwners(cache: Cache, which: (owner: LockOwner) => boolean): Promise<void> {
  for (const name of await readdir(cache.locks).catch(() => [])) {
    if (!name.endsWith(".owner")) continue;
    const file = join(cache.locks, name);
    const owner = readOwner(file);
    if (owner && owner.host === hostname() && which(owner)) await rm(file, { force: true });
  }
}

/**
 * Ends and removes what runs left behind that nobody could clean up after.
 *
 * @returns one sentence for each
 */
export async function cleanUpAbandoned(cache: Cache): Promise<string[]> {
  const messages: string[] = [];
  for (const { path, owner, age } of await scratches(cache)) {
    if (!owner) {
      if (age > UNOWNED_AGE_MS) await removeTree(path);
      continue;
    }
    if (owner.host !== hostname() ? age < FOREIGN_AGE_MS : isAlive(owner.worker)) continue;
    const ended =
      owner.ownSession && owner.marker && owner.host === hostname()
        ? await endAbandonedSession(owner.worker, `${RUN_MARKER}=${owner.marker}`)
        : 0;
    await removeScratch({ path, temporary: owner.temporary });
    messages.push(
      `removed what an interrupted build left behind: ${path}${ended ? `, and ended ${ended} of its processes` : ""}`,
    );
  }
  await removeOwners(cache, (owner) => !isAlive(owner));
  return messages;
}

/** What is in the cache's folder for them; nothing is known of the owner of one that names none, or in another form. */
async function scratches(cache: Cache): Promise<Array<{ path: string; owner?: ScratchOwner; age: number }>> {
  const names = await readdir(cache.scratch).catch(() => []);
  return Promise.all(
    names.map(async (name) => {
      const path = join(cache.scratch, name);
      const age = await lstat(path).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      );
      return { path, owner: await readScratchOwner(path), age };
    }),
  );
}

/** Who owns a scratch folder; nothing where it does not say, or is none. */
export async function readScratchOwner(path: string): Promise<ScratchOwner | undefined> {
  if (!(await isOwnFolder(path))) return undefined;
  try {
    const owner = JSON.parse(await readFile(join(path, OWNER_FILE), "utf8")) as ScratchOwner;
    const { worker, host, temporary } = owner;
    const whole = [worker.startTime, worker.boot, host, temporary].every((each) => typeof each === "string");
    return whole && Number.isInteger(worker.pid) ? owner : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Removes a tree, also where a bootstrap left files of the user ids that its user namespace maps, and where a build that
 * is being stopped removes it at the same time: then one of the two finds files gone that it has just seen.
 */
async function removeTree(path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await rm(path, { recursive: true, force: true });
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EACCES" || code === "EPERM") {
        const args = ["--user", "--map-root-user", "--map-auto", "rm", "-rf", "--", path];
        await promisify(execFile)("unshare", args, { env: toolEnvironment() });
        return;
      }
      if (attempt === 20) throw error;
      await sleep(50);
    }
  }
}
