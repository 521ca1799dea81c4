/**
 * A lock between processes that cannot go stale: the kernel's, held by a helper child (flock(1)) that ends when its
 * standard input closes, which the kernel does whenever and however this process ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { ExitCode, VisaImageError } from "../../errors";
import { privateFolder, writePrivateFile } from "../host/private-files";
import { identify, type ProcessIdentity } from "./processes";
import { toolEnvironment } from "./tool-environment";

/** Exit code by which flock says that someone else has the lock. */
const CONFLICT = 75;

/** Who holds a lock. */
export interface LockOwner extends ProcessIdentity {
  readonly host: string;
  readonly user: string;
  readonly since: string;
}

/** A lock that is held. */
export interface FileLock {
  release(): Promise<void>;
}

const helpers = new Set<number>();

/** Processes that hold this process's locks: not to be ended with the tools. */
export function lockHelpers(): ReadonlySet<number> {
  return helpers;
}

/**
 * Takes the lock of that name in a folder of this user alone, which is made where it is missing.
 *
 * The lock file stays for ever (removing one races with those who wait for it) and says nothing by being there; the
 * `.owner` file beside it is there while the lock is held, to be named in messages.
 *
 * @param onWait called once where someone else has it
 */
export async function acquireLock(
  directory: string,
  name: string,
  onWait: (owner: LockOwner | undefined) => void,
): Promise<FileLock> {
  privateFolder(directory);
  const file = join(directory, `${name}.lock`);
  const ownerFile = join(directory, `${name}.owner`);
  let helper = await hold(file, ["--nonblock"]);
  if (!helper) {
    onWait(readOwner(ownerFile));
    helper = await hold(file, []);
  }
  const child = helper;
  const pid = child?.pid;
  if (!child || !pid) throw new VisaImageError(`cannot lock "${file}"`);
  const self = identify();
  if (!self) throw new VisaImageError("/proc is not mounted");
  const owner: LockOwner = {
    ...self,
    host: hostname(),
    user: userInfo().username,
    since: new Date().toISOString(),
  };
  try {
    writePrivateFile(ownerFile, JSON.stringify(owner));
  } catch {
    // On a full disk; it is only to be named in messages, and the lock is held without.
    rmSync(ownerFile, { force: true });
  }
  helpers.add(pid);
  return {
    async release() {
      rmSync(ownerFile, { force: true });
      const ended = new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) resolve(undefined);
        else child.once("exit", resolve);
      });
      child.stdin?.end();
      await ended;
      helpers.delete(pid);
    },
  };
}

/** Starts the helper; resolves once it has the lock, or with nothing where flock may not wait and another has it. */
function hold(file: string, options: string[]): Promise<ChildProcess | undefined> {
  // --no-fork: one process, which is the lock; a second one would keep it when the first is killed.
  const child = spawn(
    "flock",
    [
      "--exclusive",
      "--no-fork",
      "-E",
      String(CONFLICT),
      ...options,
      file,
      "sh",
      "-c",
      "echo held; exec cat >/dev/null",
    ],
    { stdio: ["pipe", "pipe", "pipe"], env: toolEnvironment() },
  );
  // It ends with its input whatever happens; it must not keep this process alive by itself.
  child.stdin.on("error", () => {});
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => reject(new VisaImageError(`cannot run "flock": ${cause.message}`, { cause })));
    child.once("exit", (code, signal) => {
      if (code === CONFLICT) resolve(undefined);
      else {
        const why = errors.trim() || `flock was ended by ${signal ?? `exit code ${code}`}`;
        reject(
          new VisaImageError(`cannot lock "${file}": ${why}`, {
            fix: "let VISA_IMAGE_CACHE name a folder that you may write to, on a disk of this machine: network file systems may know no locks",
            exitCode: ExitCode.USAGE,
          }),
        );
      }
    });
    child.stdout.once("data", () => resolve(child));
  });
}

/** Reads who holds a lock. */
export function readOwner(file: string): LockOwner | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as LockOwner;
  } catch {
    return undefined;
  }
}
