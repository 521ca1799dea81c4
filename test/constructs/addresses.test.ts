/** Addresses in Terraform's state and names of staged files are contracts: one golden list of all of them. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TerraformStack } from "cdktf";
import { VisaImage } from "../../lib/constructs/visa-image";
import { VisaInstance } from "../../lib/constructs/visa-instance";
import { VisaNetwork, VisaSecurityGroup } from "../../lib/constructs/visa-network";
import { formatLock, type Release } from "../../lib/releases/release-lock";
import { scratchFolder } from "../support/scratch";
import { addImage, chain, newStack, specificationOf, synthesizedFolder } from "./support";

function past(release: string): Release {
  return {
    ...{ release, fingerprint: release.padEnd(64, "0"), template: "visa-apps", name: "old", diskFormat: "raw" },
    ...{
      imageId: `5f0e9b7c-0000-4000-8000-${release}`,
      sha512: "ab",
      sizeBytes: 1,
      registered: "2026-11-01T00:00:00Z",
    },
  };
}

/** A stack with one of everything. */
function everything(): TerraformStack {
  const stack = newStack();
  const lockFile = join(scratchFolder(), "visa-images.lock.json");
  const releases = ["111111111111", "222222222222"].map(past);
  writeFileSync(lockFile, formatLock({ version: 1, images: { "images/desktop": releases } }));
  const image = addImage(stack, { lockFile, outputs: true }, "desktop");
  addImage(stack, { specification: specificationOf({ name: "a.b" }), protected: false, outputs: false }, "no.gate");
  addImage(stack, { specification: chain({ script: "333333333333 0755" }), outputs: false }, "french");
  addImage(stack, { diskFormat: "qcow2", outputs: false }, "small");
  const network = new VisaNetwork(stack, "network", { externalNetworkId: "x" });
  const group = new VisaSecurityGroup(stack, "ports", {
    apiServerCidrs: ["10.0.0.0/24"],
    administratorCidrs: ["10.9.0.0/24"],
  });
  new VisaInstance(stack, "desk.top", {
    ...{ image, owner: "ada", flavorName: "f" },
    ...{ networkIds: [network.networkId], securityGroups: [group.groupName] },
  });
  VisaImage.fromImageName(stack, "found", { imageName: "x", fingerprint: "f" });
  return stack;
}

const { folder, json } = synthesizedFolder(everything());

test("every address is what it was", () => {
  const addresses = [
    ...Object.entries<object>(json.resource).flatMap(([type, all]) =>
      Object.keys(all).map((name) => `${type}.${name}`),
    ),
    ...Object.entries<object>(json.data).flatMap(([type, all]) =>
      Object.keys(all).map((name) => `data.${type}.${name}`),
    ),
    ...Object.keys(json.output).map((name) => `output.${name}`),
    ...json.removed.map(({ from }: { readonly from: string }) => `removed ${from}`),
    ...json.import.map(({ to }: { readonly to: string }) => `import ${to}`),
  ];
  expect(addresses.sort()).toEqual([
    "data.openstack_images_image_v2.found",
    "import openstack_images_image_v2.desktop_222222222222",
    "openstack_compute_instance_v2.desktop_FEBC1F2F",
    "openstack_images_image_v2.desktop_222222222222",
    "openstack_images_image_v2.desktop_5c329d84cf97",
    "openstack_images_image_v2.french_6abb2c8b219e",
    "openstack_images_image_v2.no_gate_46013f96db6b",
    "openstack_images_image_v2.small_af4fdd34a5c0",
    "openstack_networking_network_v2.network_39EEAA36",
    "openstack_networking_router_interface_v2.network_Interface_17CBB624",
    "openstack_networking_router_v2.network_Router_FC5870F3",
    "openstack_networking_secgroup_rule_v2.ports_guacd_1_9F2924F0",
    "openstack_networking_secgroup_rule_v2.ports_icmp_1_DFA88E22",
    // Added: VISA's API server asks Jupyter's port too.
    "openstack_networking_secgroup_rule_v2.ports_jupyter_api_1_A2F7D87F",
    "openstack_networking_secgroup_rule_v2.ports_rdp_1_F4C788BD",
    "openstack_networking_secgroup_rule_v2.ports_ssh_1_40C9AD28",
    "openstack_networking_secgroup_v2.ports_A6E8BA29",
    "openstack_networking_subnet_v2.network_Subnet_2C525437",
    "output.desktop_boot_command_file",
    "output.desktop_fingerprint",
    "output.desktop_image_id",
    "output.desktop_image_name",
    "removed openstack_images_image_v2.desktop_111111111111",
    "removed terraform_data.desktop_111111111111_registered",
    "terraform_data.desk_top_image",
    "terraform_data.desktop_222222222222_registered",
    "terraform_data.desktop_5c329d84cf97_registered",
    "terraform_data.desktop_in_use",
    "terraform_data.desktop_protection",
    "terraform_data.desktop_verified",
    "terraform_data.french_6abb2c8b219e_registered",
    "terraform_data.french_in_use",
    "terraform_data.french_protection",
    "terraform_data.french_verified",
    "terraform_data.layer_a_b",
    "terraform_data.layer_system-base",
    "terraform_data.layer_visa-apps",
    "terraform_data.layer_visa-apps_french",
    "terraform_data.layer_visa-apps_small",
    "terraform_data.layer_visa-base",
    "terraform_data.no_gate_46013f96db6b_registered",
    "terraform_data.no_gate_in_use",
    "terraform_data.no_gate_verified",
    "terraform_data.small_af4fdd34a5c0_registered",
    "terraform_data.small_in_use",
    "terraform_data.small_protection",
    "terraform_data.small_verified",
  ]);
});

test("every staged file is where it was", () => {
  const stack = join(folder, "stacks", "images");
  const files = ["boot-commands", "specifications"].flatMap((each) =>
    readdirSync(join(stack, each)).map((name) => `${each}/${name}`),
  );
  expect(files.sort()).toEqual([
    "boot-commands/desktop",
    "boot-commands/french",
    "boot-commands/no_gate",
    "boot-commands/small",
    "specifications/a_b-b339b5f7a240.json",
    "specifications/system-base-cbc26988f4ae.json",
    "specifications/visa-apps-cd353a649d7d.json",
    "specifications/visa-apps-cf10f0171379.json",
    "specifications/visa-apps_small-cf10f0171379.json",
    "specifications/visa-base-ba69cbd3b3f1.json",
  ]);
});
