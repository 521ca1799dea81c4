/** What differs between two images, from what is written down of each: no build, no boot, no disk. Pure. */

import { BOOT_STEPS } from "../boot-budget";
import { compareDebianVersions } from "../debian-version";
import { type BillPackage, packageKey } from "../runner/guest/read-sbom";
import { bootEvents } from "../verify/boot-times";
import type { Finding } from "../verify/verify-report";
import { comparePythonVersions } from "./python-version";
import type { Side } from "./side";

/** How something differs; `changed` where there is no order. */
export type ChangeKind = "added" | "gone" | "up" | "down" | "changed";

/** One thing that differs. */
export interface Change {
  readonly kind: ChangeKind;
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
  /** Template of the layer that brought it, or had it. */
  readonly layer?: string;
}

/** What differs of one sort, in one place. */
export interface Section {
  /** What it is about: `packages in /opt/jupyter`. */
  readonly title: string;
  /** What one of them is called, and several. */
  readonly noun: readonly [string, string];
  readonly changes: readonly Change[];
}

/** Something that is measured: it differs a little with each build, and is not counted. */
export interface Measure {
  readonly name: string;
  /** `times`: multiples of a yardstick, so that boots of two days can be compared. */
  readonly unit: "bytes" | "seconds" | "times";
  readonly before?: number;
  readonly after?: number;
}

/** What {@link compareSides} found. */
export interface Difference {
  readonly version: 1;
  /** One line that says whether there is anything to look at. */
  readonly headline: string;
  readonly a: Pick<Side, "title" | "template" | "fingerprint" | "built">;
  readonly b: Pick<Side, "title" | "template" | "fingerprint" | "built">;
  /** Only those in which something differs. */
  readonly sections: readonly Section[];
  readonly measures: readonly Measure[];
  /** What one of the two does not say. */
  readonly notCompared: readonly { readonly what: string; readonly why: string }[];
}

const PACKAGES = ["package", "packages"] as const;

/** Compares two images: what is new, gone or other in `b`. */
export function compareSides(a: Side, b: Side): Difference {
  const notCompared: { what: string; why: string }[] = [];
  const sections = [
    ...packageSections(a, b, notCompared),
    ...contentSections(a, b, notCompared),
    ...reportSections(a, b, notCompared),
  ].filter(({ changes }) => changes.length > 0);
  const about = ({ title, template, fingerprint, built }: Side) => ({ title, template, fingerprint, built });
  return {
    version: 1,
    headline: headline(sections, notCompared),
    a: about(a),
    b: about(b),
    sections,
    measures: measures(a, b),
    notCompared,
  };
}

type Missing = { what: string; why: string }[];

function packageSections(a: Side, b: Side, missing: Missing): Section[] {
  if (!a.bill || !b.bill) {
    const why = [a, b]
      .flatMap(({ noBill, bill, title }) => (bill ? [] : `${title}: ${noBill ?? "no bill"}`))
      .join("; ");
    missing.push({ what: "packages", why });
    return [];
  }
  const [before, after] = [a.bill, b.bill];
  const knowsAll = before.contents !== undefined && after.contents !== undefined;
  if (!knowsAll) missing.push({ what: "packages of pip, uv and conda", why: older(a, b) });
  const shown = (each: BillPackage) => knowsAll || each.type === "deb";
  const places = new Set([...before.packages, ...after.packages].filter(shown).map(({ environment }) => environment));
  return [...places].sort().map((place): Section => {
    const of = (packages: readonly BillPackage[]) =>
      new Map(
        packages.filter((each) => shown(each) && each.environment === place).map((each) => [packageKey(each), each]),
      );
    const changes = differing(of(before.packages), of(after.packages), packageChange);
    const other = changes.sort((x, y) => order(x.layer ?? "", y.layer ?? "") || order(x.name, y.name));
    return { title: place ? `packages in ${place}` : "packages of the system", noun: PACKAGES, changes: other };
  });
}

function packageChange(before: BillPackage | undefined, after: BillPackage | undefined): Change | undefined {
  const { name, layer, type } = (after ?? before) as BillPackage;
  const versions = { name, layer, before: before?.version, after: after?.version };
  if (!before || !after) return { kind: after ? "added" : "gone", ...versions };
  if (before.version === after.version) return undefined;
  const python = type === "deb" ? undefined : comparePythonVersions(before.version, after.version);
  const way = python ?? compareDebianVersions(before.version, after.version);
  return { kind: way === 0 ? "changed" : way < 0 ? "up" : "down", ...versions };
}

function contentSections(a: Side, b: Side, missing: Missing): Section[] {
  const [before, after] = [a.bill?.contents, b.bill?.contents];
  if (!before || !after) {
    if (a.bill && b.bill) missing.push({ what: "kernels, menu entries, units, users", why: older(a, b) });
    return [];
  }
  const section = (noun: readonly [string, string], x: Iterable<readonly [string, string]>, y: typeof x): Section => ({
    title: noun[1],
    noun,
    changes: differing(new Map(x), new Map(y), (left, right, name) => plainChange(name, left, right)),
  });
  const kernels = (side: typeof before) =>
    side.kernels.map(
      ({ name, title, environment }) => [name, [title, environment].filter(Boolean).join(", ")] as const,
    );
  const applications = (side: typeof before) => side.applications.map(({ name, title }) => [name, title] as const);
  const units = (side: typeof before) => side.units.map((unit) => [unit, ""] as const);
  const users = (side: typeof before) => side.users.map(({ name, uid, shell }) => [name, `${uid}, ${shell}`] as const);
  for (const [side, { title }] of [
    [before, a],
    [after, b],
  ] as const) {
    for (const what of side.incomplete)
      missing.push({ what: "what its guest could not list", why: `${title}: ${what}` });
  }
  return [
    section(["kernel", "kernels"], kernels(before), kernels(after)),
    section(["menu entry", "menu entries"], applications(before), applications(after)),
    section(["unit that starts", "units that start"], units(before), units(after)),
    section(["user", "users"], users(before), users(after)),
  ];
}

/** The assertion of the contract whose detail is the list of open ports. */
const PORTS = 50;

function reportSections(a: Side, b: Side, missing: Missing): Section[] {
  if (!a.report || !b.report) {
    const unverified = [a, b].filter(({ report }) => !report).map(({ title }) => title);
    missing.push({ what: "ports, boot times, assertions", why: `no report of ${unverified.join(" and ")} is here` });
    return [];
  }
  const [before, after] = [a.report.findings, b.report.findings];
  const keyed = (findings: readonly Finding[]) =>
    // What was not looked at is no verdict.
    new Map(findings.filter(({ verdict }) => verdict !== "not applicable").map((each) => [keyOf(each), each]));
  const parts = (side: Side) => new Map((side.report?.parts ?? []).map((part) => [part, ""]));
  const [x, y] = [keyed(before), keyed(after)];
  const ports = (findings: typeof x) =>
    new Map((findings.get(String(PORTS))?.detail.match(/\d+/g) ?? []).map((port) => [port, ""]));
  const both = x.get(String(PORTS))?.verdict === "pass" && y.get(String(PORTS))?.verdict === "pass";
  if (!both) missing.push({ what: "ports", why: "they are listed only where their assertion holds" });
  return [
    {
      ...{ title: "open ports", noun: ["open port", "open ports"] as const },
      changes: both ? differing(ports(x), ports(y), (left, right, name) => plainChange(name, left, right)) : [],
    },
    {
      ...{ title: "parts of the contract", noun: ["part of the contract", "parts of the contract"] as const },
      changes: differing(parts(a), parts(b), (left, right, name) => plainChange(name, left, right)),
    },
    {
      ...{ title: "assertions", noun: ["assertion", "assertions"] as const },
      changes: differing(x, y, (left, right) => {
        // One profile looks at more than another.
        if (!left || !right || left.verdict === right.verdict) return undefined;
        const name = [right.number, right.name].filter((part) => part !== undefined).join(" ");
        return { kind: "changed", name, before: left.verdict, after: right.verdict };
      }),
    },
  ];
}

function keyOf({ number, name }: Finding): string {
  return number === undefined ? `own ${name}` : String(number);
}

function measures(a: Side, b: Side): Measure[] {
  const layers = new Set([...Object.keys(a.layerBytes ?? {}), ...Object.keys(b.layerBytes ?? {})]);
  const boots = [a, b].map(({ report }) => bootEvents(report?.findings ?? []));
  const events = new Set(boots.flatMap((times) => [...times.keys()]));
  const found: Measure[] = [
    ...[...layers].map((layer): Measure => {
      return {
        name: `${layer} in the cache`,
        unit: "bytes",
        before: a.layerBytes?.[layer],
        after: b.layerBytes?.[layer],
      };
    }),
    { name: "image in Glance", unit: "bytes", before: a.imageBytes, after: b.imageBytes },
    ...[...events].map((event): Measure => {
      return {
        name: `boot until ${/^\d/.test(event) ? `port ${event}` : event}`,
        unit: "seconds",
        before: boots[0]?.get(event),
        after: boots[1]?.get(event),
      };
    }),
    ...BOOT_STEPS.map((step): Measure => {
      const name = `${step} by the yardstick`;
      return { name, unit: "times", before: a.report?.boot?.ratios[step], after: b.report?.boot?.ratios[step] };
    }),
  ];
  return found.filter(({ before, after }) => before !== undefined || after !== undefined);
}

function differing<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  change: (before: T | undefined, after: T | undefined, key: string) => Change | undefined,
): Change[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort(order);
  return keys.flatMap((key) => change(before.get(key), after.get(key), key) ?? []);
}

function plainChange(name: string, before: string | undefined, after: string | undefined): Change | undefined {
  if (before === after) return undefined;
  const kind = before === undefined ? "added" : after === undefined ? "gone" : "changed";
  return { kind, name, ...(before && { before }), ...(after && { after }) };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function older(a: Side, b: Side): string {
  const titles = [a, b].filter(({ bill }) => !bill?.contents).map(({ title }) => title);
  return `the bill of ${titles.join(" and ")} does not list them: made by an earlier version, or in a guest without Python`;
}

/** `3 packages up, 1 added; 1 kernel gone; nothing else`. */
function headline(sections: readonly Section[], missing: Missing): string {
  const nouns = new Map<string, { noun: Section["noun"]; kinds: Map<ChangeKind, number> }>();
  for (const { noun, changes } of sections) {
    const { kinds } = nouns.get(noun[0]) ??
      nouns.set(noun[0], { noun, kinds: new Map() }).get(noun[0]) ?? { kinds: new Map() };
    for (const { kind } of changes) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const counted = [...nouns.values()].map(({ noun, kinds }) => {
    const counts = (["up", "down", "added", "gone", "changed"] as const).flatMap((kind) => {
      const count = kinds.get(kind);
      return count ? [{ kind, count }] : [];
    });
    return counts
      .map(({ kind, count }, i) => `${count}${i === 0 ? ` ${noun[count === 1 ? 0 : 1]}` : ""} ${kind}`)
      .join(", ");
  });
  const unknown = [...new Set(missing.map(({ what }) => what))].join("; ");
  const rest = unknown ? `not compared: ${unknown}` : counted.length > 0 ? "nothing else" : "";
  return [...(counted.length > 0 ? counted : ["no difference"]), rest].filter(Boolean).join("; ");
}
