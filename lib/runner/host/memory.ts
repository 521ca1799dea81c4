/**
 * What was found out about a file and takes long to find out, kept beside it: for an hour of this boot of the machine (by
 * its clock that does not jump), and for as long as nobody has written to the file, which its change time tells.
 */
import { readFileSync, statSync } from "node:fs";
import { uptime } from "node:os";
import { writePrivateFile } from "../host/private-files";
import { bootId } from "../processes/processes";

const MEMORY_SECONDS = 3600;

/** What is remembered about a file; nothing where that does not hold any more. @param note where it was kept */
export function recall(note: string, file: string): string | undefined {
  try {
    const { state, time, finding } = JSON.parse(readFileSync(note, "utf8")) as Record<string, unknown>;
    const age = uptime() - Number(time);
    const holds = state === stateOf(file) && age >= 0 && age < MEMORY_SECONDS;
    return holds && typeof finding === "string" ? finding : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Remembers a finding about a file, where the note can be written.
 *
 * @param state what {@link stateOf} said before it was found out: what is written to the file meanwhile is then seen
 */
export function remember(note: string, state: string, finding: string): void {
  try {
    writePrivateFile(note, JSON.stringify({ state, time: uptime(), finding }));
  } catch {
    // Found out again the next time.
  }
}

/** Which file it is, in which boot, and when it was changed last. */
export function stateOf(file: string): string {
  const { dev, ino, size, ctimeNs } = statSync(file, { bigint: true });
  return [bootId(), dev, ino, size, ctimeNs].join(" ");
}
