/** The log of one build: every line of every tool, masked, with its time, in a file that stays. */
import { closeSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { openPrivateLog, privateFolder } from "../host/private-files";

/** So many of the last lines are kept for the message of a failure. */
const TAIL = 400;
/** So much of each. */
const TAIL_LINE = 4096;

/**
 * Writes a log file and remembers its last lines. Lines are masked by whoever hands them over.
 *
 * It writes synchronously: nothing piles up in memory when a tool prints faster than the disk takes it, and the last
 * line is there even after a SIGKILL.
 */
export class BuildLog {
  private readonly file: number;
  private readonly lines: string[] = [];

  constructor(readonly path: string) {
    privateFolder(dirname(path));
    // For its owner only: masking knows the secrets of the build, not whatever else a script prints.
    this.file = openPrivateLog(path);
  }

  /** Adds a line. */
  write(line: string): void {
    // A copy: a piece of a text holds on to the whole of it.
    this.lines.push(Buffer.from(line.slice(0, TAIL_LINE)).toString());
    if (this.lines.length > 2 * TAIL) this.lines.splice(0, TAIL);
    try {
      writeSync(this.file, `${new Date().toISOString()} ${line}\n`);
    } catch {
      // On a full disk the tool that fails says so; its error must not be hidden by ours.
    }
  }

  /** The last lines, oldest first. */
  tail(count: number = TAIL): string[] {
    return this.lines.slice(-count);
  }

  /** Closes the file. */
  close(): void {
    closeSync(this.file);
  }
}
