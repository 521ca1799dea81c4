/** The packages of an image, from the bills of materials of its layers. */
import type { Bill, BillPackage } from "../runner/guest/read-sbom";

/** A package, as a person looks for it. */
export interface PackageRow {
  readonly name: string;
  readonly version: string;
  /** The kind of its package URL: `deb`, `pypi`, `conda`. */
  readonly kind: string;
  /** The layer that brought it, as far as the bills say. */
  readonly layer: string;
  /** Path of its environment. @default - it is the system's */
  readonly place?: string;
  /** As the package says it. @default - it does not say it */
  readonly licence?: string;
}

/**
 * The packages of an image, each with the layer that brought it: as the bill says, or else the lowest that has it in this
 * version. What the base below the first layer brought goes by that layer's name.
 *
 * @param bills of the layers, the lowest first; the last one is the image's
 */
export function packageRows(bills: readonly Bill[]): PackageRow[] {
  const key = ({ type, environment, name, version }: BillPackage) => [type, environment, name, version].join("\n");
  const broughtBy = new Map<string, string>();
  for (const { template, packages } of bills) {
    for (const each of packages) if (!broughtBy.has(key(each))) broughtBy.set(key(each), template);
  }
  const sortable = (bills.at(-1)?.packages ?? []).map((each) => ({
    order: `${each.name.toLowerCase()} ${each.environment}`,
    row: {
      ...{ name: each.name, version: each.version, kind: each.type },
      layer: each.layer ?? broughtBy.get(key(each)) ?? "",
      ...(each.environment && { place: each.environment }),
      ...(each.license && { licence: each.license }),
    },
  }));
  return sortable.sort((a, b) => (a.order < b.order ? -1 : 1)).map(({ row }) => row);
}
