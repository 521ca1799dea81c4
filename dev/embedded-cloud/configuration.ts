/**
 * The files of the embedded cloud, as text: pure functions of its settings.
 *
 * Why each unusual value is there stands beside it; the measurements are in docs/decisions/embedded-cloud.md.
 */

import { join } from "node:path";
import { shellWord } from "../../lib/shell-word";

/** The only region, and the name under which clouds.yaml knows the cloud. */
export const REGION = "RegionOne";
export const CLOUD_NAME = "embedded";

/** The services, in the order in which they are started. */
export const SERVICES = ["keystone", "glance"] as const;
export type ServiceName = (typeof SERVICES)[number];

/** What an embedded cloud is made of; kept in its `state.json`, readable by its owner only. */
export interface CloudSettings {
  /** Absolute folder that holds all of it. */
  readonly folder: string;
  readonly ports: Readonly<Record<ServiceName, number>>;
  /** Password of `admin`, made at the first start. */
  readonly adminPassword: string;
  /** Password of the user `glance`, by which Glance checks tokens. */
  readonly glancePassword: string;
}

/** URLs as the catalog lists them. */
export function endpoints(settings: Pick<CloudSettings, "ports">): Record<ServiceName, string> {
  return {
    keystone: `http://127.0.0.1:${settings.ports.keystone}/v3`,
    glance: `http://127.0.0.1:${settings.ports.glance}`,
  };
}

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

/** Glance's configuration file, with more options of its section DEFAULT. */
export function glanceConfiguration(
  settings: CloudSettings,
  pasteFile: string,
  more: Readonly<Record<string, string>> = {},
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

/** What a client of the cloud sets, by the names that every OpenStack client knows. */
export function clientVariables(settings: CloudSettings): Record<string, string> {
  return {
    OS_AUTH_URL: endpoints(settings).keystone,
    OS_IDENTITY_API_VERSION: "3",
    OS_INTERFACE: "public",
    OS_PASSWORD: settings.adminPassword,
    OS_PROJECT_DOMAIN_NAME: "Default",
    OS_PROJECT_NAME: "admin",
    OS_REGION_NAME: REGION,
    OS_USER_DOMAIN_NAME: "Default",
    OS_USERNAME: "admin",
  };
}

/** clouds.yaml with one cloud, {@link CLOUD_NAME}. JSON is YAML: no value needs quoting of its own. */
export function cloudsYaml(settings: CloudSettings): string {
  const cloud = {
    auth: {
      auth_url: endpoints(settings).keystone,
      username: "admin",
      password: settings.adminPassword,
      project_name: "admin",
      user_domain_name: "Default",
      project_domain_name: "Default",
    },
    region_name: REGION,
    interface: "public",
    identity_api_version: "3",
  };
  return `${JSON.stringify({ clouds: { [CLOUD_NAME]: cloud } }, null, 2)}\n`;
}

/** An openrc file, as a real cloud's dashboard hands it out. */
export function openrc(settings: CloudSettings): string {
  return exportLines(clientVariables(settings));
}

/** `OS_*` variables of some other cloud that a client would mix with clouds.yaml. */
const FOREIGN = [
  "OS_AUTH_TYPE",
  "OS_AUTH_URL",
  "OS_APPLICATION_CREDENTIAL_ID",
  "OS_APPLICATION_CREDENTIAL_NAME",
  "OS_APPLICATION_CREDENTIAL_SECRET",
  "OS_CACERT",
  "OS_DOMAIN_ID",
  "OS_DOMAIN_NAME",
  "OS_ENDPOINT_TYPE",
  "OS_PASSWORD",
  "OS_PROJECT_DOMAIN_ID",
  "OS_PROJECT_DOMAIN_NAME",
  "OS_PROJECT_ID",
  "OS_PROJECT_NAME",
  "OS_REGION_NAME",
  "OS_SYSTEM_SCOPE",
  "OS_TENANT_ID",
  "OS_TENANT_NAME",
  "OS_TOKEN",
  "OS_USER_DOMAIN_ID",
  "OS_USER_DOMAIN_NAME",
  "OS_USER_ID",
  "OS_USERNAME",
];

/** Shell lines for `eval "$(dev/cloud env)"`: they select the embedded cloud and hold no secret. */
export function shellEnvironment(settings: Pick<CloudSettings, "folder">, noProxy: string | undefined): string {
  const local = ["127.0.0.1", "localhost"];
  const hosts = [...(noProxy ?? "").split(",").filter((host) => host && !local.includes(host)), ...local].join(",");
  return `unset ${FOREIGN.join(" ")}
${exportLines({
  OS_CLIENT_CONFIG_FILE: join(settings.folder, "clouds.yaml"),
  OS_CLOUD: CLOUD_NAME,
  NO_PROXY: hosts,
  no_proxy: hosts,
})}`;
}

function exportLines(variables: Record<string, string>): string {
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${shellWord(value)}\n`)
    .join("");
}
