/**
 * What a boot's time is worth on this machine: what a busy machine takes from it, and how fast the machine is. Neither
 * depends on the image (docs/decisions/boot-budget.md).
 */
import { readdirSync, readFileSync } from "node:fs";

/** How often it is looked at, in milliseconds: between two looks what is taken grows evenly. */
const LOOK_MS = 500;

/** Rounds of the yardstick's loop at each look, a millisecond or two, and those that it is told for. */
const ROUNDS = 1_000_000;
const TOLD_ROUNDS = 1_000_000_000;

/** A look: when, in milliseconds of `performance.now()`, and what each thread had waited by then, in nanoseconds. */
export interface Look {
  readonly at: number;
  readonly waited: ReadonlyMap<string, number>;
}

/** Watches a QEMU that was started with `-name debug-threads=on`. {@link HostClock.stop} it. */
export class HostClock {
  private readonly looks: Look[] = [];
  private readonly loops: number[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly pid: number) {
    this.timer = setInterval(() => {
      this.look();
      this.loops.push(loopSeconds());
    }, LOOK_MS).unref();
  }

  /**
   * The seconds between two moments of `performance.now()`, less those in which the guest's processors were ready to run and
   * got none of this machine. Linux counts these for each thread; where it does not, none are taken off.
   */
  ownSeconds(from: number, to: number): number {
    this.look();
    return (to - from) / 1000 - mostWaited(this.looks, from, to) / 1e9;
  }

  /** How long this machine's processors take for a thousand million rounds of a loop, in seconds of their own. */
  yardstickSeconds(): number {
    const sorted = [...this.loops, loopSeconds()].sort((a, b) => a - b);
    return ((sorted[sorted.length >> 1] ?? 0) * TOLD_ROUNDS) / ROUNDS;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const tasks = `/proc/${this.pid}/task`;
    try {
      const waited = readdirSync(tasks).flatMap((task): [string, number][] => {
        if (!/^CPU \d/.test(readFileSync(`${tasks}/${task}/comm`, "utf8"))) return [];
        return [[task, Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[1])]];
      });
      if (waited.length > 0) this.looks.push({ at: performance.now(), waited: new Map(waited) });
    } catch {
      // It has ended, or the kernel does not count.
    }
  }
}

/** What the thread that waited most has waited between two moments, in nanoseconds: the others waited beside it. */
export function mostWaited(looks: readonly Look[], from: number, to: number): number {
  const threads = looks.at(-1)?.waited.keys() ?? [];
  return Math.max(0, ...[...threads].map((thread) => waitedBy(looks, thread, to) - waitedBy(looks, thread, from)));
}

/** What a thread had waited by a moment: nothing before it was there, and no more after the last look. */
function waitedBy(looks: readonly Look[], thread: string, at: number): number {
  const next = looks.findIndex((look) => look.at >= at);
  const after = looks[next];
  const before = looks[next - 1];
  if (!after) return looks.at(-1)?.waited.get(thread) ?? 0;
  const [less, more] = [before?.waited.get(thread) ?? 0, after.waited.get(thread) ?? 0];
  return before ? less + ((more - less) * (at - before.at)) / (after.at - before.at) : less;
}

/** Seconds of processor that the loop takes; whoever interrupts it takes none of these. */
function loopSeconds(): number {
  const before = process.cpuUsage();
  let value = 1;
  for (let round = 0; round < ROUNDS; round++) value = (Math.imul(value, 1_103_515_245) + 12_345) | 0;
  const { user, system } = process.cpuUsage(before);
  // The value is looked at, so that the loop is done.
  return (user + system) / 1e6 + (value === 0 ? Number.EPSILON : 0);
}
