/** How the full cloud's Placement is configured and served. */
import { type FullCloudSettings, serviceUser } from "../settings";
import { databaseUrl } from "./database";
import { uwsgi } from "./uwsgi";

/** Its configuration file. */
export function placementConfiguration(settings: FullCloudSettings): string {
  return `[DEFAULT]
use_stderr = true

[placement_database]
connection = ${databaseUrl(settings, "placement")}

[keystone_authtoken]
www_authenticate_uri = ${serviceUser(settings, "placement").auth_url}
${lines(serviceUser(settings, "placement"))}
service_token_roles_required = true

[oslo_policy]
policy_file = /run/cloud/policy.yaml
policy_dirs = /run/cloud/policy.d
`;
}

/** Serves it by uWSGI, on the namespace's loopback. */
export function placementCommand({ full }: FullCloudSettings): string[] {
  return uwsgi(full.ports.placement, "/usr/bin/placement-api", 1);
}

/** Options as a section's lines. */
export function lines(options: Readonly<Record<string, string>>): string {
  return Object.entries(options)
    .map(([name, value]) => `${name} = ${value}`)
    .join("\n");
}
