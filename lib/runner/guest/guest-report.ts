/**
 * What a guest says of itself at the end of its build, in a step of the runner's own before the last one: its packages,
 * and how the next build gets into a boot of its disk. The step is no input of the image: it changes nothing in it.
 */

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

/**
 * Prints one line for the system, one for each package (none in a guest without dpkg), and one where a boot of this
 * disk takes credentials. Never fails.
 */
export const REPORT_TEXT = `#!/bin/sh
if [ -r /etc/os-release ]; then
  (. /etc/os-release && printf 'visa-system %s %s\\n' "\${ID:-linux}" "\${VERSION_ID:-}") || true
fi
if command -v dpkg-query >/dev/null 2>&1; then
  dpkg-query -W -f='visa-package \${db:Status-Abbrev}\${Package} \${Version} \${Architecture}\\n' || true
fi
${TAKES_CREDENTIALS}if takes_credentials '' 2>/dev/null; then echo 'visa-login credentials'; fi
exit 0
`;

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
  /** How a build gets into a boot of its disk, beside a config drive. */
  readonly login?: "credentials";
}

/** Reads the report: from Packer's output, or as a base's recipe prints it. */
export class GuestReportReader {
  private system = "linux";
  private systemVersion = "";
  private readonly packages: GuestPackage[] = [];
  private login: GuestReport["login"];

  /** Takes a line; whether it is the report's own, and not worth showing. */
  take(line: string): boolean {
    if (line.endsWith(`Provisioning with shell script: ${REPORT_SCRIPT}`)) return true;
    const [, kind, rest = ""] = /^(?: {4}[\w.-]+: )?visa-(system|package|login) (.*)$/.exec(line) ?? [];
    if (kind === "system") {
      [this.system = "linux", this.systemVersion = ""] = rest.trim().split(" ");
    } else if (kind === "package") {
      // "ii " is installed; others are remains of packages that were removed.
      const [, name, version, architecture] = /^ii +(\S+) (\S+) (\S+)$/.exec(rest.trimEnd()) ?? [];
      if (name && version && architecture) this.packages.push({ name, version, architecture });
    } else if (kind === "login" && rest.trim() === "credentials") {
      this.login = "credentials";
    }
    return kind !== undefined;
  }

  get result(): GuestReport {
    const { system, systemVersion, packages, login } = this;
    return {
      ...(packages.length > 0 && { packages: { system, systemVersion, packages } }),
      ...(login && { login }),
    };
  }
}
