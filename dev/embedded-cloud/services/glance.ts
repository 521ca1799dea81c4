/** How the embedded cloud's Glance is configured. Why each unusual value is there stands beside it. */
import { join } from "node:path";
import { type CloudSettings, endpoints, REGION } from "../settings";

/**
 * Glance's configuration file, with more options of its section DEFAULT, and of `import`: those of a Glance that fetches
 * images from any port of this machine (by itself it takes 80 and 443 alone), and stores as raw what comes as qcow2.
 */
export function glanceConfiguration(
  settings: CloudSettings,
  pasteFile: string,
  more: Readonly<Record<string, string>> = {},
  imports = false,
): string {
  const glance = join(settings.folder, "glance");
  return `[DEFAULT]
use_stderr = true
bind_host = 127.0.0.1
bind_port = ${settings.ports.glance}
# oslo.db begins each of SQLite's transactions as one that reads: where another process writes before it does, it gets
# "database is locked" at once, and the client a 500. One worker answers within 10 ms while it takes an upload.
workers = 1
enabled_backends = file:file
node_staging_uri = file://${join(glance, "staging")}
lock_path = ${join(glance, "lock")}
${Object.entries(more)
  .map(([name, value]) => `${name} = ${value}\n`)
  .join("")}
[database]
connection = sqlite:///${join(glance, "glance.db")}

[glance_store]
default_backend = file

[file]
filesystem_store_datadir = ${join(glance, "images")}
filesystem_thin_provisioning = true
filesystem_store_chunk_size = 262144

# Left to their defaults, these two land in /var/lib/glance.
[os_glance_staging_store]
filesystem_store_datadir = ${join(glance, "staging")}
[os_glance_tasks_store]
filesystem_store_datadir = ${join(glance, "tasks")}

[task]
work_dir = ${join(glance, "tasks")}
${imports ? IMPORTS : ""}
[keystone_authtoken]
www_authenticate_uri = ${endpoints(settings).keystone}
auth_url = ${endpoints(settings).keystone}
auth_type = password
username = glance
password = ${settings.glancePassword}
project_name = service
user_domain_name = Default
project_domain_name = Default
region_name = ${REGION}
interface = public
service_token_roles_required = true

# Of a key manager, where the catalog has one: it has the certificates of images that are signed.
[barbican]
auth_endpoint = ${endpoints(settings).keystone}

[paste_deploy]
flavor = keystone
config_file = ${pasteFile}

[oslo_concurrency]
lock_path = ${join(glance, "lock")}

[oslo_policy]
policy_file = ${join(glance, "policy.yaml")}
policy_dirs = ${join(glance, "policy.d")}
`;
}

const IMPORTS = `
[import_filtering_opts]
# Loopback is refused but where it is named.
allowed_hosts = [127.0.0.1]
allowed_ports = []

[image_import_opts]
image_import_plugins = [image_conversion]

[image_conversion]
output_format = raw
`;
