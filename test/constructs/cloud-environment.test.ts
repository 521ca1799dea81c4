import { OpenstackProvider, type OpenstackProviderConfig } from "@cdktf/provider-openstack/lib/provider";
import { TerraformVariable } from "cdktf";
import { cloudEnvironment } from "../../lib/constructs/cloud-environment";
import { addImage, newStack, synthesized } from "./support";

function environmentOf(config: OpenstackProviderConfig) {
  const stack = newStack();
  const provider = new OpenstackProvider(stack, "own", { alias: "own", ...config });
  return cloudEnvironment(stack, provider);
}

test("hands over what is no secret, as the variables that the provider reads", () => {
  expect(environmentOf({})).toBeUndefined();
  expect(
    environmentOf({ cloud: "ours", region: "north", endpointType: "internal", insecure: false, tenantId: "p" }),
  ).toEqual({
    OS_CLOUD: "ours",
    OS_REGION_NAME: "north",
    OS_ENDPOINT_TYPE: "internal",
    OS_INSECURE: "false",
    OS_TENANT_ID: "p",
  });
});

test.each<OpenstackProviderConfig>([
  { userName: "jane", password: "Canary-77" },
  { token: "Canary-77" },
  { applicationCredentialId: "i", applicationCredentialSecret: "Canary-77" },
  { cert: "own.pem", key: "Canary-77" },
  { cloud: "ours", endpointOverrides: { image: "http://elsewhere.example" } },
])("fails for credentials in code, naming the argument, the construct and the fix: %j", (config) => {
  const names = Object.keys(config).filter((name) => /password|token|Secret|key|Overrides/.test(name));
  const what = new RegExp(`provider "images/own" has ${names[0]} in code: "images".*\n  fix: .*clouds\\.yaml.*cloud:`);
  expect(() => environmentOf(config)).toThrow(what);
  expect(() => environmentOf(config)).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining("Canary") }),
  );
});

test("fails for a password that a variable has", () => {
  const stack = newStack();
  const password = new TerraformVariable(stack, "password", { type: "string", sensitive: true }).stringValue;
  const provider = new OpenstackProvider(stack, "own", { alias: "own", password });
  expect(() => cloudEnvironment(stack, provider)).toThrow(/has password in code/);
});

test("fails at synth for an image of such a provider, before anything is built", () => {
  const stack = newStack();
  const provider = new OpenstackProvider(stack, "own", { alias: "own", userName: "jane", password: "p" });
  expect(() => {
    addImage(stack, { provider });
    synthesized(stack);
  }).toThrow(/has password in code/);
});
