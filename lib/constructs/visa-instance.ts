import { ComputeInstanceV2, type ComputeInstanceV2Config } from "@cdktf/provider-openstack/lib/compute-instance-v2";
import { DataOpenstackNetworkingPortV2 } from "@cdktf/provider-openstack/lib/data-openstack-networking-port-v2";
import { NetworkingFloatingipV2 } from "@cdktf/provider-openstack/lib/networking-floatingip-v2";
import { Construct } from "constructs";
import { Fn, Lazy, Token } from "#cdktf";
import { VisaImageError } from "../errors";
import { claimShareable } from "./claims";
import { imageFits, imageFitsVolume } from "./image-fits";
import { checkEntry, checkFixedIp, checkNovaName, checkUserData, checkUuid, checkWhole } from "./nova-limits";
import { TerraformData } from "./terraform-data";
import { addressPart, isToken } from "./text";
import type { BootVolume, InstanceNetwork, SchedulerHints, VisaInstanceProps } from "./visa-instance-props";

/** VISA's own prefix: whatever carries it and is not VISA's own is deleted daily. */
const VISA_PREFIX = "VISA-INSTANCE";

/**
 * An instance as VISA would make one: with its owner in the metadata, and the boot command as user data.
 *
 * A new image replaces it. By itself the provider would rebuild it in place, which wipes its disk and keeps its address;
 * so a `terraform_data.<id>_image` stands between, whose replacement triggers that of the instance. Where several instances
 * of the stack have one id, each has a `terraform_data.<id>_image_<8 digits of its path>` of its own. Volumes that are
 * attached to it stay, and so does its floating address.
 */
export class VisaInstance extends Construct {
  /** The instance in Nova. */
  readonly instance: ComputeInstanceV2;
  /** Its floating address, where it has one. */
  readonly floatingIp?: string;

  /** @throws VisaImageError where VISA or Nova would refuse a name or a value */
  constructor(scope: Construct, id: string, props: VisaInstanceProps) {
    super(scope, id);
    const name = props.instanceName ?? id;
    const metadata: Record<string, string> = {
      owner: props.owner,
      id: String(props.visaId ?? 1),
      uid: props.uid ?? this.node.path,
      ...(props.pamPublicKey !== undefined && { pamPublicKey: props.pamPublicKey }),
      ...(isToken(props.metadata) ? {} : props.metadata),
    };
    checkName(name);
    checkOwner(props.owner);
    for (const [key, value] of Object.entries(metadata)) checkEntry("metadata", key, value);
    checkUserData(props.image.bootCommand);

    const networks = networksOf(props);
    const image = new TerraformData(this, "Image", { triggersReplace: { fingerprint: props.image.fingerprint } });
    const trigger = claimShareable(image, `${addressPart(id)}_image`);
    const precondition = conditionsOf(props);
    this.instance = new ComputeInstanceV2(this, "Resource", {
      name,
      ...bootOf(props),
      ...flavorOf(props),
      network: Array.isArray(networks) ? networks : undefined,
      securityGroups: props.securityGroups && [...props.securityGroups],
      metadata: isToken(props.metadata) ? Fn.merge([metadata, props.metadata]) : metadata,
      userData: props.image.bootCommand,
      keyPair: props.keyPair,
      availabilityZone: props.availabilityZone,
      schedulerHints: props.schedulerHints && [schedulerHintsOf(props.schedulerHints)],
      configDrive: props.configDrive,
      provider: props.provider,
      lifecycle: {
        // By its address: of a construct cdktf makes "${…}", which Terraform does not take here.
        replaceTriggeredBy: [Lazy.stringValue({ produce: () => `${TerraformData.tfResourceType}.${trigger()}` })],
        ...(precondition.length > 0 && { precondition }),
      },
    });
    if (!Array.isArray(networks)) this.instance.addOverride("dynamic", networks);
    if (props.floatingIpPool !== undefined) this.floatingIp = this.addFloatingIp(props.floatingIpPool, props);
  }

  /** The instance's id in Nova. */
  get instanceId(): string {
    return this.instance.id;
  }

  /** Its first IPv4 address. */
  get address(): string {
    return this.instance.accessIpV4;
  }

  /** It leads to the instance's first port, by whichever of its addresses Neutron chooses: usually it has one. */
  private addFloatingIp(pool: string, { networks, provider }: VisaInstanceProps): string {
    checkNovaName("floatingIpPool", pool);
    const { instance } = this;
    const find = () =>
      new DataOpenstackNetworkingPortV2(this, "Port", {
        deviceId: instance.id,
        macAddress: instance.network.get(0).mac,
        provider,
      });
    const portId = networks?.[0]?.portId ?? find().id;
    return new NetworkingFloatingipV2(this, "FloatingIp", { pool, portId, provider }).address;
  }
}

function checkName(name: string): void {
  checkNovaName("instanceName", name);
  if (Token.isUnresolved(name) || !name.toUpperCase().startsWith(VISA_PREFIX)) return;
  throw new VisaImageError(`the name "${name}" begins with "${VISA_PREFIX}"`, {
    fix: "choose another one: VISA deletes every server that carries its prefix and that it does not know",
  });
}

function checkOwner(owner: string): void {
  if (Token.isUnresolved(owner)) return;
  if (/^[a-z0-9_][a-z0-9_.-]{0,31}$/i.test(owner) && !/^(root|\d+)$/.test(owner)) return;
  throw new VisaImageError(`the owner "${owner}" is no login that an image accepts`, {
    fix: "1 to 32 letters, digits, dots, dashes and underscores, not only digits, not beginning with a dash, not root",
  });
}

/** Blocks of Terraform, or the one that makes them where only Terraform knows the list. */
function networksOf({ networkIds, networks, securityGroups }: VisaInstanceProps) {
  exactlyOne({ networkIds, networks }, 'networkIds: ["…"], or networks: [{ networkId: "…", fixedIp: "…" }]');
  if (networks === undefined) {
    const ids = [...(networkIds ?? [])];
    // Not by cdktf's iterator, which makes a set: the first network is the one of the default route.
    if (isToken(ids)) return { network: { for_each: ids, content: { uuid: "${network.value}" } } };
    return ids.map((uuid) => ({ uuid }));
  }
  if (securityGroups !== undefined && networks.length > 0 && networks.every(({ portId }) => portId !== undefined)) {
    throw new VisaImageError(
      '"securityGroups" is for ports that Nova makes, and all of "networks" are ports that are there',
      {
        fix: "give the groups to the ports",
      },
    );
  }
  return networks.map((network, index) => networkOf(network, `networks[${index}]`));
}

function networkOf({ networkId, portId, fixedIp }: InstanceNetwork, prop: string) {
  exactlyOne(
    { [`${prop}.networkId`]: networkId, [`${prop}.portId`]: portId },
    "networkId for a port that Nova makes there, portId for one that is there",
  );
  if (portId !== undefined) checkUuid(`${prop}.portId`, portId, "the id of a port");
  if (fixedIp !== undefined) {
    checkFixedIp(`${prop}.fixedIp`, fixedIp);
    if (portId !== undefined) {
      throw new VisaImageError(`"${prop}" has both "portId" and "fixedIp": a port has its addresses already`, {
        fix: "networkId and fixedIp, or portId alone",
      });
    }
  }
  return { uuid: networkId, port: portId, fixedIpV4: fixedIp };
}

function flavorOf({ flavorName, flavor }: VisaInstanceProps): Pick<ComputeInstanceV2Config, "flavorId" | "flavorName"> {
  exactlyOne({ flavorName, flavor }, 'flavorName: "m1.medium", or flavor: a VisaFlavor');
  // By its id: a flavour that is made anew has its name again, and Terraform would see no reason to resize.
  return flavor ? { flavorId: flavor.flavorId } : { flavorName };
}

function bootOf({ image, bootVolume }: VisaInstanceProps): Pick<ComputeInstanceV2Config, "imageId" | "blockDevice"> {
  if (!bootVolume) return { imageId: image.imageId };
  const { sizeGb, volumeType, keep = false } = bootVolume;
  const disk = {
    ...{ uuid: image.imageId, sourceType: "image", destinationType: "volume", bootIndex: 0 },
    ...{ volumeSize: sizeGb, volumeType, deleteOnTermination: !keep },
  };
  return { blockDevice: [disk] };
}

function conditionsOf({ image, flavor, bootVolume }: VisaInstanceProps) {
  const conditions = bootVolume ? volumeConditions(image, bootVolume) : [];
  if (!flavor) return conditions;
  const { flavorName, ramMb, diskGb } = flavor;
  return [...conditions, ...imageFits(image, { flavorName, ramMb, ...(!bootVolume && { diskGb }) })];
}

function volumeConditions(image: VisaInstanceProps["image"], { sizeGb, volumeType }: BootVolume) {
  checkWhole("bootVolume.sizeGb", sizeGb, 1, "GiB");
  if (volumeType !== undefined) checkNovaName("bootVolume.volumeType", volumeType);
  return imageFitsVolume(image, sizeGb);
}

function schedulerHintsOf({ group, differentHost, sameHost }: SchedulerHints) {
  if (group !== undefined) checkUuid("schedulerHints.group", group, "the id of a server group");
  for (const [prop, ids] of Object.entries({ differentHost, sameHost })) {
    if (ids === undefined || isToken(ids)) continue;
    for (const id of ids) checkUuid(`schedulerHints.${prop}`, id, "the id of an instance");
  }
  return { group, differentHost: differentHost && [...differentHost], sameHost: sameHost && [...sameHost] };
}

function exactlyOne(props: Readonly<Record<string, unknown>>, fix: string): void {
  const names = Object.keys(props);
  const given = names.filter((name) => props[name] !== undefined);
  if (given.length === 1) return;
  const quoted = names.map((name) => `"${name}"`).join(" and ");
  throw new VisaImageError(
    `${given.length === 0 ? "neither" : "both"} of ${quoted} ${given.length === 0 ? "is" : "are"} given`,
    {
      fix,
    },
  );
}
