/**
 * How long a boot took, by a yardstick of the same boot, and what of it each unit took: what report.json keeps of a release,
 * and what the next one is compared with.
 */
import { BOOT_STEPS, type BootBudget, type BootStep } from "../boot-budget";
import { VisaImageError } from "../errors";
import { NotApplicable } from "./not-applicable";

/** Of what is measured, and how: boots of another version are not compared. */
export const BOOT_VERSION = 1;

/** Why nothing is compared where a stack says nothing. */
export const NO_BUDGET = "no budget is set (bootBudget)";

/** What the seconds of a comparison are. */
const WORTH = "at the speed of this machine, without what others took of it";

/** How many units a report keeps. */
const KEPT_UNITS = 30;

/** How many units are named as those that grew. */
const NAMED_UNITS = 5;

/** Seconds, by step; a step that did not come is left out. */
export type BootSeconds = Readonly<Partial<Record<BootStep, number>>>;

/** What `report.json` keeps of a boot. */
export interface BootReport {
  readonly version: number;
  /** How fast the machine was: {@link import("./instance/host-clock").HostClock.yardstickSeconds}. */
  readonly yardstickSeconds: number;
  readonly seconds: BootSeconds;
  /** The same without what others took on that machine: {@link import("./instance/host-clock").HostClock.ownSeconds}. */
  readonly ownSeconds: BootSeconds;
  /** These as multiples of the yardstick, which are compared. */
  readonly ratios: BootSeconds;
  /** The units that took longest to start, in seconds, the slowest first. */
  readonly units: Readonly<Record<string, number>>;
}

/** What a boot is compared with. */
export interface BootStandard {
  readonly budget: BootBudget;
  /** The release in use, by what is kept of it; or why there is nothing to compare with. */
  readonly inUse: KeptBoot | string;
}

/** A boot of before. */
export interface KeptBoot {
  /** Its 12 digits. */
  readonly release: string;
  readonly accelerator: string;
  readonly boot: BootReport;
}

/** A time, and what of it others did not take. */
export interface MeasuredTime {
  readonly seconds: number;
  readonly own: number;
}

/** A report of what was measured. */
export function bootReport(
  yardstickSeconds: number,
  units: ReadonlyMap<string, number>,
  times: Readonly<Partial<Record<BootStep, MeasuredTime>>>,
): BootReport {
  const each = (value: (time: MeasuredTime) => number): BootSeconds =>
    Object.fromEntries(
      BOOT_STEPS.flatMap((step) => {
        const time = times[step];
        return time ? [[step, rounded(value(time))]] : [];
      }),
    );
  const slowest = [...units].sort(([, a], [, b]) => b - a).slice(0, KEPT_UNITS);
  return {
    ...{ version: BOOT_VERSION, yardstickSeconds: rounded(yardstickSeconds) },
    seconds: each(({ seconds }) => seconds),
    ownSeconds: each(({ own }) => own),
    ratios: each(({ own }) => own / yardstickSeconds),
    units: Object.fromEntries(slowest.map(([unit, seconds]) => [unit, rounded(seconds)])),
  };
}

/** The properties of units that {@link unitSeconds} reads. */
const TIMESTAMPS = [
  "InactiveExitTimestampMonotonic",
  "ActiveEnterTimestampMonotonic",
  "InactiveEnterTimestampMonotonic",
];

/**
 * Asks systemd for all units at once: `systemd-analyze blame` says nothing before the boot has ended. `--all`: one that has
 * done its work is inactive.
 */
export const SHOW_UNITS = `systemctl show --all '*.service' '*.mount' --property=Id,${TIMESTAMPS.join(",")}`;

/** How long each unit took to start, as `systemd-analyze blame` counts it, of what {@link SHOW_UNITS} printed. */
export function unitSeconds(shown: string): Map<string, number> {
  const units = shown.split(/\n{2,}/).flatMap((block): [string, number][] => {
    const values = new Map(block.split("\n").map((line) => line.split("=", 2) as [string, string]));
    const [began = 0, active = 0, ended = 0] = TIMESTAMPS.map((name) => Number(values.get(name) ?? 0));
    // One that does its work and ends is never active.
    const there = active >= began ? active : ended;
    const id = values.get("Id");
    return id && began > 0 && there > began ? [[id, (there - began) / 1e6]] : [];
  });
  return new Map(units);
}

/**
 * Compares a boot with the release in use.
 *
 * @returns what was seen, in words
 * @throws NotApplicable where there is nothing to compare with
 * @throws VisaImageError where a step is over its budget: by how much, and which units grew
 */
export function compareBoots(boot: BootReport, accelerator: string, { budget, inUse }: BootStandard): string {
  if (typeof inUse === "string") throw new NotApplicable(inUse);
  const { release, boot: before } = inUse;
  if (before.version !== boot.version) {
    throw new NotApplicable(`the release in use (${release}) was measured by another version of this package`);
  }
  if (inUse.accelerator !== accelerator) {
    throw new NotApplicable(
      `the release in use (${release}) was measured with ${inUse.accelerator}, and this is ${accelerator}`,
    );
  }
  const compared = BOOT_STEPS.flatMap((step) => {
    const [share, ratio, kept] = [budget[step], boot.ratios[step], before.ratios[step]];
    if (share === undefined || ratio === undefined || !kept) return [];
    const [now, was] = [ratio, kept].map((each) => `${(each * boot.yardstickSeconds).toFixed(1)} s`);
    const change = Math.round((ratio / kept - 1) * 100);
    const words = `${step} ${now}, was ${was} (${change < 0 ? "−" : "+"}${Math.abs(change)} %, allowed +${Math.round(share * 100)} %)`;
    return [{ over: ratio > kept * (1 + share), words }];
  });
  if (compared.length === 0)
    throw new NotApplicable(`nothing of the budget is known of the release in use (${release})`);
  const over = compared.filter((each) => each.over);
  if (over.length === 0) return `release ${release} in use: ${compared.map(({ words }) => words).join("; ")}; ${WORTH}`;
  const grown = grownUnits(boot, before);
  throw new VisaImageError(
    `slower than the release in use (${release}): ${over.map(({ words }) => words).join("; ")}; ` +
      `${grown.length > 0 ? `units that grew: ${grown.join(", ")}` : "none of the units that are kept grew"}; ${WORTH}`,
  );
}

/** Seconds of a clock for each of the yardstick's: systemd knows nothing of what others took. */
function stretch({ seconds, ratios }: BootReport): number {
  const step = BOOT_STEPS.find((each) => seconds[each] !== undefined && ratios[each]);
  return step ? (seconds[step] ?? 1) / (ratios[step] ?? 1) : 1;
}

/** The units that took longer than before, each scaled as its whole boot, the largest growth first. */
export function grownUnits(boot: BootReport, before: BootReport): string[] {
  const scale = stretch(boot) / stretch(before);
  // What is not among the slowest took no longer than the last of them.
  const least = Math.min(...Object.values(before.units), Number.POSITIVE_INFINITY);
  const grown = Object.entries(boot.units).map(([unit, seconds]) => {
    const kept = before.units[unit];
    const growth = seconds - (kept ?? (Number.isFinite(least) ? least : 0)) * scale;
    return {
      growth,
      words: `${unit} ${seconds.toFixed(1)} s (${kept === undefined ? "new among the slowest" : `was ${(kept * scale).toFixed(1)} s`})`,
    };
  });
  const most = Math.max(...grown.map(({ growth }) => growth), 0);
  return grown
    .filter(({ growth }) => growth > most / 10)
    .sort((a, b) => b.growth - a.growth)
    .slice(0, NAMED_UNITS)
    .map(({ words }) => words);
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
