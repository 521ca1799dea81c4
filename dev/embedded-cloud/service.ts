/**
 * A service of the embedded cloud: a process in a session of its own, told from all others by that session and by a
 * random token in its environment, so that only what was started here is ever signalled, whatever number the kernel
 * has given to whom since.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  bootId,
  isMarked,
  type ProcessInfo,
  processInfo,
  sessionMembers,
  signal,
} from "../../lib/runner/processes/processes";

/**
 * Runs a command and, when it ends without having been asked to, writes its exit status to a file. It passes SIGTERM
 * on, and sweeps up what the command leaves behind in its process group.
 */
const SUPERVISOR = `
ended=$1; shift
asked=
# Job control gives the child a process group of its own.
set -m
"$@" &
child=$!
set +m
trap 'asked=1; kill -TERM "$child" 2>/dev/null' TERM
while :; do
  wait "$child"; code=$?
  kill -0 "$child" 2>/dev/null || break
done
[ -n "$asked" ] || echo "$code" >"$ended"
kill -KILL -- "-$child" 2>/dev/null
`;

const TOKEN = "VISA_EMBEDDED_CLOUD_TOKEN";

/** What is remembered of a started service, in `run/NAME.json`. */
interface ServiceRecord {
  /** The process id that its session has too: the supervisor's, or that of the program that entered a namespace for it. */
  readonly pid: number;
  /** Its start, in clock ticks since boot. */
  readonly startTime: string;
  readonly bootId: string;
  readonly token: string;
  /** Whether its supervisor is the child of a program that entered a namespace. @default false */
  readonly entered?: boolean;
}

/** State of a service's processes. */
export type ProcessState =
  /** Never started, or stopped by us. */
  | { readonly state: "stopped" }
  /** `pid` is the service's main process, `pids` are all of them, the supervisor included. */
  | { readonly state: "running"; readonly pid: number; readonly pids: readonly number[] }
  /** It ended without having been asked to; `pids` are what it left behind. */
  | { readonly state: "crashed"; readonly message: string; readonly pids: readonly number[] };

/** One service: how it is started, found, and stopped. */
export class Service {
  /** Output of the service. */
  readonly log: string;
  private readonly recordFile: string;
  private readonly endedFile: string;

  constructor(
    readonly name: string,
    folder: string,
  ) {
    this.log = join(folder, "log", `${name}.log`);
    this.recordFile = join(folder, "run", `${name}.json`);
    this.endedFile = join(folder, "run", `${name}.ended`);
  }

  /**
   * Starts it; the caller has made sure that it isn't running. The log of the run before is kept as `.1`.
   *
   * @param enter the command by which it enters namespaces, its supervisor included. @default - it stays where it is
   */
  async start(
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
    enter: readonly string[] = [],
  ): Promise<void> {
    await rm(this.endedFile, { force: true });
    await rename(this.log, `${this.log}.1`).catch(() => undefined);
    const token = randomUUID();
    const log = openSync(this.log, "a", 0o600);
    const supervised = [...enter, "bash", "-c", SUPERVISOR, `visa-${this.name}`, this.endedFile, ...command];
    const child = spawn(supervised[0] as string, supervised.slice(1), {
      cwd: "/",
      detached: true,
      env: { ...environment, [TOKEN]: token },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    await new Promise<void>((started, failed) => {
      child.once("spawn", started);
      child.once("error", failed);
    });
    child.unref();
    const pid = child.pid as number;
    const record: ServiceRecord = {
      pid,
      startTime: processInfo(pid)?.startTime ?? "",
      bootId: bootId(),
      token,
      entered: enter.length > 0,
    };
    await writeFile(this.recordFile, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  }

  /** Looks at its processes. */
  async inspect(): Promise<ProcessState> {
    const record = await this.record();
    if (!record) return { state: "stopped" };
    const members = this.members(record);
    const pids = members.map((member) => member.pid);
    const ended = await this.endedMessage();
    if (!ended && pids.includes(record.pid)) {
      // A supervisor without a child has only just begun, or is about to write how the child ended.
      const supervisor = supervisorOf(record, members);
      const main = members.find((member) => member.parent === supervisor);
      return { state: "running", pid: main?.pid ?? record.pid, pids };
    }
    if (ended) return { state: "crashed", message: ended, pids };
    // After a restart of the machine nothing has crashed.
    if (record.bootId !== bootId()) return { state: "stopped" };
    return { state: "crashed", message: `${this.name} is gone without a trace (killed with its supervisor)`, pids };
  }

  /**
   * Ends its processes: politely, then after `patienceMs` by SIGKILL.
   * @returns whether anything had to be ended
   */
  async stop(patienceMs = 8000): Promise<boolean> {
    const record = await this.record();
    if (!record) return false;
    let members = this.members(record);
    const anything = members.length > 0;
    const supervisor = supervisorOf(record, members);
    // The supervisor passes it on; without one, everybody is asked.
    for (const { pid } of members) if (supervisor === undefined || pid === supervisor) signal(pid, "SIGTERM");
    for (const deadline = Date.now() + patienceMs; members.length > 0 && Date.now() < deadline; ) {
      await sleep(50);
      members = this.members(record);
    }
    while (members.length > 0) {
      for (const { pid } of members) signal(pid, "SIGKILL");
      await sleep(20);
      members = this.members(record);
    }
    await rm(this.recordFile, { force: true });
    await rm(this.endedFile, { force: true });
    return anything;
  }

  /** The last lines of its log. */
  async lastLines(count = 8): Promise<string> {
    const text = await readFile(this.log, "utf8").catch(() => "");
    return text.trimEnd().split("\n").slice(-count).join("\n");
  }

  private async record(): Promise<ServiceRecord | undefined> {
    try {
      return JSON.parse(await readFile(this.recordFile, "utf8")) as ServiceRecord;
    } catch {
      return undefined;
    }
  }

  private async endedMessage(): Promise<string | undefined> {
    const code = await readFile(this.endedFile, "utf8").catch(() => undefined);
    // Empty: it is being written.
    if (!code) return undefined;
    const when = (await stat(this.endedFile)).mtime.toISOString();
    return `${this.name} ended by itself at ${when} (${describeExit(Number(code))}); its log: ${this.log}`;
  }

  private members(record: ServiceRecord): ProcessInfo[] {
    return sessionMembers(record.pid).filter(
      ({ pid, startTime }) =>
        (pid !== record.pid || startTime === record.startTime) && isMarked(pid, `${TOKEN}=${record.token}`),
    );
  }
}

function supervisorOf({ pid, entered }: ServiceRecord, members: readonly ProcessInfo[]): number | undefined {
  return members.find((member) => (entered ? member.parent === pid : member.pid === pid))?.pid;
}

/** An exit status as a shell reports it, in words. */
export function describeExit(code: number): string {
  const name = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  if (name === "SIGKILL") return "killed by SIGKILL; out of memory?";
  return name ? `killed by ${name}` : `exit status ${code}`;
}
