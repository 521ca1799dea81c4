/**
 * What is in an image, as a CycloneDX bill of materials: the guest's Debian packages, which a step of the runner's own
 * lists before the last one of a build. The step is no input of the image: it changes nothing in it.
 */
import { sha256 } from "../fingerprint/digest";
import { GUEST_SCRIPTS } from "../packer/guest-scripts";

/** Where the step's script is in the scratch folder. */
export const PACKAGE_LIST_SCRIPT = "visa-package-list.sh";

/** Prints one line for the system and one for each package; nothing in a guest without dpkg. Never fails. */
export const PACKAGE_LIST_TEXT = `#!/bin/sh
if [ -r /etc/os-release ]; then
  (. /etc/os-release && printf 'visa-system %s %s\\n' "\${ID:-linux}" "\${VERSION_ID:-}") || true
fi
if command -v dpkg-query >/dev/null 2>&1; then
  dpkg-query -W -f='visa-package \${db:Status-Abbrev}\${Package} \${Version} \${Architecture}\\n' || true
fi
exit 0
`;

/** A package of the guest. */
export interface GuestPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** What the step printed. */
export interface GuestPackages {
  /** ID of /etc/os-release, `debian` for example. */
  readonly system: string;
  /** VERSION_ID of the same. */
  readonly systemVersion: string;
  readonly packages: readonly GuestPackage[];
}

/** The configuration with the step in it: before the seal, where there is one, else at the end. */
export function withPackageList(configuration: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const builds = (configuration.build ?? []) as readonly { provisioner?: readonly Record<string, unknown>[] }[];
  return {
    ...configuration,
    build: builds.map((build) => {
      const own = build.provisioner ?? [];
      const { script } = (own.at(-1)?.shell ?? {}) as { script?: unknown };
      const end = script === GUEST_SCRIPTS.seal ? own.length - 1 : own.length;
      const step = { shell: { script: PACKAGE_LIST_SCRIPT } };
      return { ...build, provisioner: [...own.slice(0, end), step, ...own.slice(end)] };
    }),
  };
}

/** Reads the step's lines from Packer's output. */
export class PackageListReader {
  private system = "linux";
  private systemVersion = "";
  private readonly packages: GuestPackage[] = [];

  /** Takes a line; whether it is the step's own, and not worth showing. */
  take(line: string): boolean {
    if (line.endsWith(`Provisioning with shell script: ${PACKAGE_LIST_SCRIPT}`)) return true;
    const [, kind, rest = ""] = /^ {4}[\w.-]+: visa-(system|package) (.*)$/.exec(line) ?? [];
    if (kind === "system") {
      [this.system = "linux", this.systemVersion = ""] = rest.trim().split(" ");
    } else if (kind === "package") {
      // "ii " is installed; others are remains of packages that were removed.
      const [, name, version, architecture] = /^ii +(\S+) (\S+) (\S+)$/.exec(rest.trimEnd()) ?? [];
      if (name && version && architecture) this.packages.push({ name, version, architecture });
    }
    return kind !== undefined;
  }

  /** What was read; nothing where the guest has no dpkg. */
  get result(): GuestPackages | undefined {
    const { system, systemVersion, packages } = this;
    return packages.length > 0 ? { system, systemVersion, packages } : undefined;
  }
}

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
        version: fingerprint.slice(0, 12),
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
