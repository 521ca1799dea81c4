/** Times Packer and qemu-img, whoever starts them: by programs of these names that stand before them on PATH. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const TOOLS = ["packer", "qemu-img"] as const;

/** From when to when, in seconds since 1970. */
export type Span = readonly [from: number, to: number];

/** A folder of such programs, and what they noted. */
export class Stopwatch {
  private readonly notes: string;

  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
    this.notes = join(folder, "notes");
    for (const tool of TOOLS) {
      const program = execFileSync("which", [tool], { encoding: "utf8" }).trim();
      // Paths stand in the text: a runner hands on few variables.
      const text = `#!/bin/bash
begin=$EPOCHREALTIME
${program} "$@"
code=$?
echo "${tool} $begin $EPOCHREALTIME" >>'${this.notes}'
exit $code
`;
      writeFileSync(join(folder, tool), text, { mode: 0o755 });
    }
  }

  /** A PATH that leads to these programs first. */
  path(own: string): string {
    return `${this.folder}${delimiter}${own}`;
  }

  /** When one of them ran since the last call, in order; what overlaps is one. */
  read(): Span[] {
    if (!existsSync(this.notes)) return [];
    const spans = readFileSync(this.notes, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(" ").slice(1).map(Number) as [number, number])
      .sort(([a], [b]) => a - b);
    rmSync(this.notes);
    const merged: [number, number][] = [];
    for (const [from, to] of spans) {
      const last = merged.at(-1);
      if (last && from <= last[1]) last[1] = Math.max(last[1], to);
      else merged.push([from, to]);
    }
    return merged;
  }
}

/** Seconds that spans take, as far as they lie within another one. */
export function secondsOf(spans: readonly Span[], [begin, end]: Span = [0, Number.POSITIVE_INFINITY]): number {
  return spans.reduce((sum, [from, to]) => sum + Math.max(0, Math.min(to, end) - Math.max(from, begin)), 0);
}
