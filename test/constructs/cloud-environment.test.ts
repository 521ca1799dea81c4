import { realpathSync, writeFileSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { OpenstackProvider, type OpenstackProviderConfig } from "@cdktf/provider-openstack/lib/provider";
import { TerraformVariable } from "cdktf";
import { cloudEnvironment } from "../../lib/constructs/cloud-environment";
import { scratchFolder } from "../support/scratch";
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

describe("paths, which count from where Terraform runs", () => {
  const before = { ...process.env };
  const here = process.cwd();
  afterEach(() => {
    process.env = { ...before };
    process.chdir(here);
  });

  test.each(["OS_CACERT", "OS_CERT", "OS_KEY", "OS_CLIENT_CONFIG_FILE"])("fails for a relative %s", (name) => {
    process.env[name] = "certs/ca.pem";
    expect(() => environmentOf({})).toThrow(`fix: export ${name}="$PWD/certs/ca.pem"`);
  });

  test("takes a relative one in code, where it may be meant", () => {
    expect(environmentOf({ cacertFile: "../../ca.pem" })).toEqual({ OS_CACERT: "../../ca.pem" });
  });

  test.each(["/etc/ca.pem", "~/ca.pem", "-----BEGIN CERTIFICATE-----\nMII"])("takes %s", (value) => {
    process.env.OS_CACERT = value;
    expect(environmentOf({})).toBeUndefined();
  });

  test("fails for a clouds.yaml beside cdktf.json alone, and takes it where it is named", () => {
    // Without it in the home or the environment either, whoever runs this.
    delete process.env.OS_CLIENT_CONFIG_FILE;
    jest.spyOn(os, "homedir").mockReturnValue("/nowhere");
    const folder = realpathSync(scratchFolder());
    process.chdir(folder);
    writeFileSync(join(folder, "clouds.yaml"), "clouds: {}");
    expect(environmentOf({})).toBeUndefined();
    process.env.OS_CLOUD = "ours";
    expect(() => environmentOf({})).toThrow(/is not found by the provider.*\n {2}fix: export OS_CLIENT_CONFIG_FILE=/);
    process.env.OS_CLIENT_CONFIG_FILE = join(folder, "clouds.yaml");
    expect(environmentOf({})).toBeUndefined();
  });
});
