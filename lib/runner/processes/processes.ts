/**
 * Processes as /proc shows them: who lives, in which session, and how to end a whole session.
 *
 * A build runs in a session of its own, so that one number names everything it started, whoever its parent is by then.
 */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** What /proc/PID/stat says of a process. */
export interface ProcessInfo {
  readonly pid: number;
  readonly name: string;
  /** `Z` is a zombie: ended, but not yet fetched by its parent. */
  readonly state: string;
  /** Whether the kernel is taking it apart: its environment is gone, its memory and its ports may not be. */
  readonly ending: boolean;
  readonly parent: number;
  readonly session: number;
  /** In clock ticks since boot: with the pid it names one process for good. */
  readonly startTime: string;
}

/** One process, named so that a later one with the same pid is not taken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
  /** Pids of another boot mean nothing. */
  readonly boot: string;
}

/** Of a process's flags; see include/linux/sched.h. */
const PF_EXITING = 0x4;

/** Reads a process, `undefined` where there is none. */
export function processInfo(pid: number): ProcessInfo | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may hold any character, a parenthesis too.
  const end = stat.lastIndexOf(")");
  const fields = stat.slice(end + 2).split(" ");
  return {
    pid,
    name: stat.slice(stat.indexOf("(") + 1, end),
    state: fields[0] ?? "?",
    ending: (Number(fields[6]) & PF_EXITING) !== 0,
    parent: Number(fields[1]),
    session: Number(fields[3]),
    startTime: fields[19] ?? "",
  };
}

/** Names this process, or another one that lives. */
export function identify(pid: number = process.pid): ProcessIdentity | undefined {
  const info = processInfo(pid);
  return info && { pid, startTime: info.startTime, boot: bootId() };
}

/** Whether exactly this process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  const info = processInfo(identity.pid);
  return (
    info !== undefined && info.state !== "Z" && info.startTime === identity.startTime && identity.boot === bootId()
  );
}

/** All processes of a session that have not ended. */
export function sessionMembers(session: number): ProcessInfo[] {
  const members: ProcessInfo[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const info = processInfo(Number(entry));
    if (info && info.session === session && info.state !== "Z") members.push(info);
  }
  return members;
}

/** Options of {@link endSession}. */
export interface EndSessionOptions {
  /** Processes to leave alone. */
  readonly except?: ReadonlySet<number>;
  /** How long they may take to end by themselves before SIGKILL. @default 5000 */
  readonly graceMs?: number;
}

/**
 * Ends every process of a session: SIGTERM, and SIGKILL for what is left after the grace. Returns when none is left,
 * with the number of those that were found.
 */
export async function endSession(session: number, options: EndSessionOptions = {}): Promise<number> {
  const { except = new Set<number>(), graceMs = 5000 } = options;
  // Not the time of day, which may jump meanwhile.
  const deadline = performance.now() + graceMs;
  const asked = new Set<string>();
  // Long enough for the kernel to tear down a QEMU of many GiB, and an end for what hangs in the kernel for good.
  const giveUp = deadline + 20_000;
  for (;;) {
    const left = sessionMembers(session).filter(({ pid }) => !except.has(pid) && pid !== process.pid);
    if (left.length === 0 || performance.now() > giveUp) return asked.size;
    const kill = performance.now() >= deadline;
    for (const { pid, startTime } of left) {
      const key = `${pid} ${startTime}`;
      // TERM only once: a second one makes some programs give up their clean-up.
      if (!kill && asked.has(key)) continue;
      asked.add(key);
      signal(pid, kill ? "SIGKILL" : "SIGTERM");
      // A stopped process takes its SIGTERM only once it runs again.
      if (!kill) signal(pid, "SIGCONT");
    }
    await sleep(25);
  }
}

/**
 * Ends what a dead worker left of its session. The session's number may belong to others by now, so a member counts
 * only where it is marked as that run's.
 */
export async function endAbandonedSession(worker: ProcessIdentity, marker: string): Promise<number> {
  if (worker.boot !== bootId() || isAlive(worker)) return 0;
  const foreign = new Set(
    sessionMembers(worker.pid)
      .filter(({ pid }) => !isMarked(pid, marker))
      .map(({ pid }) => pid),
  );
  return endSession(worker.pid, { except: foreign });
}

/**
 * Whether a process's environment holds an entry. One that is ending has no environment to be told by: it counts until
 * it is gone, and no signal harms it.
 */
export function isMarked(pid: number, entry: string): boolean {
  return environmentHolds(pid, entry) || processInfo(pid)?.ending === true;
}

function environmentHolds(pid: number, entry: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(entry);
  } catch {
    return false;
  }
}

/** The ancestors of this process, nearest first. */
export function ancestors(pid: number = process.pid): ProcessInfo[] {
  const result: ProcessInfo[] = [];
  for (let info = processInfo(pid); info && info.parent > 0; ) {
    info = processInfo(info.parent);
    if (!info) break;
    result.push(info);
  }
  return result;
}

/** Sends a signal; a process that has ended meanwhile is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Ended already, or not ours: the caller looks again.
  }
}

let boot: string | undefined;

/** The kernel's name for this boot of the machine. */
export function bootId(): string {
  boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  return boot;
}
