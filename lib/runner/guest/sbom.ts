/**
 * What is in an image, as a CycloneDX bill of materials: the guest's Debian packages, and what pip, uv and conda put there.
 *
 * What CycloneDX has no field for stands in properties whose names begin with {@link PROPERTY}: of a package its
 * environment and the layer that brought it; of the image its kernels, menu entries, units and users. read-sbom.ts reads
 * them.
 */
import { Contrib, Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import { PackageURL } from "packageurl-js";
import parseExpression from "spdx-expression-parse";
import { sha256, short } from "../../fingerprint/digest";
import type { GuestContents } from "./guest-contents";
import type { GuestReport } from "./guest-report";
import { type Bill, type BillPackage, packageKey } from "./read-sbom";
import { BILL_TOOL, BILL_VERSION, PROPERTY } from "./sbom-format";

/** What a bill of materials is about. */
export interface Subject {
  readonly template: string;
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Of this package. */
  readonly packageVersion: string;
}

/** What the layer stands on. */
export interface Below {
  /** Whether that is a base, which is not listed by itself: all that is there is then the first layer's. */
  readonly base: boolean;
  /** The parent's bill. @default - not known: then no package is said to be of a layer, unless the parent is a base */
  readonly bill?: Bill;
}

/** A bill of materials as text, and how many packages it has. */
export interface MadeBill {
  readonly text: string;
  readonly packages: number;
}

/** A bill of materials in CycloneDX 1.6: the same text for the same image and time. Nothing where the guest said nothing. */
export function cycloneDx(subject: Subject, guest: GuestReport, below: Below): MadeBill | undefined {
  const listed = listPackages(guest);
  if (listed.length === 0 && !guest.contents) return undefined;
  const { template, fingerprint, createdAt, packageVersion } = subject;
  const layerOf = layers(template, below);
  const bom = new Models.Bom({ serialNumber: `urn:uuid:${uuidOf(`${fingerprint} ${createdAt}`)}` });
  const { metadata } = bom;
  metadata.timestamp = new Date(createdAt);
  const tool = new Models.Component(Enums.ComponentType.Application, BILL_TOOL, { version: packageVersion });
  metadata.tools.components.add(tool);
  metadata.component = new Models.Component(Enums.ComponentType.OperatingSystem, template, {
    bomRef: fingerprint,
    version: short(fingerprint),
    description: `${guest.packages?.system ?? ""} ${guest.packages?.systemVersion ?? ""}`.trim() || undefined,
    properties: properties([["version", String(BILL_VERSION)], ...describeContents(guest.contents)]),
  });
  const refs = new Set<string>();
  for (const each of listed) {
    const made = component(each, layerOf(each));
    const ref = made.bomRef.value ?? "";
    // A file that is there twice, say below another name of the environment, is one package.
    if (refs.has(ref)) continue;
    refs.add(ref);
    bom.components.add(made);
  }
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  const text = serializer.serialize(bom, { sortLists: true, space: 2 });
  return { text: `${text}\n`, packages: refs.size };
}

type Listed = BillPackage & { readonly purl: string };

function listPackages({ packages, contents }: GuestReport): Listed[] {
  const { system = "", systemVersion = "", packages: debian = [] } = packages ?? {};
  const distro = systemVersion && `${system}-${systemVersion}`;
  return [
    ...debian.map(({ name, version, architecture }): Listed => {
      const purl = new PackageURL("deb", system, name, version, { arch: architecture, ...(distro && { distro }) });
      return { type: "deb", environment: "", name, version, architecture, purl: purl.toString() };
    }),
    ...(contents?.packages ?? []).map((each): Listed => {
      const { type, environment, name, version, license, build, subdir } = each;
      const channel = each.channel && channelName(each.channel, subdir);
      const qualifiers = { ...(build && { build }), ...(channel && { channel }), ...(subdir && { subdir }) };
      const purl = new PackageURL(type, undefined, name, version, qualifiers);
      return { type, environment, name, version, license, purl: purl.toString() };
    }),
  ];
}

/** Conda writes a channel's address, too, which may hold a password or a token: what is left is the channel's own path. */
function channelName(channel: string, subdir = ""): string {
  if (!URL.canParse(channel)) return channel;
  const { pathname, hostname } = new URL(channel);
  const parts = pathname
    .replace(/^\/t\/[^/]+/, "")
    .split("/")
    .filter(Boolean);
  if (parts.at(-1) === subdir) parts.pop();
  return parts.join("/") || hostname;
}

function component(each: Listed, layer: string | undefined): Models.Component {
  const { type, environment, name, version, license, purl } = each;
  const made = new Models.Component(Enums.ComponentType.Library, name, {
    bomRef: type === "deb" ? purl : `${environment} ${purl}`,
    version,
    purl,
    properties: properties([
      ["environment", environment],
      ["layer", layer],
    ]),
  });
  const readable = license?.replace(/\p{C}+/gu, " ").trim();
  // The library's list of SPDX ids takes what any object has, such as "constructor", for one of them.
  if (readable && !(readable in {})) made.licenses.add(licenses.makeFromString(readable));
  return made;
}

const licenses = new Contrib.License.Factories.LicenseFactory(parseExpression);

/** Which layer brought a package: this one, unless the layer below has it in the same version and place. */
function layers(template: string, { base, bill }: Below): (each: BillPackage) => string | undefined {
  if (base) return () => template;
  if (!bill) return () => undefined;
  const before = new Map(bill.packages.map((each) => [packageKey(each), each]));
  // An older bill does not know what pip brought: it may be this layer's, or not.
  const knows = ({ type }: BillPackage) => type === "deb" || bill.contents !== undefined;
  return (each) => {
    const known = before.get(packageKey(each));
    if (known?.version === each.version) return known.layer;
    return knows(each) ? template : undefined;
  };
}

function describeContents(contents: GuestContents | undefined): [string, string][] {
  if (!contents) return [];
  const of = (name: string, values: readonly (string | object)[]) =>
    values.map((value): [string, string] => [name, typeof value === "string" ? value : JSON.stringify(value)]);
  return [
    ["contents", "listed"],
    ...of("kernel", contents.kernels),
    ...of("application", contents.applications),
    ...of("unit", contents.units),
    ...of("user", contents.users),
    ...of("incomplete", contents.incomplete),
  ];
}

function properties(values: readonly (readonly [string, string | undefined])[]): Models.PropertyRepository {
  const said = values.flatMap(([name, value]) => (value ? [new Models.Property(`${PROPERTY}${name}`, value)] : []));
  return new Models.PropertyRepository(said);
}

/** A UUID (version 8: of one's own making) that follows from a text. */
function uuidOf(text: string): string {
  const hex = sha256(text);
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return parts.join("-");
}
