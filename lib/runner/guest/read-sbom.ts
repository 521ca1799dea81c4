/** Reads a bill of materials that this package made (sbom.ts), today's and those of before. */
import { usageError, type VisaImageError } from "../../errors";
import type { Application, GuestUser, Kernel } from "./guest-contents";
import { BILL_TOOL, BILL_VERSION, PROPERTY } from "./sbom-format";

/** A package of an image. */
export interface BillPackage {
  readonly type: "deb" | "pypi" | "conda";
  /** Path of its environment; empty for the system's own. */
  readonly environment: string;
  readonly name: string;
  readonly version: string;
  /** Of Debian's packages. */
  readonly architecture?: string;
  readonly license?: string;
  /** Template of the layer that brought it in this version. @default - not known */
  readonly layer?: string;
}

/** What an image has besides packages. */
export interface BillContents {
  readonly kernels: readonly Kernel[];
  readonly applications: readonly Application[];
  readonly units: readonly string[];
  readonly users: readonly GuestUser[];
  /** What could not be listed, in words. */
  readonly incomplete: readonly string[];
}

/** A bill of materials. */
export interface Bill {
  readonly template: string;
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly packages: readonly BillPackage[];
  /**
   * @default - not listed: by an earlier version, or in a guest without Python. Then it says nothing of environments, too
   */
  readonly contents?: BillContents;
}

/** What a package is called: its version is not in it. */
export function packageKey({ type, environment, name, architecture = "" }: BillPackage): string {
  const plain = type === "pypi" ? name.toLowerCase().replace(/[-_.]+/g, "-") : name;
  return JSON.stringify([type, environment, plain, architecture]);
}

type Values = Readonly<Record<string, unknown>>;

/**
 * Reads a bill.
 *
 * @param file its name, for errors
 * @throws VisaImageError where it is cut off, another tool made it, or a later version of this package
 */
export function readBill(text: string, file: string): Bill {
  const refuse = (what: string, fix: string): VisaImageError => usageError(what, { file }, fix);
  const bom = parse(text, refuse);
  if (bom.bomFormat !== "CycloneDX") {
    throw refuse("this is no bill of materials in CycloneDX's JSON", "name a sbom.cdx.json of visa-image");
  }
  const metadata = values(bom.metadata);
  const tools = list(values(metadata.tools).components ?? metadata.tools).map((tool) => values(tool).name);
  if (!tools.includes(BILL_TOOL)) {
    const by = tools.map((tool) => `"${tool}"`).join(", ") || "a tool that it does not name";
    throw refuse(
      `this bill of materials was made by ${by}, and not by visa-image`,
      "other tools name neither layers nor environments as visa-image does; name a sbom.cdx.json of its cache",
    );
  }
  const subject = values(metadata.component);
  const said = propertiesOf(subject);
  const version = said("version")[0] ?? "0";
  if (Number(version) > BILL_VERSION || (bom.specVersion !== "1.5" && bom.specVersion !== "1.6")) {
    throw refuse(
      `this bill of materials is of a later version: ${version}, in CycloneDX ${bom.specVersion}; known are ${BILL_VERSION} and CycloneDX 1.6`,
      "use the version of cdktf-visa-images that wrote it, or a later one",
    );
  }
  const broken = () => refuse("this bill of materials is not whole", "take it from the cache or from Git again");
  const [template, fingerprint, createdAt] = [subject.name, subject["bom-ref"], metadata.timestamp].map((value) => {
    if (typeof value !== "string") throw broken();
    return value;
  }) as [string, string, string];
  if (!Array.isArray(bom.components) && version === "0") throw broken();
  const packages = list(bom.components).map((each) => readPackage(values(each)) ?? raise(broken()));
  const objects = <T>(name: string) => said(name).map((value) => values(parse(value, refuse)) as T);
  return {
    template,
    fingerprint,
    createdAt,
    packages,
    ...(said("contents").length > 0 && {
      contents: {
        kernels: objects<Kernel>("kernel"),
        applications: objects<Application>("application"),
        units: said("unit"),
        users: objects<GuestUser>("user"),
        incomplete: said("incomplete"),
      },
    }),
  };
}

function readPackage(component: Values): BillPackage | undefined {
  const { name, version, purl, licenses } = component;
  const [, type] = /^pkg:(deb|pypi|conda)\//.exec(String(purl)) ?? [];
  if (typeof name !== "string" || typeof version !== "string" || !type) return undefined;
  const said = propertiesOf(component);
  const [layer] = said("layer");
  const architecture = type === "deb" ? /[?&]arch=([^&]+)/.exec(String(purl))?.[1] : undefined;
  const license = list(licenses).map(licenseText).filter(Boolean).join(", ");
  return {
    type: type as BillPackage["type"],
    environment: said("environment")[0] ?? "",
    name,
    version,
    ...(architecture && { architecture }),
    ...(license && { license }),
    ...(layer && { layer }),
  };
}

function licenseText(each: unknown): string {
  const { expression, license } = values(each);
  const { id, name } = values(license);
  return String(expression ?? id ?? name ?? "");
}

function propertiesOf(owner: Values): (name: string) => string[] {
  const said = list(owner.properties).map(values);
  return (name) => said.filter((each) => each.name === `${PROPERTY}${name}`).map(({ value }) => String(value));
}

function parse(text: string, refuse: (what: string, fix: string) => VisaImageError): Values {
  try {
    return values(JSON.parse(text));
  } catch (cause) {
    throw refuse(
      `this is no JSON, or was cut off: ${(cause as Error).message}`,
      "take the file from the cache or from Git again",
    );
  }
}

function raise(error: Error): never {
  throw error;
}

function values(value: unknown): Values {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Values) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
