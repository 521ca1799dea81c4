/**
 * The Debian packages of a bill of materials, whoever made it: what the indexes of Debian's suites can judge. What else is
 * in a bill of ours is for lib/runner/guest/read-sbom.ts.
 */
import { VisaImageError } from "../errors";
import { PROPERTY } from "../runner/guest/sbom-format";

/** What a bill says of Debian's packages. */
export interface DebianBill {
  /** What it is of: a template's name. */
  readonly subject: string;
  /** VERSION_ID of the system: "12". */
  readonly release: string;
  /** Versions by package. */
  readonly packages: ReadonlyMap<string, string>;
  /** Layers by package, as far as the bill says which one brought it in its version. */
  readonly layers: ReadonlyMap<string, string>;
  /** Components that are no Debian packages: no index here knows them. */
  readonly others: number;
}

const FIX = "give a CycloneDX bill of a Debian system: sbom.cdx.json beside an artifact's manifest (visa-image show)";

/**
 * Reads CycloneDX, whoever made it, as long as its Debian packages say which Debian they are of (`distro` in the purl).
 * @throws VisaImageError for anything else
 */
export function readDebianBill(text: string, file: string): DebianBill {
  const wrong = (what: string, cause?: unknown) =>
    new VisaImageError(`the bill of materials ${what}`, { location: { file }, fix: FIX, cause });
  let bom: Bom;
  try {
    bom = JSON.parse(text) as Bom;
  } catch (cause) {
    throw wrong("is no JSON, or is cut off", cause);
  }
  if (bom?.bomFormat !== "CycloneDX" || !Array.isArray(bom.components)) {
    const format = bom && ("spdxVersion" in bom ? "SPDX" : JSON.stringify(bom.bomFormat ?? null));
    throw wrong(`is no CycloneDX: its format is ${format}`);
  }
  const packages = new Map<string, string>();
  const layers = new Map<string, string>();
  const releases = new Set<string>();
  let others = 0;
  for (const { name, version, purl = "", properties } of bom.components) {
    const [, , query = ""] = /^pkg:deb\/([^/?@]+)\/[^?]*(?:\?(.*))?$/.exec(purl) ?? [];
    const qualifiers = new URLSearchParams(query);
    const [, release] = /^debian-(\d+)/.exec(qualifiers.get("distro") ?? "") ?? [];
    if (typeof name !== "string" || typeof version !== "string" || !release) others++;
    else if (/^(amd64|all)$/.test(qualifiers.get("arch") ?? "")) {
      packages.set(name, version);
      releases.add(release);
      const layer = Array.isArray(properties) && properties.find((each) => each?.name === `${PROPERTY}layer`)?.value;
      if (typeof layer === "string") layers.set(name, layer);
    }
  }
  if (packages.size === 0) throw wrong("has no Debian packages that say which Debian they are of");
  if (releases.size > 1) throw wrong(`is of several Debians: ${[...releases].join(", ")}`);
  const subject = typeof bom.metadata?.component?.name === "string" ? bom.metadata.component.name : file;
  return { subject, release: [...releases][0] as string, packages, layers, others };
}

interface Bom {
  readonly bomFormat?: unknown;
  readonly metadata?: { readonly component?: { readonly name?: unknown } };
  readonly components?: readonly Component[];
}

interface Component {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly purl?: string;
  readonly properties?: readonly { readonly name?: unknown; readonly value?: unknown }[];
}
