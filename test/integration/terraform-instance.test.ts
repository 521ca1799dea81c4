/** What Terraform plans for an instance, with a cloud that nobody answers for. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { BlockstorageVolumeV3 } from "@cdktf/provider-openstack/lib/blockstorage-volume-v3";
import { ComputeVolumeAttachV2 } from "@cdktf/provider-openstack/lib/compute-volume-attach-v2";
import { type TerraformStack, TerraformVariable, Token } from "cdktf";
import { Construct } from "constructs";
import { VisaImage } from "../../lib/constructs/visa-image";
import { VisaInstance } from "../../lib/constructs/visa-instance";
import type { VisaInstanceProps } from "../../lib/constructs/visa-instance-props";
import { VisaSecurityGroup } from "../../lib/constructs/visa-network";
import { sha256 } from "../../lib/fingerprint/digest";
import { newStack, synthesizedFolder, userData } from "../constructs/support";
import { keepStateInFolder, TerraformFolder, terraformDataState, writeState } from "./terraform-support";

jest.setTimeout(120_000);

const before = { imageId: "5f0e9b7c-0000-4000-8000-000000000001", fingerprint: "a".repeat(64) };
const after = { imageId: "5f0e9b7c-0000-4000-8000-000000000002", fingerprint: "b".repeat(64) };

function addInstance(
  scope: Construct,
  { imageId, fingerprint }: typeof before,
  props: Partial<VisaInstanceProps> = {},
): VisaInstance {
  return new VisaInstance(scope, "instance", {
    image: VisaImage.fromImageId(imageId, { fingerprint, userData }),
    flavorName: "m1.medium",
    networkIds: ["5f0e9b7c-0000-4000-8000-00000000000a"],
    owner: "ada",
    ...props,
  });
}

const INSTANCE = "5f0e9b7c-0000-4000-8000-00000000000b";

/** What is around the instance. */
interface Around {
  readonly props?: Partial<VisaInstanceProps>;
  readonly add?: (instance: VisaInstance) => void;
  /** What the state has of it, by type: one of each. */
  readonly state?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/**
 * A plan for an instance that exists.
 *
 * @param now what the code says that the image is
 * @param more adds more to the stack, before the instance
 * @param triggers what the state has besides, by address: fingerprints
 * @param around more of the instance itself
 */
function planWith(
  now: typeof before,
  more: (stack: TerraformStack) => void = () => {},
  triggers: Readonly<Record<string, string>> = { instance_image: before.fingerprint },
  around: Around = {},
): string {
  const stack = newStack("infrastructure");
  more(stack);
  const added = addInstance(stack, now, around.props);
  around.add?.(added);
  const { folder, json } = synthesizedFolder(stack);
  const stackFolder = join(folder, "stacks", "infrastructure");
  keepStateInFolder(stackFolder);
  const instances = Object.entries<Record<string, unknown>>(json.resource.openstack_compute_instance_v2);
  const [name, instance] = instances.find(([, { image_id }]) => image_id === now.imageId) ?? ["", {}];
  const { "//": _, lifecycle: __, ...configured } = instance;
  writeState(stackFolder, [
    ...Object.entries(triggers).map(([name, fingerprint]) => terraformDataState(name, { fingerprint })),
    {
      type: "openstack_compute_instance_v2",
      name,
      attributes: {
        ...configured,
        id: INSTANCE,
        image_id: before.imageId,
        user_data: createHash("sha1").update(userData.text).digest("hex"),
        power_state: "active",
        // The provider's defaults, without which every plan changes something.
        force_delete: false,
        stop_before_destroy: false,
        all_metadata: configured.metadata,
        all_tags: [],
        security_groups: ["default"],
        network: [{ uuid: "5f0e9b7c-0000-4000-8000-00000000000a", name: "", port: "", access_network: false }],
      },
      sensitive: ["admin_pass"],
    },
    ...Object.entries(around.state ?? {}).map(([type, attributes]) => {
      return { type, name: Object.keys(json.resource[type])[0] ?? "", attributes };
    }),
  ]);
  planned = new TerraformFolder(stackFolder);
  return planned.run("plan", "-input=false", "-compact-warnings", "-refresh=false", "-out=plan");
}

/** Where the last plan was made. */
let planned: TerraformFolder;

test("a new image replaces the instance", () => {
  const plan = planWith(after);
  expect(plan).toMatch(/openstack_compute_instance_v2\.\S+ will be replaced due to changes in replace_triggered_by/);
  expect(plan).not.toContain("will be updated in-place");
  expect(planned.review("plan").losses).toMatchObject([
    { what: "instance", fate: "replaced", name: "instance", owner: "ada", why: "its image changes", allowed: false },
  ]);
});

test("the same image leaves it alone", () => {
  expect(planWith(before)).toContain("No changes.");
  expect(planned.review("plan").verdict).toBe("nothing");
});

test("a new image leaves a volume and a floating address to the next instance", () => {
  const volume = "5f0e9b7c-0000-4000-8000-00000000000c";
  const plan = planWith(after, undefined, undefined, {
    props: { floatingIpPool: "external" },
    add: ({ instanceId, node }) => {
      const data = new BlockstorageVolumeV3(node.root.node.findChild("infrastructure"), "data", { size: 100 });
      new ComputeVolumeAttachV2(data, "attached", { instanceId, volumeId: data.id });
    },
    state: {
      openstack_blockstorage_volume_v3: { id: volume, size: 100 },
      openstack_compute_volume_attach_v2: {
        ...{ id: `${INSTANCE}/${volume}`, instance_id: INSTANCE, volume_id: volume },
      },
      openstack_networking_floatingip_v2: { id: volume, address: "203.0.113.9", pool: "external", port_id: "before" },
    },
  });
  const fates = [...plan.matchAll(/# (\S+)\.\S+ (will be|must be) (.*)/g)].map(([, type, , fate]) => `${type} ${fate}`);
  expect(fates).toEqual(
    expect.arrayContaining([
      "openstack_compute_instance_v2 replaced due to changes in replace_triggered_by",
      "openstack_compute_volume_attach_v2 replaced",
      "openstack_networking_floatingip_v2 updated in-place",
    ]),
  );
  expect(fates.join()).not.toMatch(/openstack_blockstorage_volume_v3 (replaced|destroyed)/);
});

describe("a second instance of the same id, in another scope,", () => {
  const second = (stack: TerraformStack) => addInstance(new Construct(stack, "other"), after);

  const [own, others] = ["instance/Image", "other/instance/Image"].map(
    (path) => `instance_image_${sha256(path).slice(0, 8)}`,
  ) as [string, string];

  test("leaves the first one alone when it comes", () => {
    const plan = planWith(before, second);
    expect(plan).toContain("3 to add, 0 to change, 1 to destroy");
    expect(plan).not.toMatch(/openstack_compute_instance_v2\.\S+ (will be replaced|must be replaced|will be updated)/);
  });

  test("leaves it alone while both are there, whose image has a new release", () => {
    const plan = planWith(before, second, { [own]: before.fingerprint, [others]: "c".repeat(64) });
    expect(plan).toContain(`terraform_data.${others} must be replaced`);
    expect(plan).toContain("2 to add, 0 to change, 1 to destroy");
  });

  test("leaves it alone when it goes", () => {
    const plan = planWith(before, undefined, { [own]: before.fingerprint });
    expect(plan).toContain("1 to add, 0 to change, 1 to destroy");
    expect(plan).not.toContain("openstack_compute_instance_v2");
  });
});

test("lists and maps that are Terraform's variables are planned as they are set, and nobody opens JupyterLab to everybody", () => {
  const stack = newStack("infrastructure");
  const list = (name: string, value: readonly string[]) =>
    new TerraformVariable(stack, name, { type: "list(string)", default: value }).listValue;
  const jupyter = new TerraformVariable(stack, "jupyter", { type: "list(string)", default: ["10.0.0.7/32"] });
  new VisaInstance(stack, "instance", {
    image: VisaImage.fromImageId(before.imageId, { fingerprint: before.fingerprint, userData }),
    ...{ flavorName: "m1.medium", owner: "ada" },
    networkIds: list("networks", ["b-first", "a-second"]),
    securityGroups: list("groups", ["visa"]),
    metadata: Token.asStringMap(new TerraformVariable(stack, "more", { default: { layout: "fr" } }).value),
  });
  new VisaSecurityGroup(stack, "ports", {
    apiServerCidrs: list("visa", ["10.0.0.0/24", "fd00::/64"]),
    jupyterProxyCidrs: jupyter.listValue,
  });
  const stackFolder = join(synthesizedFolder(stack).folder, "stacks", "infrastructure");
  keepStateInFolder(stackFolder);
  const terraform = new TerraformFolder(stackFolder);
  const plan = terraform.run("plan", "-input=false", "-compact-warnings");
  expect(plan).toMatch(/"layout" += "fr"/);
  expect(plan).toMatch(/"owner" += "ada"/);
  expect(plan.indexOf('"b-first"')).toBeLessThan(plan.indexOf('"a-second"'));
  expect(plan.match(/ethertype += "IPv6"/g)).toHaveLength(3);
  expect(plan.match(/ethertype += "IPv4"/g)).toHaveLength(4);

  const refused = terraform.try("plan", "-input=false", "-compact-warnings", '-var=jupyter=["0.0.0.0/0"]');
  expect(refused.status).toBe(1);
  expect(refused.text.replaceAll(/[\s│]+/g, " ")).toContain(
    "lets everybody reach JupyterLab, which asks for no password",
  );
});

test("fails in the plan where the flavour or the boot volume is too small for the image", () => {
  const stack = newStack("infrastructure");
  const size = (name: string, value: number) =>
    new TerraformVariable(stack, name, { type: "number", default: value }).numberValue;
  const image = VisaImage.fromImageId(before.imageId, { fingerprint: before.fingerprint, userData });
  const flavor = { flavorId: "7", flavorName: "small", ramMb: size("ram", 2048), diskGb: size("disk", 0) };
  new VisaInstance(stack, "instance", {
    ...{ image: { ...image, minRamMb: 2048, minDiskGb: 10 }, flavor, owner: "ada" },
    networks: [{ networkId: "5f0e9b7c-0000-4000-8000-00000000000a", fixedIp: "10.42.0.17" }],
    schedulerHints: { sameHost: [INSTANCE] },
  });
  new VisaInstance(stack, "from_volume", {
    ...{ image: { ...image, minRamMb: 2048, minDiskGb: 10 }, flavor: { ...flavor, diskGb: 1 }, owner: "ada" },
    networkIds: ["5f0e9b7c-0000-4000-8000-00000000000a"],
    bootVolume: { sizeGb: size("volume", 10), volumeType: "ssd" },
  });
  const stackFolder = join(synthesizedFolder(stack).folder, "stacks", "infrastructure");
  keepStateInFolder(stackFolder);
  const terraform = new TerraformFolder(stackFolder);
  const plan = terraform.run("plan", "-input=false", "-compact-warnings");
  expect(plan).toMatch(/fixed_ip_v4 += "10\.42\.0\.17"/);
  expect(plan).toMatch(/volume_size += 10/);
  const refused = terraform.try("plan", "-input=false", "-var=ram=1024", "-var=disk=5", "-var=volume=9");
  expect(refused.status).toBe(1);
  const words = refused.text.replaceAll(/[\s│]+/g, " ");
  for (const said of ["has 1024 MiB of memory", "has 5 GiB of disk", '"bootVolume.sizeGb" has 9 GiB']) {
    expect(words).toContain(`${said}; the image asks for at least`);
  }
});
