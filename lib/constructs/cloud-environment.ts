import { type TerraformProvider, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
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
  const environment = Object.entries(SETTINGS).flatMap(([name, variable]) => {
    const value = argument(name);
    return value === undefined || value === "" ? [] : [[variable, String(value)] as const];
  });
  return environment.length > 0 ? Object.fromEntries(environment) : undefined;
}
