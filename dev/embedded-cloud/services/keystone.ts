/** How the embedded cloud's Keystone is configured, set up and served. Why each unusual value is there stands beside it. */

import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "../../../lib/presence";
import { type CloudSettings, endpoints, REGION } from "../settings";
import { uwsgi } from "./uwsgi";

/** Keystone's configuration file. */
export function keystoneConfiguration({ folder }: CloudSettings): string {
  return `[DEFAULT]
use_stderr = true

[database]
connection = sqlite:///${join(folder, "keystone/keystone.db")}

[token]
# An upload of a large image without KVM may take hours.
expiration = 14400

[fernet_tokens]
# Left to their defaults, the keys of this and the next two sections land in /etc/keystone.
key_repository = ${join(folder, "keystone/fernet")}

[fernet_receipts]
key_repository = ${join(folder, "keystone/fernet")}

[credential]
key_repository = ${join(folder, "keystone/credential")}

[identity]
# The passwords are random and long: a costly hash would only slow each token down.
password_hash_rounds = 4

[oslo_policy]
# Nothing from /etc/keystone, which an ordinary user can't read.
policy_file = ${join(folder, "keystone/policy.yaml")}
policy_dirs = ${join(folder, "keystone/policy.d")}
`;
}

/** Serves it by uWSGI, on loopback. */
export function keystoneCommand(port: number): string[] {
  return uwsgi(port, "/usr/bin/keystone-wsgi-public", 2);
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
