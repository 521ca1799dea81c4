/** A lock of the kernel's, held by flock(1): it can't go stale, since it ends with whoever holds it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { VisaImageError } from "../../lib/errors";

/** Runs `work` while nobody else holds the lock `file`. */
export async function withLock<T>(file: string, waitSeconds: number, work: () => Promise<T>): Promise<T> {
  // cat says "locked" back, and ends when its input is closed, be it by us or by our death.
  const holder = spawn("flock", ["--wait", String(waitSeconds), "--conflict-exit-code", "75", file, "cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(holder, "exit") as Promise<[number | null]>;
  ended.catch(() => undefined);
  holder.stdin.on("error", () => undefined);
  holder.stdin.write("locked\n");
  const locked = await Promise.race([once(holder.stdout, "data").then(() => true), ended.then(() => false)]);
  if (!locked) {
    const [code] = await ended;
    throw code === 75
      ? new VisaImageError(`another command is at work on the cloud, and did not end within ${waitSeconds} s`)
      : new VisaImageError(`cannot lock "${file}" (flock: exit status ${code})`);
  }
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
