import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import type { Construct } from "constructs";
import { type TerraformProvider, TerraformStack } from "#cdktf";
import { VisaImageError } from "../errors";

/** The provider's arguments that may be handed to a command, and the variables that the provider reads in their place. */
const SETTINGS = {
  cloud: "OS_CLOUD",
  region: "OS_REGION_NAME",
  authUrl: "OS_AUTH_URL",
  endpointType: "OS_ENDPOINT_TYPE",
  insecure: "OS_INSECURE",
  cacertFile: "OS_CACERT",
  cert: "OS_CERT",
  userName: "OS_USERNAME",
  userId: "OS_USER_ID",
  tenantName: "OS_TENANT_NAME",
  tenantId: "OS_TENANT_ID",
  userDomainName: "OS_USER_DOMAIN_NAME",
  userDomainId: "OS_USER_DOMAIN_ID",
  projectDomainName: "OS_PROJECT_DOMAIN_NAME",
  projectDomainId: "OS_PROJECT_DOMAIN_ID",
  domainName: "OS_DOMAIN_NAME",
  domainId: "OS_DOMAIN_ID",
  defaultDomain: "OS_DEFAULT_DOMAIN",
  systemScope: "OS_SYSTEM_SCOPE",
  applicationCredentialId: "OS_APPLICATION_CREDENTIAL_ID",
  applicationCredentialName: "OS_APPLICATION_CREDENTIAL_NAME",
  allowReauth: "OS_ALLOW_REAUTH",
} as const;

/** Secrets, and what a command cannot be told: it would sign in elsewhere, or as somebody else. */
const REFUSED = ["password", "token", "applicationCredentialSecret", "key", "swauth", "endpointOverrides"] as const;

/** The provider that is given, else the stack's one without an alias. */
export function providerOf(scope: Construct, given?: TerraformProvider): TerraformProvider | undefined {
  if (given) return given;
  const providers = TerraformStack.of(scope).allProviders();
  return providers.find((each) => each.terraformResourceType === "openstack" && !each.alias);
}

/**
 * The provider's settings as variables, so that a command that Terraform runs signs in where the provider does. Credentials
 * are never passed: they would stand in the plan.
 *
 * @throws VisaImageError where the provider has credentials in code: the command would sign in with those of the shell
 */
export function cloudEnvironment(scope: Construct, given?: TerraformProvider): Record<string, string> | undefined {
  const provider = providerOf(scope, given);
  if (!provider) return undefined;
  const argument = (name: string) => (provider as unknown as Record<string, unknown>)[name];
  const refused = REFUSED.filter((name) => ![undefined, "", false].includes(argument(name) as undefined));
  if (refused.length > 0) {
    throw new VisaImageError(
      `the provider "${provider.node.path}" has ${refused.join(", ")} in code: "${scope.node.path}" is registered by a command of its own, which cannot be given them and would sign in otherwise`,
      {
        fix: 'describe the cloud in clouds.yaml, and name its entry: new OpenstackProvider(stack, "openstack", { cloud: "mycloud" }), or OS_CLOUD',
      },
    );
  }
  checkPaths(argument("cloud"));
  const environment = Object.entries(SETTINGS).flatMap(([name, variable]) => {
    const value = argument(name);
    return value === undefined || value === "" ? [] : [[variable, String(value)] as const];
  });
  return environment.length > 0 ? Object.fromEntries(environment) : undefined;
}

/** Variables that are paths, or the file's text. */
const PATHS = ["OS_CACERT", "OS_CERT", "OS_KEY", "OS_CLIENT_CONFIG_FILE"] as const;

/**
 * The provider runs in the stack's output folder, and reads these by itself: a relative path counts from there, where
 * nobody means it to who writes it into the environment. In code it may be meant.
 *
 * @throws VisaImageError for a relative path, and for a clouds.yaml that only this folder has
 */
function checkPaths(named: unknown): void {
  for (const variable of PATHS) {
    const value = process.env[variable];
    if (!value || /^[/~]|^\s*-----BEGIN/.test(value)) continue;
    throw new VisaImageError(
      `${variable} is "${value}", a relative path: Terraform runs in the stack's output folder`,
      { fix: `export ${variable}="$PWD/${value}"` },
    );
  }
  const cloud = named || process.env.OS_CLOUD;
  if (!cloud || process.env.OS_CLIENT_CONFIG_FILE) return;
  const here = cloudsIn(process.cwd());
  if (!here || [join(homedir(), ".config", "openstack"), "/etc/openstack"].some((folder) => cloudsIn(folder))) return;
  throw new VisaImageError(`"${here}" is not found by the provider: Terraform runs in the stack's output folder`, {
    fix: `export OS_CLIENT_CONFIG_FILE="$PWD/${basename(here)}"; or put it into ~/.config/openstack`,
  });
}

function cloudsIn(folder: string): string | undefined {
  return ["clouds.yaml", "clouds.yml"].map((name) => join(folder, name)).find((file) => existsSync(file));
}
