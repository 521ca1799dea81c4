/**
 * What a guest says of itself at the end of its build, in a step of the runner's own before the last one: its packages,
 * what else is in it (guest-contents.ts), and how the next build gets into a boot of its disk. The step is no input of the image, and leaves one file in it:
 * image-release.ts.
 *
 * Packer has one stream for all steps, so a template's step could print the report's lines too. The runner's step signs
 * each line with a nonce of this run, which is in the guest only from the moment in which Packer uploads the step: all
 * other steps have ended then, and with them the channels on which they print. So nothing that a step prints is ever
 * taken for the report, and all of it stays in the log.
 *
 * This does not make an honest guest of a dishonest one. Steps are root: what one leaves behind (a program in the place of
 * sh, sed or dpkg-query, a line in root's .bashrc, a process that waits for the script) can put other words into the
 * report. It had no need to, for it could have changed dpkg's database itself. The report is what the guest says of
 * itself. Whom the template's author does not trust does not belong in a template (docs/decisions/runner.md).
 */
import { randomBytes } from "node:crypto";
import { ContentsReader, type GuestContents } from "./guest-contents";

/** Where the step's script is in the scratch folder. */
export const REPORT_SCRIPT = "visa-guest-report.sh";

/**
 * A function of the shell: whether a boot of the system below a folder lets root in by systemd's credentials, without
 * cloud-init, because all that bootstrap/customize.sh has for it is in its place still.
 */
export const TAKES_CREDENTIALS = `takes_credentials() {
  wants=$1/etc/systemd/system/multi-user.target.wants
  grep -qs 'ssh\\.authorized_keys\\.root' "$1/usr/lib/tmpfiles.d/provision.conf" || return 1
  [ -e "$1/etc/systemd/network/80-visa-qemu.network" ] || return 1
  [ -L "$wants/systemd-networkd.service" ] && [ -L "$wants/ssh.service" ] || return 1
  sources=$(cat "$1/etc/cloud/cloud.cfg" "$1"/etc/cloud/cloud.cfg.d/*.cfg | grep '^datasource_list:' | sort -u)
  [ "$sources" = 'datasource_list: [ConfigDrive, OpenStack, None]' ]
}
`;

/** What only the runner's own step knows, and only in this run. */
export function makeNonce(): string {
  return randomBytes(16).toString("hex");
}

/** Parts of the step's script that others know. */
export interface ReportParts {
  /** Lines of a shell that come first. */
  readonly first?: string;
  /** Lines of a shell that print what else is in the guest, each with a prefix. */
  readonly contents?: (prefix: string) => string;
}

/**
 * The step's script. After what comes first it prints one line for the system, one for each package (none in a guest
 * without dpkg, or whose dpkg fails), the contents, one where a boot of this disk takes credentials, and one at its end.
 * None of this fails.
 */
export function reportScript(nonce: string, { first = "", contents = () => "" }: ReportParts = {}): string {
  return `#!/bin/sh
${first}say() { printf 'visa-report ${nonce} %s\\n' "$*"; }
if [ -r /etc/os-release ]; then
  (. /etc/os-release && say "system \${ID:-linux} \${VERSION_ID:-}") || true
fi
if command -v dpkg-query >/dev/null 2>&1 &&
  packages=$(dpkg-query -W -f='\${db:Status-Abbrev}\${Package} \${Version} \${Architecture}\\n'); then
  printf '%s\\n' "$packages" | sed 's/^/visa-report ${nonce} package /'
fi
${contents(`visa-report ${nonce} contents`)}${TAKES_CREDENTIALS}if takes_credentials '' 2>/dev/null; then say 'access credentials'; fi
say end
exit 0
`;
}

/** A package of the guest. */
export interface GuestPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** The guest's packages. */
export interface GuestPackages {
  /** ID of /etc/os-release, `debian` for example. */
  readonly system: string;
  /** VERSION_ID of the same. */
  readonly systemVersion: string;
  readonly packages: readonly GuestPackage[];
}

/** What a guest said. */
export interface GuestReport {
  /** Nothing where it has no dpkg. */
  readonly packages?: GuestPackages;
  /** What else is in it; nothing where it has no Python. */
  readonly contents?: GuestContents;
  /** Whether a boot of its disk lets a build in by systemd's credentials, beside a config drive. */
  readonly takesCredentials?: boolean;
}

/** Reads the report in Packer's output. */
export class GuestReportReader {
  private system = "linux";
  private systemVersion = "";
  private readonly packages: GuestPackage[] = [];
  private readonly contents = new ContentsReader();
  private takesCredentials = false;
  private ended = false;

  constructor(private readonly nonce: string) {}

  /** Takes a line; whether it is the report's own, and not worth showing. */
  take(line: string): boolean {
    if (this.ended) return false;
    const [, nonce, kind, rest = ""] = /^(?: {4}[\w.-]+: )?visa-report (\w+) (\w+)(?: (.*))?$/.exec(line) ?? [];
    if (nonce !== this.nonce) return false;
    if (kind === "system") {
      [this.system = "linux", this.systemVersion = ""] = rest.trim().split(" ");
    } else if (kind === "package") {
      // "ii " is installed; others are remains of packages that were removed.
      const [, name, version, architecture] = /^ii +(\S+) (\S+) (\S+)$/.exec(rest.trimEnd()) ?? [];
      if (name && version && architecture) this.packages.push({ name, version, architecture });
    } else if (kind === "contents") {
      this.contents.take(rest);
    } else if (kind === "access") {
      this.takesCredentials = rest.trim() === "credentials";
    } else if (kind === "end") {
      this.ended = true;
    }
    return true;
  }

  /** Nothing where the report did not come to its end. */
  get result(): GuestReport | undefined {
    if (!this.ended) return undefined;
    const { system, systemVersion, packages, takesCredentials } = this;
    const contents = this.contents.result;
    return {
      ...(packages.length > 0 && { packages: { system, systemVersion, packages } }),
      ...(contents && { contents }),
      takesCredentials,
    };
  }
}
