/** The programs of the embedded cloud: those of the distribution's packages, and how they are run. */

import { execFile } from "node:child_process";
import { ExitCode, VisaImageError } from "../../lib/errors";
import { exists } from "../../lib/presence";
import type { ServiceName } from "./configuration";

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

/** Debian installs it in /usr/share, Ubuntu in /etc. */
const PASTE_FILES = ["/usr/share/glance-common/glance-api-paste.ini", "/etc/glance/glance-api-paste.ini"];

/** @throws VisaImageError where a program without which there is no cloud is missing */
export async function assertPrograms(): Promise<void> {
  const missing = new Set<string>();
  for (const [file, name] of Object.entries(PROGRAMS)) if (!(await exists(file))) missing.add(name);
  if (missing.size === 0) return;
  throw new VisaImageError(`these packages are missing: ${[...missing].join(", ")}`, {
    fix: "install them: dev/setup",
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

/** Of the Debian packages; `unknown` where the program came in another way. */
export async function packageVersions(): Promise<Record<ServiceName, string>> {
  const version = async (name: string) => {
    const { status, output } = await execute("dpkg-query", ["-W", "-f", "$" + "{Version}", name], ENVIRONMENT);
    return status === 0 ? output : "unknown";
  };
  const [keystone, glance] = await Promise.all([version("keystone"), version("glance-api")]);
  return { keystone, glance };
}

/** Runs a program to its end; what it writes to both streams is its output. Not execa: tsx can't load that. */
export function execute(program: string, args: readonly string[], env: Record<string, string>) {
  return new Promise<{ status: number | string; output: string }>((resolve) => {
    execFile(program, args, { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ status: error ? (error.code ?? error.signal ?? error.message) : 0, output: stdout + stderr });
    });
  });
}
