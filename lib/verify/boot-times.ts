/**
 * When an instance became usable, in the words of a report's details: what the checks write, and what is read from them
 * again, also from reports that are kept.
 */
import type { Finding } from "./verify-report";

/** Assertions whose details say how long something took. */
const PORTS_AFTER_OWNER = 12;
const DESKTOP_BY_TOKEN = 17;

/** Seconds since the kernel started; undefined for what never came. */
export interface BootEvents {
  readonly owner?: number;
  readonly "3389"?: number;
  readonly "4822"?: number;
}

/** A time that a report tells. */
export interface BootTime {
  readonly what: string;
  readonly seconds: number;
}

/** The detail of the assertion that the ports open after the owner exists. */
export function describeBootEvents({ owner, "3389": rdp, "4822": guacd }: BootEvents): string {
  const seconds = (time?: number) => (time === undefined ? "not open" : `${time.toFixed(1)} s`);
  return `since the boot: owner ${seconds(owner)}, 3389 ${seconds(rdp)}, 4822 ${seconds(guacd)}`;
}

/** The end of the detail of the assertion that a token opens the desktop. */
export function describeFirstPicture(seconds: number): string {
  return `first picture after ${seconds.toFixed(1)} s`;
}

/** The seconds of {@link BootEvents} that the findings of a report tell, by event; none where it has none. */
export function bootEvents(findings: readonly Finding[]): Map<string, number> {
  const times = [...passedDetail(findings, PORTS_AFTER_OWNER).matchAll(/(\w+) (\d+(?:\.\d+)?) s\b/g)];
  return new Map(times.map(([, event = "", seconds]) => [event, Number(seconds)]));
}

/** The times that the findings of a report tell, in the order in which a person meets them; none where it has none. */
export function bootTimes(findings: readonly Finding[]): BootTime[] {
  const events = bootEvents(findings);
  const picture = /\bfirst picture after (\d+\.\d) s/.exec(passedDetail(findings, DESKTOP_BY_TOKEN))?.[1];
  const told: [string, number | undefined][] = [
    ["boot, until the owner exists", events.get("owner")],
    ["boot, until guacd answers (4822)", events.get("4822")],
    ["boot, until the remote desktop answers (3389)", events.get("3389")],
    ["log-in, until the desktop's first picture", picture === undefined ? undefined : Number(picture)],
  ];
  return told.flatMap(([what, seconds]) => (seconds === undefined ? [] : [{ what, seconds }]));
}

function passedDetail(findings: readonly Finding[], number: number): string {
  return findings.find((finding) => finding.number === number && finding.verdict === "pass")?.detail ?? "";
}
