/**
 * What says of a server, an image, an address or a group that it is a build's, and whose: so that whoever comes after a
 * SIGKILL can tell what is left over.
 */
import { readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { identify, isAlive, type ProcessIdentity } from "../processes/processes";

/** The property or metadata of servers and images that has the mark; elsewhere it is the description. */
export const MARK_PROPERTY = "visa_build";

/** How the names of what builds make begin. */
export const BUILD_PREFIX = "visa-build-";

/** Clocks differ, and a build that is given up takes a while to clean up. In milliseconds. */
const GRACE_MS = 30 * 60_000;

/** Who builds, and until when. */
export interface BuildMark {
  readonly host: string;
  /** Pids of another one mean nothing. */
  readonly namespace: string;
  readonly worker: ProcessIdentity;
  /** When the build is given up at the latest: RFC 3339. */
  readonly until: string;
}

/** The mark of a build by this process. @param until when it is given up at the latest */
export function markOf(until: Date): BuildMark {
  const worker = identify();
  if (!worker) throw new Error("/proc is not mounted");
  return { host: hostname(), namespace: pidNamespace(), worker, until: until.toISOString() };
}

/** A mark as text: 255 characters are the most that Nova, Neutron and Glance take. */
export function writeMark({ host, namespace, worker, until }: BuildMark): string {
  const { pid, startTime, boot } = worker;
  return ["visa-build", host, namespace, pid, startTime, boot, until].join(" ");
}

/** Undefined for what is no mark. */
export function readMark(text: unknown): BuildMark | undefined {
  if (typeof text !== "string") return undefined;
  const [, host, namespace, pid, startTime, boot, until] =
    /^visa-build (\S+) (\S+) (\d+) (\d+) (\S+) (\S+)$/.exec(text) ?? [];
  if (!host || !namespace || !startTime || !boot || !until || Number.isNaN(Date.parse(until))) return undefined;
  return { host, namespace, worker: { pid: Number(pid), startTime, boot }, until };
}

/** Whether nobody works on it any more: its process has ended on this machine, or its time is over. */
export function isAbandoned(mark: BuildMark, now = Date.now()): boolean {
  const isHere = mark.host === hostname() && mark.namespace === pidNamespace();
  return (isHere && !isAlive(mark.worker)) || now > Date.parse(mark.until) + GRACE_MS;
}

function pidNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "pid:[]";
  }
}
