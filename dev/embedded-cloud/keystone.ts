/** How the embedded cloud's Keystone is set up and served. */

import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "../../lib/presence";
import { type CloudSettings, endpoints, REGION } from "./configuration";

/** Serves it by uWSGI, on loopback. */
export function keystoneCommand(port: number): string[] {
  return [
    "uwsgi",
    ...["--plugin", "python3", "--wsgi-file", "/usr/bin/keystone-wsgi-public"],
    ...["--http-socket", `127.0.0.1:${port}`, "--master", "--processes", "2", "--need-app", "--no-orphans"],
    // Without it SIGTERM only reloads.
    "--die-on-term",
    // A token with its catalog in the headers is larger than the default of 4 KiB.
    ...["--buffer-size", "65535"],
    // Without it a connection is reset now and then.
    ...["--add-header", "Connection: close"],
    "--disable-logging",
  ];
}

/** The arguments of keystone-manage that make its first user and its own endpoint. */
export function bootstrapArguments(settings: CloudSettings): string[] {
  const url = endpoints(settings).keystone;
  return [
    "bootstrap",
    ...["--bootstrap-region-id", REGION, "--bootstrap-service-name", "keystone"],
    ...["--bootstrap-public-url", url, "--bootstrap-internal-url", url, "--bootstrap-admin-url", url],
  ];
}

/** What `keystone-manage fernet_setup` and `credential_setup` do, in no time instead of two seconds each. */
export async function makeKeys(repository: string): Promise<void> {
  if (await exists(join(repository, "1"))) return;
  // 0 is the staged key, the highest number the primary one; a key is 32 bytes in URL-safe base64 with padding.
  for (const name of ["0", "1"]) {
    const key = randomBytes(32).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
    await writeFile(join(repository, name), key, { mode: 0o600 });
  }
}
