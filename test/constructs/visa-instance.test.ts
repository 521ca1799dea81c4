/** What an instance may have beside what VISA gives it: volumes, ports, addresses, hints, a flavour that fits. */
import { TerraformVariable } from "cdktf";
import type { IVisaImage } from "../../lib/constructs/existing-image";
import { VisaFlavor } from "../../lib/constructs/visa-flavor";
import { VisaImage } from "../../lib/constructs/visa-image";
import { VisaInstance } from "../../lib/constructs/visa-instance";
import type { InstanceNetwork, VisaInstanceProps } from "../../lib/constructs/visa-instance-props";
import { VisaNetwork } from "../../lib/constructs/visa-network";
import { newStack, synthesized, userData } from "./support";

const id = (digit: string) => `5f0e9b7c-0000-4000-8000-00000000000${digit}`;
const image: IVisaImage = {
  ...VisaImage.fromImageId(id("1"), { fingerprint: "a".repeat(64), userData }),
  ...{ minDiskGb: 10, minRamMb: 2048 },
};

// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
function jsonOf(props: Partial<VisaInstanceProps> = {}): any {
  const stack = newStack();
  const networks = "networks" in props ? {} : { networkIds: ["net"] };
  const flavor = "flavor" in props ? {} : { flavorName: "m1.medium" };
  new VisaInstance(stack, "trial", { image, owner: "ada", ...networks, ...flavor, ...props });
  return synthesized(stack);
}

// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
function instanceOf(props: Partial<VisaInstanceProps> = {}): any {
  return Object.values(jsonOf(props).resource.openstack_compute_instance_v2)[0];
}

describe("a boot volume", () => {
  test("is a copy of the image that goes with the instance", () => {
    const instance = instanceOf({ bootVolume: { sizeGb: 40, volumeType: "ssd" } });
    expect(instance.image_id).toBeUndefined();
    expect(instance.block_device).toEqual([
      {
        ...{ uuid: image.imageId, source_type: "image", destination_type: "volume", boot_index: 0 },
        ...{ volume_size: 40, volume_type: "ssd", delete_on_termination: true },
      },
    ]);
  });

  test("is kept where that is asked for", () => {
    const { block_device: devices } = instanceOf({ bootVolume: { sizeGb: 10, keep: true } });
    expect(devices).toMatchObject([{ delete_on_termination: false }]);
  });

  test("is compared by the plan where only Terraform knows its size", () => {
    const stack = newStack();
    const sizeGb = new TerraformVariable(stack, "size", { type: "number" }).numberValue;
    new VisaInstance(stack, "trial", {
      ...{ image, owner: "ada", flavorName: "f", networkIds: ["net"], bootVolume: { sizeGb } },
    });
    const [instance] = Object.values<Record<string, unknown>>(
      synthesized(stack).resource.openstack_compute_instance_v2,
    );
    expect(instance?.lifecycle).toMatchObject({ precondition: [{ condition: "${(var.size >= 10)}" }] });
  });

  test("fails where the image does not fit", () => {
    expect(() => instanceOf({ bootVolume: { sizeGb: 9 } })).toThrow(
      '"bootVolume.sizeGb" has 9 GiB; the image asks for at least 10',
    );
    expect(() => instanceOf({ bootVolume: { sizeGb: 0.5 } })).toThrow("expected a whole number of GiB");
    expect(() => instanceOf({ bootVolume: { sizeGb: 10, volumeType: "" } })).toThrow('"bootVolume.volumeType"');
  });
});

describe("networks", () => {
  test("have fixed addresses, or ports that are there", () => {
    const networks = [{ networkId: "net", fixedIp: "10.42.0.17" }, { networkId: "other" }, { portId: id("2") }];
    expect(instanceOf({ networks }).network).toEqual([
      { uuid: "net", fixed_ip_v4: "10.42.0.17" },
      { uuid: "other" },
      { port: id("2") },
    ]);
  });

  test.each<[string, InstanceNetwork, string]>([
    [
      "no address",
      { networkId: "net", fixedIp: "10.42.0.300" },
      '"networks[0].fixedIp" is "10.42.0.300", expected an IPv4',
    ],
    ["a prefix", { networkId: "net", fixedIp: "10.42.0.1/24" }, "without the length of its prefix"],
    ["IPv6", { networkId: "net", fixedIp: "fd00::7" }, "for an address of IPv6 make a port that has it"],
    ["both", { portId: id("2"), fixedIp: "10.42.0.7" }, 'has both "portId" and "fixedIp"'],
    ["two places", { networkId: "net", portId: id("2") }, 'both of "networks[0].networkId" and "networks[0].portId"'],
    ["no place", {}, 'neither of "networks[0].networkId" and "networks[0].portId" is given'],
    ["a port's name", { portId: "my-port" }, '"networks[0].portId" is "my-port", expected the id of a port'],
  ])("fails for %s", (_, network, message) => {
    expect(() => instanceOf({ networks: [network] })).toThrow(message);
  });

  test("fails for security groups that no port would have", () => {
    expect(() => instanceOf({ networks: [{ portId: id("2") }], securityGroups: ["visa"] })).toThrow(
      "give the groups to the ports",
    );
    const some = [{ portId: id("2") }, { networkId: "net" }];
    expect(instanceOf({ networks: some, securityGroups: ["visa"] }).security_groups).toEqual(["visa"]);
  });

  test("fails where they are given twice", () => {
    expect(() => instanceOf({ networkIds: ["net"], networks: [{ networkId: "net" }] })).toThrow(
      'both of "networkIds" and "networks" are given',
    );
  });
});

describe("a floating address", () => {
  test("leads to the instance's first port, whichever instance that is", () => {
    const json = jsonOf({ floatingIpPool: "external" });
    const [name] = Object.keys(json.resource.openstack_compute_instance_v2);
    const [[data, port]] = Object.entries(json.data.openstack_networking_port_v2) as [[string, unknown]];
    expect(port).toMatchObject({
      device_id: `\${openstack_compute_instance_v2.${name}.id}`,
      mac_address: `\${openstack_compute_instance_v2.${name}.network[0].mac}`,
    });
    expect(Object.values(json.resource.openstack_networking_floatingip_v2)).toMatchObject([
      { pool: "external", port_id: `\${data.openstack_networking_port_v2.${data}.id}` },
    ]);
  });

  test("leads to a port that is there", () => {
    const json = jsonOf({ networks: [{ portId: id("2") }], floatingIpPool: "external" });
    expect(json.data).toBeUndefined();
    expect(Object.values(json.resource.openstack_networking_floatingip_v2)).toMatchObject([{ port_id: id("2") }]);
  });

  test("comes when the network's router is there, and goes before it", () => {
    const stack = newStack();
    const network = new VisaNetwork(stack, "visa", { externalNetworkId: "ext" });
    new VisaInstance(stack, "trial", { image, owner: "ada", flavorName: "f", networkIds: [network.networkId] });
    const { resource } = synthesized(stack);
    const [router] = Object.keys(resource.openstack_networking_router_interface_v2);
    const [subnet] = Object.keys(resource.openstack_networking_subnet_v2);
    expect(Object.values(resource.openstack_compute_instance_v2)).toMatchObject([
      {
        network: [
          {
            uuid: `\${element([openstack_networking_subnet_v2.${subnet}.network_id, openstack_networking_router_interface_v2.${router}.id], 0)}`,
          },
        ],
      },
    ]);
  });
});

describe("scheduler hints", () => {
  test("are Nova's", () => {
    const hints = { group: id("3"), differentHost: [id("4")], sameHost: [id("5")] };
    expect(instanceOf({ schedulerHints: hints }).scheduler_hints).toEqual([
      { group: id("3"), different_host: [id("4")], same_host: [id("5")] },
    ]);
    expect(instanceOf({ schedulerHints: { group: id("3") } }).scheduler_hints).toEqual([{ group: id("3") }]);
  });

  test("fails for names in the place of ids", () => {
    expect(() => instanceOf({ schedulerHints: { group: "together" } })).toThrow(
      '"schedulerHints.group" is "together", expected the id of a server group',
    );
    expect(() => instanceOf({ schedulerHints: { sameHost: ["trial"] } })).toThrow(
      '"schedulerHints.sameHost" is "trial", expected the id of an instance',
    );
  });
});

describe("a flavour", () => {
  const flavor = { flavorId: "7", flavorName: "small", ramMb: 4096, diskGb: 20 };

  test("is referred to by its id, so that another one of its name resizes the instance", () => {
    const instance = instanceOf({ flavor });
    expect([instance.flavor_id, instance.flavor_name]).toEqual(["7", undefined]);
    expect(instance.lifecycle.precondition).toBeUndefined();
  });

  test("is compared by the plan where it is looked up", () => {
    const stack = newStack();
    const found = VisaFlavor.fromFlavorName(stack, "flavor", { flavorName: "small" });
    new VisaInstance(stack, "trial", { image, owner: "ada", flavor: found, networkIds: ["net"] });
    const [instance] = Object.values<Record<string, unknown>>(
      synthesized(stack).resource.openstack_compute_instance_v2,
    );
    const disk = "data.openstack_compute_flavor_v2.flavor.disk";
    expect(instance).toMatchObject({
      flavor_id: "${data.openstack_compute_flavor_v2.flavor.id}",
      lifecycle: {
        replace_triggered_by: ["terraform_data.trial_image"],
        precondition: [
          { condition: "${(data.openstack_compute_flavor_v2.flavor.ram >= 2048)}" },
          { condition: `\${((${disk} < 1) || (${disk} >= 10))}` },
        ],
      },
    });
  });

  test("fails where the image does not fit", () => {
    expect(() => instanceOf({ flavor: { ...flavor, ramMb: 1024 } })).toThrow(
      'the flavour "small" has 1024 MiB of memory; the image asks for at least 2048',
    );
    expect(() => instanceOf({ flavor: { ...flavor, diskGb: 5 } })).toThrow("has 5 GiB of disk");
    // Its disk is of no consequence where the instance boots from a volume.
    expect(() => instanceOf({ flavor: { ...flavor, diskGb: 5 }, bootVolume: { sizeGb: 10 } })).not.toThrow();
    expect(() => instanceOf({ flavor: { ...flavor, ramMb: 1024 }, bootVolume: { sizeGb: 10 } })).toThrow("1024 MiB");
  });

  test("fails where there is none, or two", () => {
    expect(() => instanceOf({ flavor: undefined })).toThrow('neither of "flavorName" and "flavor" is given');
    expect(() => instanceOf({ flavor, flavorName: "small" })).toThrow('both of "flavorName" and "flavor" are given');
  });
});

test("fails for names that Nova would not take", () => {
  expect(() => instanceOf({ instanceName: "x".repeat(256) })).toThrow('"instanceName" is 256 characters');
  expect(() => instanceOf({ instanceName: " x" })).toThrow('"instanceName" is " x", which Nova does not take');
  expect(() => instanceOf({ metadata: { "a/b": "1" } })).toThrow('the metadata name "a/b" is none that Nova takes');
  expect(() => instanceOf({ metadata: { "": "1" } })).toThrow('the metadata name "" is none that Nova takes');
});
