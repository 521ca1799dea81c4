/** The packages of an image, from the bills of materials of its layers. */
import { VisaImageError } from "../errors";

/** A package, as a person looks for it. */
export interface PackageRow {
  readonly name: string;
  readonly version: string;
  /** The kind of its package URL: `deb`, `pypi`, `conda`; empty where it has none. */
  readonly kind: string;
  /** The layer that brought it, as far as the layers' bills of materials say. */
  readonly layer: string;
  /** Where it is: the path of its environment. @default - it is the system's */
  readonly place?: string;
  /** As the package says it. @default - it does not say it */
  readonly licence?: string;
}

/** The bill of materials of a layer, which lists the packages of those below it too. */
export interface LayerBill {
  readonly layer: string;
  readonly packages: readonly Omit<PackageRow, "layer">[];
}

/** The parts of CycloneDX that are read. */
interface Component {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly purl?: unknown;
  readonly licenses?: readonly { readonly license?: { id?: string; name?: string }; readonly expression?: string }[];
  readonly properties?: readonly { readonly name?: string; readonly value?: string }[];
}

/**
 * Reads a bill of materials in CycloneDX's JSON.
 *
 * @param file where it is from, for the errors
 * @throws VisaImageError where it is cut off, or none
 */
export function readBill(text: string, layer: string, file: string): LayerBill {
  const fix = "build the layer again with --no-cache: visa-image writes it anew";
  let bom: unknown;
  try {
    bom = JSON.parse(text);
  } catch (cause) {
    throw new VisaImageError("the bill of materials is no JSON; it may be cut off", { location: { file }, fix, cause });
  }
  const { bomFormat, components } = (bom ?? {}) as { bomFormat?: unknown; components?: unknown };
  if (bomFormat !== "CycloneDX" || !Array.isArray(components)) {
    throw new VisaImageError(
      `the bill of materials has bomFormat ${JSON.stringify(bomFormat)}, expected "CycloneDX" with components`,
      { location: { file }, fix },
    );
  }
  return {
    layer,
    packages: components.map((component: Component, index) => readComponent(component, index, file, fix)),
  };
}

function readComponent(component: Component, index: number, file: string, fix: string): Omit<PackageRow, "layer"> {
  const { name, version, purl, licenses, properties } = component ?? {};
  if (typeof name !== "string") {
    throw new VisaImageError(`component ${index + 1} of the bill of materials has no name`, {
      location: { file },
      fix,
    });
  }
  const licence = licenses?.map((each) => each.expression ?? each.license?.id ?? each.license?.name).filter(Boolean);
  const place = properties?.find((each) => each.name === "visa-image:environment")?.value;
  return {
    name,
    version: typeof version === "string" ? version : "",
    kind: typeof purl === "string" ? (/^pkg:([^/]+)\//.exec(purl)?.[1] ?? "") : "",
    ...(place && { place }),
    ...(licence?.length && { licence: licence.join(", ") }),
  };
}

/**
 * The packages of an image, each with the layer that brought it: the lowest that has it in this version. What the base
 * below the first layer brought goes by that layer's name.
 *
 * @param bills of the layers, the lowest first; the last one is the image's
 */
export function packageRows(bills: readonly LayerBill[]): PackageRow[] {
  const broughtBy = new Map<string, string>();
  const key = ({ name, version, kind, place = "" }: Omit<PackageRow, "layer">) =>
    JSON.stringify([name, version, kind, place]);
  for (const { layer, packages } of bills) {
    for (const each of packages) if (!broughtBy.has(key(each))) broughtBy.set(key(each), layer);
  }
  const rows = (bills.at(-1)?.packages ?? []).map((each) => ({ ...each, layer: broughtBy.get(key(each)) ?? "" }));
  const sortable = rows.map((row) => ({ row, order: `${row.name.toLowerCase()} ${row.place ?? ""}` }));
  return sortable.sort((a, b) => (a.order < b.order ? -1 : 1)).map(({ row }) => row);
}
