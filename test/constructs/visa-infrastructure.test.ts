import { TerraformVariable, Token } from "cdktf";
import { VisaImage } from "../../lib/constructs/visa-image";
import { VisaInstance } from "../../lib/constructs/visa-instance";
import type { VisaInstanceProps } from "../../lib/constructs/visa-instance-props";
import { VisaNetwork, VisaSecurityGroup, type VisaSecurityGroupProps } from "../../lib/constructs/visa-network";
import { newStack, synthesized, userData } from "./support";

const image = VisaImage.fromImageId("5f0e9b7c-0000-4000-8000-000000000001", { fingerprint: "a".repeat(64), userData });

// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
function resourcesOf(props: Partial<VisaInstanceProps> = {}): any {
  const stack = newStack();
  new VisaInstance(stack, "trial", { image, flavorName: "m1.medium", networkIds: ["net"], owner: "ada", ...props });
  return synthesized(stack).resource;
}

describe("an instance", () => {
  test("has metadata and user data as VISA's own instances have", () => {
    const { openstack_compute_instance_v2: instances } = resourcesOf({ visaId: 7, uid: "x", pamPublicKey: "PEM" });
    expect(Object.values(instances)).toEqual([
      expect.objectContaining({
        name: "trial",
        image_id: image.imageId,
        metadata: { owner: "ada", id: "7", uid: "x", pamPublicKey: "PEM" },
        user_data: userData.render(),
        network: [{ uuid: "net" }],
      }),
    ]);
  });

  test("is replaced by way of a resource whose address stays", () => {
    const { openstack_compute_instance_v2: instances, terraform_data: data } = resourcesOf();
    expect(data.trial_image.triggers_replace).toEqual({ fingerprint: "a".repeat(64) });
    expect(Object.values(instances)).toEqual([
      expect.objectContaining({ lifecycle: { replace_triggered_by: ["terraform_data.trial_image"] } }),
    ]);
  });

  test.each(["ada", "a.b-c_d", "x7", "ada.lovelace.1815", "a".repeat(32)])("takes the owner %s", (owner) => {
    expect(() => resourcesOf({ owner })).not.toThrow();
  });

  test.each(["", "root", "../x", "a b", "a,b", "a;b", "a:b", "-a", "1234", "a".repeat(33), "ada\n"])(
    "fails for the owner %j",
    (owner) => {
      expect(() => resourcesOf({ owner })).toThrow("is no login that an image accepts");
    },
  );

  test("fails for a name that VISA would delete", () => {
    expect(() => resourcesOf({ instanceName: "visa-instance-7" })).toThrow('begins with "VISA-INSTANCE"');
  });

  test("fails for metadata that Nova would not take", () => {
    expect(() => resourcesOf({ pamPublicKey: "x".repeat(255) })).not.toThrow();
    expect(() => resourcesOf({ pamPublicKey: "x".repeat(256) })).toThrow(
      /"pamPublicKey" has 256 characters; Nova takes at most 255\n {2}fix: bake the key into the image/,
    );
    expect(() => resourcesOf({ metadata: { ["k".repeat(256)]: "" } })).toThrow("has 256 characters");
  });

  test("fails for a boot command that Nova would not take as user data", () => {
    const of = (bootCommand: string) => resourcesOf({ image: { ...image, bootCommand } });
    // In Base64, of which Nova takes 65535 characters. An escape of Terraform's is not in what it sends.
    expect(() => of(`$\${${"x".repeat(49147)}`)).not.toThrow();
    expect(() => of("é".repeat(24575))).toThrow("the boot command has 49150 bytes; Nova takes at most 49149");
  });

  test("runs in the zone that is asked for", () => {
    const { openstack_compute_instance_v2: instances } = resourcesOf({ availabilityZone: "gpu" });
    expect(Object.values(instances)).toMatchObject([{ availability_zone: "gpu" }]);
  });

  test("leaves tokens to Terraform", () => {
    const stack = newStack();
    const owner = new TerraformVariable(stack, "owner", { type: "string" }).stringValue;
    new VisaInstance(stack, "trial", { image, flavorName: "f", networkIds: [], owner, instanceName: owner });
    expect(JSON.stringify(synthesized(stack))).toContain('"owner":"${var.owner}"');
  });
});

describe("lists and maps that only Terraform knows", () => {
  const stack = newStack();
  const list = (name: string) => new TerraformVariable(stack, name, { type: "list(string)" }).listValue;
  const map = new TerraformVariable(stack, "more", { type: "map(string)" }).value;
  new VisaInstance(stack, "trial", {
    ...{ image, flavorName: "f", owner: "ada" },
    networkIds: list("networks"),
    securityGroups: list("groups"),
    metadata: Token.asStringMap(map),
  });
  new VisaNetwork(stack, "network", { nameServers: list("servers") });
  new VisaSecurityGroup(stack, "ports", {
    apiServerCidrs: list("visa"),
    jupyterProxyCidrs: list("jupyter"),
    administratorCidrs: [new TerraformVariable(stack, "administrator", { type: "string" }).stringValue],
  });
  const { resource } = synthesized(stack);
  const [instance] = Object.values<Record<string, unknown>>(resource.openstack_compute_instance_v2);
  const rules = Object.values<Record<string, unknown>>(resource.openstack_networking_secgroup_rule_v2);

  test("are an instance's networks, groups and metadata", () => {
    expect(instance).toMatchObject({
      dynamic: { network: { for_each: "${var.networks}", content: { uuid: "${network.value}" } } },
      security_groups: "${var.groups}",
      metadata: expect.stringMatching(/^\$\{merge\(\{"owner" = "ada", .*\}, var\.more\)\}$/),
    });
  });

  test("are a network's name servers", () => {
    const [subnet] = Object.values<Record<string, unknown>>(resource.openstack_networking_subnet_v2);
    expect(subnet?.dns_nameservers).toBe("${var.servers}");
  });

  test("are the addresses that VISA's ports are open to, of either version", () => {
    expect(rules.map((rule) => rule.for_each)).toEqual(
      expect.arrayContaining(["${toset(var.visa)}", "${toset(var.visa)}", "${toset(var.jupyter)}", undefined]),
    );
    const ssh = rules.find((rule) => rule.port_range_min === 22);
    expect(ssh).toMatchObject({
      ethertype: '${strcontains(var.administrator, ":") ? "IPv6" : "IPv4"}',
      remote_ip_prefix: "${var.administrator}",
    });
    const icmp = rules.find((rule) => rule.port_range_min === undefined);
    expect(icmp?.protocol).toBe('${strcontains(var.administrator, ":") ? "ipv6-icmp" : "icmp"}');
  });

  test("fails in Terraform's plan where everybody would reach JupyterLab", () => {
    const jupyter = rules.find((rule) => rule.for_each === "${toset(var.jupyter)}");
    expect(jupyter?.lifecycle).toMatchObject({
      precondition: [
        { condition: '${!endswith(each.value, "/0")}', error_message: expect.stringContaining("Jupyter") },
      ],
    });
  });
});

test("an image that is looked up is the one of that fingerprint", () => {
  const stack = newStack();
  const found = VisaImage.fromImageName(stack, "image", { imageName: "visa-apps", fingerprint: "f", userData });
  new VisaInstance(stack, "trial", { image: found, flavorName: "f", networkIds: [], owner: "ada" });
  const json = synthesized(stack);
  expect(json.data.openstack_images_image_v2.image).toMatchObject({
    name: "visa-apps",
    most_recent: true,
    properties: { visa_fingerprint: "f" },
    lifecycle: {
      postcondition: [expect.anything(), { condition: '${lookup(self.properties, "visa_fingerprint", "") == "f"}' }],
    },
  });
  expect(JSON.stringify(json.resource)).toContain('"image_id":"${data.openstack_images_image_v2.image.id}"');
});

test("a network has its subnet before its id is known", () => {
  const stack = newStack();
  const network = new VisaNetwork(stack, "visa", { externalNetworkId: "ext" });
  new VisaInstance(stack, "trial", { image, flavorName: "f", networkIds: [network.networkId], owner: "ada" });
  const { resource } = synthesized(stack);
  expect(JSON.stringify(resource.openstack_compute_instance_v2)).toMatch(
    /openstack_networking_subnet_v2\.\w+\.network_id/,
  );
  expect(Object.keys(resource)).toContain("openstack_networking_router_interface_v2");
});

describe("a security group", () => {
  test("lets each in where it belongs, and nobody else", () => {
    const stack = newStack();
    new VisaSecurityGroup(stack, "visa", {
      apiServerCidrs: ["10.0.0.0/24", "fd00::/64"],
      jupyterProxyCidrs: ["10.0.0.7/32"],
      administratorCidrs: ["10.9.0.0/24"],
    });
    const rules = Object.values<Record<string, string>>(
      synthesized(stack).resource.openstack_networking_secgroup_rule_v2,
    );
    const open = rules.map(
      (rule) => `${rule.remote_ip_prefix} ${rule.ethertype} ${rule.protocol} ${rule.port_range_min}`,
    );
    expect(open.sort()).toEqual([
      "10.0.0.0/24 IPv4 tcp 3389",
      "10.0.0.0/24 IPv4 tcp 4822",
      // VISA shows Jupyter's button where its API server reached the port, and the proxy alone leads there.
      "10.0.0.0/24 IPv4 tcp 8888",
      "10.0.0.7/32 IPv4 tcp 8888",
      "10.9.0.0/24 IPv4 icmp undefined",
      "10.9.0.0/24 IPv4 tcp 22",
      "fd00::/64 IPv6 tcp 3389",
      "fd00::/64 IPv6 tcp 4822",
      "fd00::/64 IPv6 tcp 8888",
    ]);
  });

  const ports = (props: VisaSecurityGroupProps) => {
    const stack = newStack();
    new VisaSecurityGroup(stack, "visa", props);
    const rules: Record<string, string>[] = Object.values(
      synthesized(stack).resource.openstack_networking_secgroup_rule_v2,
    );
    const warnings = stack.node.findAll().flatMap((each) => each.node.metadata.map(({ data }) => String(data)));
    return {
      warnings,
      open: rules.map((rule) => `${rule.remote_ip_prefix} ${rule.port_range_min}-${rule.port_range_max}`).sort(),
    };
  };

  test("has no rule twice where API server and Jupyter proxy are one host", () => {
    const cidrs = ["10.0.0.7/32"];
    expect(ports({ apiServerCidrs: cidrs, jupyterProxyCidrs: cidrs }).open).toEqual([
      "10.0.0.7/32 3389-3389",
      "10.0.0.7/32 4822-4822",
      "10.0.0.7/32 8888-8888",
    ]);
  });

  test("follows the protocols of an image's entry", () => {
    const protocols = ["WEBX", "VISA_FS"] as const;
    expect(ports({ apiServerCidrs: ["10.0.0.1/32"], jupyterProxyCidrs: ["10.0.0.2/32"], protocols }).open).toEqual([
      "10.0.0.1/32 5555-5558",
      "10.0.0.1/32 8090-8090",
      "10.0.0.2/32 8090-8090",
    ]);
  });

  test("takes the old name of VISA's addresses, with a warning that has the new one", () => {
    const { warnings, open } = ports({ visaCidrs: ["10.0.0.1/32"] });
    expect(warnings.join()).toContain('"visaCidrs" is now "apiServerCidrs"');
    expect(open).toContain("10.0.0.1/32 8888-8888");
  });

  test("fails where nothing says whose addresses reach it", () => {
    expect(() => new VisaSecurityGroup(newStack(), "visa", {})).toThrow("nothing says where VISA's API server is");
  });

  test("fails where everybody would reach JupyterLab", () => {
    for (const cidr of ["0.0.0.0/0", "::/0"]) {
      for (const props of [{ apiServerCidrs: [], jupyterProxyCidrs: [cidr] }, { apiServerCidrs: [cidr] }]) {
        expect(() => new VisaSecurityGroup(newStack(), "visa", props)).toThrow("lets everybody reach JupyterLab");
      }
    }
  });
});
