/** What is in an image, as a CycloneDX bill of materials: the guest's Debian packages. */
import { sha256, short } from "../../fingerprint/digest";
import type { GuestPackages } from "./guest-report";

/** What a bill of materials is about. */
export interface Subject {
  readonly template: string;
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Of this package. */
  readonly packageVersion: string;
}

/** A bill of materials in CycloneDX 1.5: the same text for the same image and time. */
export function cycloneDx(subject: Subject, { system, systemVersion, packages }: GuestPackages): string {
  const { template, fingerprint, createdAt, packageVersion } = subject;
  const components = packages
    .map(({ name, version, architecture }) => {
      const distro = systemVersion && `&distro=${encodeURIComponent(`${system}-${systemVersion}`)}`;
      const purl = `pkg:deb/${encodeURIComponent(system)}/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${encodeURIComponent(architecture)}${distro}`;
      return { type: "library", "bom-ref": purl, name, version, purl };
    })
    .sort((a, b) => (a.purl < b.purl ? -1 : 1));
  const bom = {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    serialNumber: `urn:uuid:${uuidOf(`${fingerprint} ${createdAt}`)}`,
    version: 1,
    metadata: {
      timestamp: createdAt,
      tools: { components: [{ type: "application", name: "cdktf-visa-images", version: packageVersion }] },
      component: {
        type: "operating-system",
        "bom-ref": fingerprint,
        name: template,
        version: short(fingerprint),
        description: `${system} ${systemVersion}`.trim(),
      },
    },
    components,
  };
  return `${JSON.stringify(bom, undefined, 2)}\n`;
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
