/** Which images are out of date: bills of materials against package indexes, and nothing else. */
import type { Subject, UnknownSubject } from "./images";
import { findNewer, type NewerPackage } from "./newer-packages";
import type { SuiteIndex } from "./package-indexes";
import { type DebianIndexes, type Suite, suitesOf } from "./suites";

/** What is known of an image. */
export interface StaleImage {
  /** Its name in the lock, or the file of its bill. */
  readonly image: string;
  readonly template?: string;
  /** 12 digits. @default - it is a file */
  readonly release?: string;
  readonly fingerprint?: string;
  /** When Glance took it: ISO 8601. */
  readonly registered?: string;
  readonly state: "current" | "stale" | "unknown";
  /** Why it is unknown. */
  readonly reason?: string;
  /** What its suites have in newer versions, security fixes first. */
  readonly newer: readonly NewerPackage[];
  /**
   * Layers that would be built anew, from the lowest one that brought an old package to the image's own; empty where not
   * all of them are known here.
   */
  readonly rebuilt: readonly string[];
  /** What the first layer starts from, where a package may come with it. */
  readonly base?: string;
  /** How many packages were compared. */
  readonly compared: number;
  /** Debian packages that no index here has: of another archive, or gone. */
  readonly notInIndexes: readonly string[];
  /** Components that are no Debian packages (pip, conda): not judged. */
  readonly notJudged: number;
  /** The servers that run on it; a text says why they are not known. @default - not asked for */
  readonly servers?: readonly RunningServer[] | string;
}

/** A server in Nova. */
export interface RunningServer {
  readonly id: string;
  readonly name: string;
}

/** An index that was used. */
export type UsedIndex = Pick<SuiteIndex, "suite" | "date" | "validUntil" | "checked" | "first">;

/** What came of it all. */
export interface StaleReport {
  readonly images: readonly StaleImage[];
  readonly indexes: readonly UsedIndex[];
  readonly warnings: readonly string[];
}

/** Where indexes come from. @returns nothing where a suite that may be missing is */
export type IndexSource = (suite: Suite) => Promise<SuiteIndex | undefined>;

/** Looks at images. Indexes are asked for once each, and only those that an image needs. */
export async function lookAt(
  subjects: readonly (Subject | UnknownSubject)[],
  source: IndexSource,
  now = Date.now(),
): Promise<StaleReport> {
  const releases = new Set(subjects.flatMap((each) => ("billed" in each ? debianOf(each) : [])));
  const debians = new Map<string, DebianIndexes>();
  for (const release of releases) {
    const suites: (Suite & { index: SuiteIndex })[] = [];
    for (const suite of suitesOf(release)) {
      const index = await source(suite);
      if (index) suites.push({ ...suite, index });
    }
    debians.set(release, { suites });
  }
  const indexes = [...debians.values()].flatMap(({ suites }) => suites.map(({ index }) => index));
  return {
    images: subjects.map((subject) => ("billed" in subject ? judge(subject, debians) : unknown(subject))),
    indexes: indexes.map(({ suite, date, validUntil, checked, first }) => ({
      ...{ suite, date, ...(validUntil && { validUntil }), checked, first },
    })),
    warnings: indexes.flatMap((index) => warningsOf(index, now)),
  };
}

function debianOf({ billed }: Subject): string {
  return billed.layers.at(-1)?.bill.release ?? "";
}

function judge(subject: Subject, debians: ReadonlyMap<string, DebianIndexes>): StaleImage {
  const { image, release, template, billed, base } = subject;
  const indexes = debians.get(debianOf(subject));
  if (!indexes?.suites.length) {
    return unknown({ image, release, reason: `its system is Debian ${debianOf(subject)}, which has no name here` });
  }
  const { newer, unknown: notInIndexes } = findNewer(billed, indexes);
  const layers = billed.layers.map(({ layer }) => layer);
  const brought = newer.map(({ layer }) => (layer === undefined ? -1 : layers.indexOf(layer)));
  const lowest = Math.min(...brought);
  const bill = billed.layers.at(-1)?.bill;
  return {
    ...{ image, template, ...idOf(release), state: newer.length > 0 ? "stale" : "current", newer },
    rebuilt: newer.length > 0 && lowest >= 0 ? layers.slice(lowest) : [],
    ...(base && { base }),
    compared: bill?.packages.size ?? 0,
    notInIndexes,
    notJudged: bill?.others ?? 0,
  };
}

function unknown({ image, release, reason }: UnknownSubject): StaleImage {
  const nothing = { newer: [], rebuilt: [], compared: 0, notInIndexes: [], notJudged: 0 };
  return {
    image,
    ...(release && { template: release.template }),
    ...idOf(release),
    state: "unknown",
    reason,
    ...nothing,
  };
}

function idOf(release: Subject["release"]) {
  return release && { release: release.release, fingerprint: release.fingerprint, registered: release.registered };
}

function warningsOf({ suite, validUntil, checked }: SuiteIndex, now: number): string[] {
  return [
    ...(checked
      ? []
      : [`the signature of ${suite} was not checked: install gpgv and debian-archive-keyring, then run it again`]),
    ...(validUntil && Date.parse(validUntil) < now
      ? [`the index of ${suite} was good until ${validUntil.slice(0, 10)}: newer packages may be missing from it`]
      : []),
  ];
}
