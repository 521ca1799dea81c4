/** Which packages of an image have newer versions in their own suites. */
import { compareDebianVersions } from "../debian-version";
import type { DebianBill } from "./debian-bill";
import type { DebianIndexes } from "./suites";

/** A package that is older than what its suites have. */
export interface NewerPackage {
  readonly name: string;
  /** The source package. */
  readonly source: string;
  readonly installed: string;
  /** The newest version. */
  readonly available: string;
  readonly suite: string;
  /** Whether the security suite has a newer version than the one that is installed. */
  readonly security: boolean;
  /** When this cache first saw a newer version: the Date of the index that had it, ISO 8601. */
  readonly seen: string;
  /** Whether the index before that one did not have it. Otherwise it may have been there for longer. */
  readonly exact: boolean;
  /** The layer that brought it, which is built anew. @default - not known: not all layers below have bills here */
  readonly layer?: string;
}

/** What came of a comparison. */
export interface Comparison {
  readonly newer: readonly NewerPackage[];
  /** Packages that no index has: of another archive, or gone from Debian. */
  readonly unknown: readonly string[];
}

/** A layer's bill. */
export interface LayerBill {
  readonly layer: string;
  readonly bill: DebianBill;
}

/** An image by its layers, from the lowest one that has a bill to the image's own. */
export interface BilledImage {
  readonly layers: readonly LayerBill[];
  /** Whether all layers have one: else what the lowest has may be from below it. */
  readonly complete: boolean;
}

/** Compares an image's packages with the indexes of its Debian. */
export function findNewer({ layers, complete }: BilledImage, { suites }: DebianIndexes): Comparison {
  const newer: NewerPackage[] = [];
  const unknown: string[] = [];
  for (const [name, installed] of layers.at(-1)?.bill.packages ?? []) {
    const candidates = suites.flatMap(({ kind, index }) => {
      const found = index.find(name);
      return found ? [{ kind, index, found }] : [];
    });
    if (candidates.length === 0) unknown.push(name);
    const newest = candidates
      .filter(({ found }) => compareDebianVersions(found.version, installed) > 0)
      .sort((a, b) => compareDebianVersions(b.found.version, a.found.version));
    const [best] = newest;
    if (!best) continue;
    const first = newest
      .map(({ index, found }) => ({ seen: found.since ?? index.first, exact: found.since !== undefined }))
      .sort((a, b) => (a.seen < b.seen ? -1 : a.seen > b.seen ? 1 : Number(a.exact) - Number(b.exact)))[0];
    const at = layers.findIndex(({ bill }) => bill.packages.get(name) === installed);
    const layer = layers.at(-1)?.bill.layers.get(name) ?? (complete || at > 0 ? layers[at]?.layer : undefined);
    newer.push({
      ...{ name, source: best.found.source, installed, available: best.found.version, suite: best.index.suite },
      security: newest.some(({ kind }) => kind === "security"),
      ...(first as { readonly seen: string; readonly exact: boolean }),
      ...(layer !== undefined && { layer }),
    });
  }
  // Security first, then by name.
  const rank = ({ security, source, name }: NewerPackage) => `${security ? 0 : 1} ${source} ${name}`;
  return { newer: newer.sort((a, b) => (rank(a) < rank(b) ? -1 : 1)), unknown };
}
