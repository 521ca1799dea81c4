import type { TerraformProvider } from "#cdktf";
import type { IVisaImage } from "./existing-image";
import type { IVisaFlavor } from "./visa-flavor";

/** A network of an instance: one on which Nova makes it a port, or a port that is there. */
export interface InstanceNetwork {
  /**
   * Id of the network.
   * @default - that of the port
   */
  readonly networkId?: string;
  /**
   * The instance's IPv4 address on it.
   * @default - Neutron's choice, another one for each instance that replaces this one
   */
  readonly fixedIp?: string;
  /**
   * Id of a port, whose addresses and security groups are its own. It stays when the instance goes.
   * @default - Nova makes one
   */
  readonly portId?: string;
}

/** A volume that an instance boots from: a copy of the image, in Cinder. */
export interface BootVolume {
  /** In GiB: at least the image's minDiskGb. */
  readonly sizeGb: number;
  /**
   * Name of the volume's type.
   * @default - the cloud's
   */
  readonly volumeType?: string;
  /**
   * Whether it stays when the instance goes, or is replaced. Terraform then knows nothing of it.
   * @default false
   */
  readonly keep?: boolean;
}

/** What Nova's scheduler is asked for. A cloud without the filter that looks at a hint takes it, and does nothing with it. */
export interface SchedulerHints {
  /**
   * Id of a server group.
   * @default - none
   */
  readonly group?: string;
  /**
   * Ids of instances that it is to be on another host than: DifferentHostFilter.
   * @default - none
   */
  readonly differentHost?: readonly string[];
  /**
   * Ids of instances that it is to be on the host of: SameHostFilter.
   * @default - none
   */
  readonly sameHost?: readonly string[];
}

/** Properties of a {@link VisaInstance}. */
export interface VisaInstanceProps {
  /** What it boots from. Another image makes a new instance. */
  readonly image: IVisaImage;
  /**
   * Name in Nova. VISA deletes what carries its own prefix and is unknown to it, so VISA-INSTANCE is refused.
   * @default - the construct's id
   */
  readonly instanceName?: string;
  /**
   * Name of the flavour: its disk is at least the image's minDiskGb, which Nova sees to.
   * @default - `flavor`
   */
  readonly flavorName?: string;
  /**
   * The flavour, which is compared with the image at synth or by the plan.
   * @default - `flavorName`
   */
  readonly flavor?: IVisaFlavor;
  /**
   * A volume that it boots from. The flavour's disk is of no consequence then.
   * @default - a disk of the host that it runs on
   */
  readonly bootVolume?: BootVolume;
  /**
   * Ids of the networks that it is attached to. The first one has the default route.
   * @default - `networks`
   */
  readonly networkIds?: readonly string[];
  /**
   * The same with fixed addresses or ports.
   * @default - `networkIds`
   */
  readonly networks?: readonly InstanceNetwork[];
  /**
   * Name of the external network that has a floating address for its first port. The address stays when the instance is
   * replaced. A router leads from the instance's network there: where it is a VisaNetwork's, Terraform waits for it.
   * @default - none
   */
  readonly floatingIpPool?: string;
  /**
   * Names of its security groups.
   * @default - the project's default group
   */
  readonly securityGroups?: readonly string[];
  /** Linux login of its owner: metadata `owner`. */
  readonly owner: string;
  /**
   * Number that is part of Jupyter's path: metadata `id`.
   * @default 1
   */
  readonly visaId?: number;
  /**
   * Metadata `uid`, VISA's own name of the instance.
   * @default - the construct's path
   */
  readonly uid?: string;
  /**
   * PEM text of the key that signs logins: metadata `pamPublicKey`. At most 896 bits of RSA fit into metadata.
   * @default - none: the key that is baked into the image
   */
  readonly pamPublicKey?: string;
  /**
   * More metadata, as VISA sends it: for example `keyboardLayout`.
   * @default - none
   */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Name of a key pair in Nova. By itself it lets nobody in: the shipped images have no user for it ("Please login as the
   * user NONE"). docs/facility-layer.md has the layer that makes one.
   * @default - none
   */
  readonly keyPair?: string;
  /**
   * Name of the availability zone that it runs in.
   * @default - the cloud's choice
   */
  readonly availabilityZone?: string;
  /**
   * What Nova's scheduler is asked for.
   * @default - nothing
   */
  readonly schedulerHints?: SchedulerHints;
  /**
   * Whether metadata come from a config drive too.
   * @default - the cloud's choice
   */
  readonly configDrive?: boolean;
  /** @default - the stack's OpenStack provider */
  readonly provider?: TerraformProvider;
}
