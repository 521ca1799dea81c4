/** Times Packer and qemu-img, whoever starts them: by programs of these names that stand before them on PATH. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const TOOLS = ["packer", "qemu-img"] as const;

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

  /** Seconds in which one of them ran since the last call; where two ran at once, once. */
  read(): number {
    if (!existsSync(this.notes)) return 0;
    const spans = readFileSync(this.notes, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(" ").slice(1).map(Number) as [number, number])
      .sort(([a], [b]) => a - b);
    rmSync(this.notes);
    let end = 0;
    let seconds = 0;
    for (const [from, to] of spans) {
      seconds += Math.max(0, to - Math.max(from, end));
      end = Math.max(end, to);
    }
    return seconds;
  }
}
