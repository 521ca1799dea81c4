/** What a client of the embedded cloud needs: clouds.yaml, an openrc, and shell lines that select it. */
import { join } from "node:path";
import { shellWord } from "../../lib/shell-word";
import { CLOUD_NAME, type CloudSettings, endpoints, MEMBER, MEMBER_CLOUD_NAME, REGION } from "./settings";

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

/**
 * clouds.yaml with {@link CLOUD_NAME}, and {@link MEMBER_CLOUD_NAME} where it is a full one. JSON is YAML: no value needs
 * quoting of its own.
 */
export function cloudsYaml(settings: CloudSettings): string {
  const cloud = (username: string, password: string, project: string) => ({
    auth: {
      auth_url: endpoints(settings).keystone,
      username,
      password,
      project_name: project,
      user_domain_name: "Default",
      project_domain_name: "Default",
    },
    region_name: REGION,
    interface: "public",
    identity_api_version: "3",
  });
  const clouds = {
    [CLOUD_NAME]: cloud("admin", settings.adminPassword, "admin"),
    ...(settings.full && { [MEMBER_CLOUD_NAME]: cloud(MEMBER, settings.full.memberPassword, MEMBER) }),
  };
  return `${JSON.stringify({ clouds }, null, 2)}\n`;
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

/** Shell lines for `eval "$(dev/cloud env)"`: they select a cloud of clouds.yaml and hold no secret. */
export function shellEnvironment(
  settings: Pick<CloudSettings, "folder">,
  noProxy: string | undefined,
  cloud: string = CLOUD_NAME,
): string {
  const local = ["127.0.0.1", "localhost"];
  const hosts = [...(noProxy ?? "").split(",").filter((host) => host && !local.includes(host)), ...local].join(",");
  return `unset ${FOREIGN.join(" ")}
${exportLines({
  OS_CLIENT_CONFIG_FILE: join(settings.folder, "clouds.yaml"),
  OS_CLOUD: cloud,
  NO_PROXY: hosts,
  no_proxy: hosts,
})}`;
}

function exportLines(variables: Record<string, string>): string {
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${shellWord(value)}\n`)
    .join("");
}
