import { OpenstackProvider, type OpenstackProviderConfig } from "@cdktf/provider-openstack/lib/provider";
import { TerraformStack, TerraformVariable } from "cdktf";
import { addImage, newApp, synthesized } from "./support";

/** The environment of each step that signs in, of an image whose stack has this provider. */
function environments(config: OpenstackProviderConfig, order: "first" | "last" = "first"): Record<string, object> {
  const stack = new TerraformStack(newApp(), "images");
  if (order === "first") new OpenstackProvider(stack, "openstack", config);
  addImage(stack, { cacheFrom: "glance" });
  if (order === "last") new OpenstackProvider(stack, "openstack", config);
  return environmentsOf(stack);
}

function environmentsOf(stack: TerraformStack): Record<string, object> {
  const { terraform_data: data } = synthesized(stack).resource;
  const [use, check] = data["visa-apps_in_use"].provisioner;
  return {
    build: data["layer_visa-apps"].provisioner[0]["local-exec"].environment,
    register: data["visa-apps_5c329d84cf97_registered"].provisioner[0]["local-exec"].environment,
    use: use["local-exec"].environment,
    check: check["local-exec"].environment,
  };
}

const state = { VISA_STATE_RELEASES: expect.stringContaining("self.triggers_replace") };

test.each(["first", "last"] as const)("steps are told all that the provider is told in code, made %s", (order) => {
  const config = {
    ...{ cloud: "prod", region: "north", endpointType: "internal", cacertFile: "ca.pem", insecure: true },
    ...{ authUrl: "https://x/v3", userName: "jane", tenantName: "visa", userDomainName: "Default" },
    applicationCredentialId: "0c1d",
  };
  const own = {
    ...{ OS_CLOUD: "prod", OS_REGION_NAME: "north", OS_ENDPOINT_TYPE: "internal" },
    ...{ OS_CACERT: "ca.pem", OS_INSECURE: "true", OS_AUTH_URL: "https://x/v3", OS_USERNAME: "jane" },
    ...{ OS_TENANT_NAME: "visa", OS_USER_DOMAIN_NAME: "Default", OS_APPLICATION_CREDENTIAL_ID: "0c1d" },
  };
  expect(environments(config, order)).toEqual({ build: own, register: own, use: own, check: { ...own, ...state } });
});

test("steps are told nothing where the environment says it all", () => {
  expect(environments({})).toEqual({ build: undefined, register: undefined, use: undefined, check: state });
});

test("what only Terraform knows is not told where it may not be", () => {
  const stack = new TerraformStack(newApp(), "images");
  const region = new TerraformVariable(stack, "region", { type: "string" }).stringValue;
  new OpenstackProvider(stack, "openstack", { region, cloud: "prod" });
  addImage(stack);
  const { register, check } = environmentsOf(stack);
  expect(register).toEqual({ OS_CLOUD: "prod", OS_REGION_NAME: "${var.region}" });
  expect(check).toEqual({ OS_CLOUD: "prod", ...state });
  const { command } = synthesized(stack).resource.terraform_data["visa-apps_in_use"].provisioner[0]["local-exec"];
  expect(command).toMatch(/ --cloud prod$/);
});

describe("a provider with credentials in code", () => {
  test.each(["first", "last"] as const)("fails whether it is made %s", (order) => {
    expect(() => environments({ userName: "jane", password: "p" }, order)).toThrow(
      'the provider "images/openstack" has password in code',
    );
  });

  test("is no matter for an image of another provider", () => {
    const stack = new TerraformStack(newApp(), "images");
    new OpenstackProvider(stack, "openstack", { password: "p" });
    const provider = new OpenstackProvider(stack, "other", { alias: "other", cloud: "prod" });
    addImage(stack, { provider });
    expect(() => synthesized(stack)).not.toThrow();
  });
});
