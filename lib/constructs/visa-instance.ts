import { ComputeInstanceV2 } from "@cdktf/provider-openstack/lib/compute-instance-v2";
import { Fn, Lazy, type TerraformProvider, Token } from "cdktf";
import { Construct } from "constructs";
import { VisaImageError } from "../errors";
import { METADATA_CHARACTERS } from "../specification";
import { claimShareable } from "./claims";
import type { IVisaImage } from "./existing-image";
import { TerraformData } from "./terraform-data";
import { addressPart, isToken, unescapeTemplate } from "./text";

/** Properties of a {@link VisaInstance}. */
export interface VisaInstanceProps {
  /** What it boots from. Another image makes a new instance. */
  readonly image: IVisaImage;
  /**
   * Name in Nova. VISA deletes what carries its own prefix and is unknown to it, so VISA-INSTANCE is refused.
   * @default - the construct's id
   */
  readonly instanceName?: string;
  /** Name of the flavour: its disk is at least the image's minDiskGb. */
  readonly flavorName: string;
  /** Ids of the networks that it is attached to. */
  readonly networkIds: readonly string[];
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
   * Whether metadata come from a config drive too.
   * @default - the cloud's choice
   */
  readonly configDrive?: boolean;
  /** @default - the stack's OpenStack provider */
  readonly provider?: TerraformProvider;
}

/** VISA's own prefix: whatever carries it and is not VISA's own is deleted daily. */
const VISA_PREFIX = "VISA-INSTANCE";

/**
 * An instance as VISA would make one: with its owner in the metadata, and the boot command as user data.
 *
 * A new image replaces it. By itself the provider would rebuild it in place, which wipes its disk and keeps its address;
 * so a `terraform_data.<id>_image` stands between, whose replacement triggers that of the instance. Where several instances
 * of the stack have one id, each has a `terraform_data.<id>_image_<8 digits of its path>` of its own.
 */
export class VisaInstance extends Construct {
  /** The instance in Nova. */
  readonly instance: ComputeInstanceV2;

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
    for (const [key, value] of Object.entries(metadata)) checkMetadata(key, value);
    checkUserData(props.image.bootCommand);

    const networkIds = [...props.networkIds];
    const image = new TerraformData(this, "Image", { triggersReplace: { fingerprint: props.image.fingerprint } });
    const trigger = claimShareable(image, `${addressPart(id)}_image`);
    this.instance = new ComputeInstanceV2(this, "Resource", {
      name,
      imageId: props.image.imageId,
      flavorName: props.flavorName,
      network: isToken(networkIds) ? undefined : networkIds.map((uuid) => ({ uuid })),
      securityGroups: props.securityGroups && [...props.securityGroups],
      metadata: isToken(props.metadata) ? Fn.merge([metadata, props.metadata]) : metadata,
      userData: props.image.bootCommand,
      keyPair: props.keyPair,
      availabilityZone: props.availabilityZone,
      configDrive: props.configDrive,
      provider: props.provider,
      // By its address: of a construct cdktf makes "${…}", which Terraform does not take here.
      lifecycle: {
        replaceTriggeredBy: [Lazy.stringValue({ produce: () => `${TerraformData.tfResourceType}.${trigger()}` })],
      },
    });
    if (isToken(networkIds)) {
      // Not by cdktf's iterator, which makes a set: the first network is the one of the default route.
      const content = { uuid: "${network.value}" };
      this.instance.addOverride("dynamic", { network: { for_each: networkIds, content } });
    }
  }

  /** The instance's id in Nova. */
  get instanceId(): string {
    return this.instance.id;
  }

  /** Its first IPv4 address. */
  get address(): string {
    return this.instance.accessIpV4;
  }
}

function checkName(name: string): void {
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

/** What Nova takes: 65535 characters of Base64. */
const USER_DATA_BYTES = 49149;

function checkUserData(bootCommand: string): void {
  if (isToken(bootCommand)) return;
  const bytes = Buffer.byteLength(unescapeTemplate(bootCommand));
  if (bytes <= USER_DATA_BYTES) return;
  throw new VisaImageError(`the boot command has ${bytes} bytes; Nova takes at most ${USER_DATA_BYTES} of user data`, {
    fix: "shorten it, or put what it does into a layer of the image",
  });
}

function checkMetadata(key: string, value: string): void {
  if (key.length > METADATA_CHARACTERS) {
    throw new VisaImageError(`the metadata name "${key}" has ${key.length} characters`, {
      fix: `Nova takes at most ${METADATA_CHARACTERS}`,
    });
  }
  if (Token.isUnresolved(value) || value.length <= METADATA_CHARACTERS) return;
  throw new VisaImageError(
    `the metadata "${key}" has ${value.length} characters; Nova takes at most ${METADATA_CHARACTERS}`,
    {
      fix:
        key === "pamPublicKey"
          ? "bake the key into the image (pamPublicKeyFile), or use one of at most 896 bits"
          : "shorten it, or put it into the image",
    },
  );
}
