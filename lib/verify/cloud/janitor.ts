/**
 * Removes a test instance of a command that was killed: Terraform kills what it runs at the first Ctrl-C, and nobody else
 * knows what was made. A process in a session of its own, which reads the instances' names from the command, and does its work
 * where that ends without a word.
 */
import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServerServices } from "../../cloud/cloud";
import { removeNamed } from "../../cloud/removal";

/** What the command says last. */
const ALL_IS_REMOVED = ".";
/** A request that was on its way when the command was killed may still make something. */
const LATE_MS = 5000;

/** The command's end. */
export class Janitor {
  private constructor(private readonly told: Writable) {}

  /** @param command the program and its arguments that call {@link runJanitor} */
  static start([program, ...args]: readonly [string, ...string[]]): Janitor {
    const child = spawn(program, args, { detached: true, stdio: ["pipe", "ignore", "ignore"] });
    child.on("error", () => {});
    child.stdin.on("error", () => {});
    child.unref();
    (child.stdin as Writable & { unref?: () => void }).unref?.();
    return new Janitor(child.stdin);
  }

  /** Tells it of an instance that is about to be made. */
  expect(name: string): void {
    this.told.write(`${name}\n`);
  }

  /** All is removed: it goes home. */
  dismiss(): void {
    this.told.end(`${ALL_IS_REMOVED}\n`);
  }
}

/**
 * The janitor's own end.
 *
 * @param log a file for what it did, and for what it could not do
 * @param lateMs how long it waits for what may still be made
 */
export async function runJanitor(
  told: Readable,
  connect: () => Promise<ServerServices>,
  log: string,
  lateMs = LATE_MS,
): Promise<void> {
  let text = "";
  for await (const chunk of told) text += chunk;
  const names = text.split("\n").filter(Boolean);
  if (names.includes(ALL_IS_REMOVED) || names.length === 0) return;
  await sleep(lateMs);
  const note = (words: string) => appendFileSync(log, `${new Date().toISOString()} ${words}\n`);
  for (const name of names) {
    try {
      await removeNamed(await connect(), name);
      note(`removed what was left of "${name}"`);
    } catch (error) {
      note(`"${name}" could not be removed: ${(error as Error).message}`);
    }
  }
}
