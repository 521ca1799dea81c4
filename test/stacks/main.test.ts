import { join } from "node:path";
import { TerraformStack, Testing } from "cdktf";
import { OwnerUserData } from "../../lib";
import { createApp } from "../../stacks/main";
import { VisaImageStack } from "../../stacks/visa-image";
import { scratchFolder } from "../support/scratch";

const VISA_CATALOG = join(__dirname, "..", "fixtures", "catalogs", "packme");
const VISA_LOCK_FILE = join(scratchFolder(), "visa-images.lock.json");

/** The synthesized stacks of an app of these variables. */
// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
function synthesize(environment: Record<string, string> = {}): Record<string, any> {
  const app = createApp({ VISA_CATALOG, VISA_LOCK_FILE, ...environment });
  const stacks = app.node.children.filter(TerraformStack.isStack);
  return Object.fromEntries(stacks.map((stack) => [stack.node.id, JSON.parse(Testing.synth(stack, true))]));
}

test("builds the chain, registers its image and tells what VISA asks for", () => {
  const { "visa-image": stack } = synthesize();
  expect(Object.keys(stack.resource.terraform_data)).toEqual(
    expect.arrayContaining(["layer_system-base", "layer_visa-apps", "layer_visa-base", "visa-apps_protection"]),
  );
  expect(Object.keys(stack.output)).toEqual(["boot_command_file", "fingerprint", "image_id", "image_name"]);
});

test("names no folder of this machine in what Terraform reads", () => {
  for (const stack of Object.values(synthesize({ VISA_LOCK_FILE: "" }))) {
    expect(JSON.stringify(stack)).not.toContain(process.cwd());
  }
});

test("uses the addresses that an openrc asks for, which the provider itself does not", () => {
  const provider = (environment: Record<string, string>) =>
    Object.values(synthesize(environment)).map((stack) => stack.provider.openstack[0]);
  expect(provider({ OS_INTERFACE: "internal" })).toEqual([
    { endpoint_type: "internal" },
    { endpoint_type: "internal" },
  ]);
  expect(provider({ OS_INTERFACE: "internal", OS_CLOUD: "ours" })).toEqual([{}, {}]);
});

test("keeps the state beside cdktf.json, by a path relative to where Terraform runs", () => {
  const { "visa-image": stack } = synthesize();
  expect(stack.terraform.backend.local.path).toBe("../../../terraform.visa-image.tfstate");
});

test("keeps the state in a database where it is told to, by the environment's credentials", () => {
  const stacks = synthesize({ VISA_STATE_BACKEND: "pg" });
  expect(Object.entries(stacks).map(([id, stack]) => [id, stack.terraform.backend])).toEqual([
    ["visa-image", { pg: { conn_str: "", schema_name: "visa-image" } }],
    ["visa-infrastructure", { pg: { conn_str: "", schema_name: "visa-infrastructure" } }],
  ]);
});

test("fails for a state that is to be in a folder and in a database", () => {
  expect(() => synthesize({ VISA_STATE_BACKEND: "pg", VISA_STATE_FOLDER: "/srv/state" })).toThrow(
    /in the folder "\/srv\/state" and in a database\n {2}fix: leave out/,
  );
});

test("reads its variables", () => {
  const { "visa-image": stack } = synthesize({
    VISA_IMAGE_NAME: "VISA",
    VISA_DISK_FORMAT: "qcow2",
    VISA_PROTECTED: "false",
    VISA_IMAGE_VISIBILITY: "public",
  });
  const [image] = Object.values(stack.resource.openstack_images_image_v2);
  expect(image).toMatchObject({ name: "VISA", disk_format: "qcow2", visibility: "public" });
  expect(Object.keys(stack.resource.terraform_data)).not.toContain("visa-apps_protection");
});

test("reads the budget of the boot as the gate does", () => {
  const { "visa-image": stack } = synthesize({
    VISA_CATALOG: "",
    VISA_BOOT_BUDGET: "owner=0.25,firstPicture=0.5",
  });
  const { "visa-apps_verified": gate } = stack.resource.terraform_data;
  expect(gate.triggers_replace["boot budget"]).toBe("owner=0.25,firstPicture=0.5");
});

test("has Glance fetch the disk where a folder and its address are said", () => {
  const { "visa-image": stack } = synthesize({
    VISA_WEB_DOWNLOAD_FOLDER: "/srv/www",
    VISA_WEB_DOWNLOAD_URL: "http://www.example.org",
  });
  expect(Object.values(stack.resource.openstack_images_image_v2)[0]).toMatchObject({ web_download: true });
  expect(() => synthesize({ VISA_WEB_DOWNLOAD_URL: "http://www.example.org" })).toThrow(
    "fix: set VISA_WEB_DOWNLOAD_FOLDER too",
  );
});

test("takes layers from Glance where it is asked to", () => {
  const parents = (environment: Record<string, string>) => {
    const app = createApp({ VISA_CATALOG, VISA_LOCK_FILE, ...environment });
    const stack = app.node.children.find((child) => child instanceof VisaImageStack);
    return stack?.image.build.specification.parentsFromGlance;
  };
  expect(parents({ VISA_CACHE_FROM: "glance" })).toEqual({ lockFile: VISA_LOCK_FILE });
  const warn = jest.spyOn(process, "emitWarning").mockImplementation(() => {});
  expect(parents({ VISA_PARENTS_FROM_GLANCE: "true" })).toEqual({ lockFile: VISA_LOCK_FILE });
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('"VISA_CACHE_FROM" now'), "VisaImageWarning");
  warn.mockRestore();
  expect(parents({})).toBeUndefined();
});

test("makes an instance of the very image that the other stack registers", () => {
  const { "visa-image": images, "visa-infrastructure": stack } = synthesize({ VISA_OWNER: "ada" });
  expect(stack.data.openstack_images_image_v2.image).toMatchObject({
    name: "visa-apps",
    properties: { visa_fingerprint: images.output.fingerprint.value },
  });
  const [instance] = Object.values(stack.resource.openstack_compute_instance_v2);
  expect(instance).toMatchObject({ metadata: { owner: "ada" }, user_data: OwnerUserData.script().render() });
});

// cdktf refuses to deploy a stack without those that it depends on.
test.each([[{}], [{ VISA_IMAGE_ID: "5f0e9b7c-0000-4000-8000-000000000001" }]])(
  "deploys each stack by itself: %j",
  (own) => {
    const app = createApp({ VISA_CATALOG, VISA_LOCK_FILE, ...own });
    const stacks = app.node.children.filter(TerraformStack.isStack);
    expect(stacks.map(({ node, dependencies }) => [node.id, dependencies])).toEqual([
      ["visa-image", []],
      ["visa-infrastructure", []],
    ]);
  },
);

test("lets VISA reach the desktop from where it is said to be, and without a router from the instance's network", () => {
  const desktop = (environment: Record<string, string>) => {
    const { "visa-infrastructure": stack } = synthesize(environment);
    const rules = Object.values(stack.resource.openstack_networking_secgroup_rule_v2) as Record<string, unknown>[];
    return rules.map(({ port_range_min: port, remote_ip_prefix: from }) => `${port} ${from}`).sort();
  };
  expect(desktop({})).toEqual(["3389 10.42.0.0/24", "4822 10.42.0.0/24", "8888 10.42.0.0/24"]);
  expect(desktop({ VISA_EXTERNAL_NETWORK_ID: "external", VISA_SERVER_CIDRS: "192.0.2.0/28, 198.51.100.7/32" })).toEqual(
    ["3389", "4822", "8888"].flatMap((port) => [`${port} 192.0.2.0/28`, `${port} 198.51.100.7/32`]),
  );
});

test.each([
  [
    "VISA_EXTERNAL_NETWORK_ID",
    "external",
    "set VISA_SERVER_CIDRS to the addresses of VISA's servers, or to 10.42.0.0/24",
  ],
  ["VISA_DISK_FORMAT", "vmdk", 'VISA_DISK_FORMAT is "vmdk"\n  fix: set it to one of: raw, qcow2'],
  ["VISA_PROTECTED", "maybe", 'VISA_PROTECTED is "maybe"'],
  ["VISA_STATE_BACKEND", "s3", 'VISA_STATE_BACKEND is "s3"\n  fix: set it to one of: local, pg'],
  ["VISA_CACHE_FROM", "maybe", 'VISA_CACHE_FROM is "maybe"\n  fix: set it to one of: glance'],
  ["VISA_BOOT_BUDGET", "25 %", '"bootBudget.25 %" is nothing that a boot is measured by'],
  ["VISA_RELEASE", "0123456789ab", 'the lock has no release "0123456789ab" of "visa-image/visa-apps"'],
])("fails for %s=%s, with what it may be", (name, value, message) => {
  expect(() => synthesize({ [name]: value })).toThrow(message);
});

test("keeps VISA's entry of the image where a channel is said, and no other one", () => {
  const { "visa-image": stack } = synthesize({ VISA_CATALOG: "", VISA_CHANNEL: "candidate" });
  expect(stack.resource.terraform_data.visa_in_visa.triggers_replace).toMatchObject({
    channel: "candidate",
    protocols: "GUACD RDP JUPYTER",
  });
  expect(synthesize()["visa-image"].resource.terraform_data).not.toHaveProperty("visa_in_visa");
  expect(() => synthesize({ VISA_CHANNEL: "beta" })).toThrow('VISA_CHANNEL is "beta"');
});
