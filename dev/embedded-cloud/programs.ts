/** The programs of the embedded cloud: those of the distribution's packages, and how they are run. */

import { execFile } from "node:child_process";
import { ExitCode, VisaImageError } from "../../lib/errors";
import { exists } from "../../lib/presence";
import type { CloudSize } from "./state";

/** Python's programs need the system's Python, and none of the caller's proxies, PYTHONPATH or OS_* variables. */
export const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8", PYTHONDONTWRITEBYTECODE: "1" };

/** Programs without which there is no cloud, and the Debian package of each. */
const PROGRAMS: Readonly<Record<string, string>> = {
  "/usr/bin/keystone-manage": "keystone",
  "/usr/bin/keystone-wsgi-public": "keystone",
  "/usr/bin/glance-manage": "glance-api",
  "/usr/bin/glance-api": "glance-api",
  "/usr/bin/uwsgi": "uwsgi-core",
  "/usr/bin/python3": "python3",
  "/usr/bin/flock": "util-linux",
};

/** What the full size needs besides. */
const FULL_PROGRAMS: Readonly<Record<string, string>> = {
  "/usr/sbin/mariadbd": "mariadb-server",
  "/usr/lib/rabbitmq/bin/rabbitmq-server": "rabbitmq-server",
  "/usr/sbin/libvirtd": "libvirt-daemon-system",
  "/usr/bin/placement-api": "placement-api",
  "/usr/bin/nova-api": "nova-api",
  "/usr/bin/nova-conductor": "nova-conductor",
  "/usr/bin/nova-scheduler": "nova-scheduler",
  "/usr/bin/nova-compute": "nova-compute-kvm",
  "/usr/bin/neutron-server": "neutron-server",
  "/usr/bin/neutron-linuxbridge-agent": "neutron-linuxbridge-agent",
  "/usr/bin/neutron-dhcp-agent": "neutron-dhcp-agent",
  "/usr/bin/neutron-l3-agent": "neutron-l3-agent",
  "/usr/bin/neutron-metadata-agent": "neutron-metadata-agent",
  "/usr/sbin/dnsmasq": "dnsmasq-base",
  "/usr/sbin/ipset": "ipset",
  "/usr/bin/genisoimage": "genisoimage",
};

/** The Debian package of each service of that size that has a database. */
const SCHEMA_PACKAGES = {
  small: { keystone: "keystone", glance: "glance-api" },
  full: {
    keystone: "keystone",
    glance: "glance-api",
    placement: "placement-api",
    nova: "nova-api",
    neutron: "neutron-server",
  },
} as const satisfies Record<CloudSize, object>;

/** Debian installs it in /usr/share, Ubuntu in /etc. */
const PASTE_FILES = ["/usr/share/glance-common/glance-api-paste.ini", "/etc/glance/glance-api-paste.ini"];

/** @throws VisaImageError where a program without which there is no cloud is missing */
export async function assertPrograms(size: CloudSize): Promise<void> {
  const missing = new Set<string>();
  const wanted = size === "full" ? { ...PROGRAMS, ...FULL_PROGRAMS } : PROGRAMS;
  for (const [file, name] of Object.entries(wanted)) if (!(await exists(file))) missing.add(name);
  if (missing.size === 0) return;
  throw new VisaImageError(`these packages are missing: ${[...missing].join(", ")}`, {
    fix: `install them: dev/setup${size === "full" ? " --full" : ""}`,
    exitCode: ExitCode.USAGE,
  });
}

/** Glance's own pipeline of middleware. @throws VisaImageError where it is not there */
export async function pasteFile(): Promise<string> {
  for (const file of PASTE_FILES) if (await exists(file)) return file;
  throw new VisaImageError(`glance's glance-api-paste.ini is in none of ${PASTE_FILES.join(", ")}`, {
    fix: "install the package glance-common",
  });
}

/** Versions of the Debian packages of the services that have a database; `unknown` where one came in another way. */
export async function packageVersions(size: CloudSize): Promise<Record<string, string>> {
  const versions = Object.entries(SCHEMA_PACKAGES[size]).map(async ([service, name]) => {
    const { status, output } = await execute("dpkg-query", ["-W", "-f", "$" + "{Version}", name], ENVIRONMENT);
    return [service, status === 0 ? output : "unknown"];
  });
  return Object.fromEntries(await Promise.all(versions));
}

/** Runs a program to its end; what it writes to both streams is its output. Not execa: tsx can't load that. */
export function execute(program: string, args: readonly string[], env: Record<string, string>) {
  return new Promise<{ status: number | string; output: string }>((resolve) => {
    execFile(program, args, { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ status: error ? (error.code ?? error.signal ?? error.message) : 0, output: stdout + stderr });
    });
  });
}
