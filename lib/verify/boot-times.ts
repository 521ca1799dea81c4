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

/** The times that the findings of a report tell, in the order in which a person meets them; none where it has none. */
export function bootTimes(findings: readonly Finding[]): BootTime[] {
  const read = (number: number, what: string, pattern: RegExp): BootTime[] => {
    const passed = findings.find((finding) => finding.number === number && finding.verdict === "pass");
    const [, seconds] = passed?.detail.match(pattern) ?? [];
    return seconds === undefined ? [] : [{ what, seconds: Number(seconds) }];
  };
  return [
    ...read(PORTS_AFTER_OWNER, "boot, until the owner exists", /\bowner (\d+\.\d) s/),
    ...read(PORTS_AFTER_OWNER, "boot, until guacd answers (4822)", /\b4822 (\d+\.\d) s/),
    ...read(PORTS_AFTER_OWNER, "boot, until the remote desktop answers (3389)", /\b3389 (\d+\.\d) s/),
    ...read(DESKTOP_BY_TOKEN, "log-in, until the desktop's first picture", /\bfirst picture after (\d+\.\d) s/),
  ];
}
