import { ComputeFlavorV2 } from "@cdktf/provider-openstack/lib/compute-flavor-v2";
import { DataOpenstackComputeFlavorV2 } from "@cdktf/provider-openstack/lib/data-openstack-compute-flavor-v2";
import { Construct } from "constructs";
import { Fn, type TerraformProvider, TerraformSelf, Token } from "#cdktf";
import { VisaImageError } from "../errors";
import { claimOwnAddress } from "./claims";
import type { IVisaImage } from "./existing-image";
import { imageFits } from "./image-fits";
import { checkEntry, checkNovaName, checkWhole } from "./nova-limits";
import { isToken } from "./text";

/** A flavour that instances can be made of. */
export interface IVisaFlavor {
  /** The flavour's id in Nova. */
  readonly flavorId: string;
  /** Its name, as VISA's plans take it. */
  readonly flavorName: string;
  /** Memory, in MiB. */
  readonly ramMb: number;
  /** Root disk, in GiB; 0: as large as the image says. */
  readonly diskGb: number;
}

/** Options of {@link VisaFlavor.fromFlavorName}. */
export interface NamedFlavorOptions {
  /** The flavour's name in Nova. */
  readonly flavorName: string;
  /**
   * Images that have to fit: a plan fails where the flavour has less memory or disk than one of them asks for.
   * @default - none
   */
  readonly images?: readonly IVisaImage[];
  /** @default - the stack's OpenStack provider */
  readonly provider?: TerraformProvider;
}

/** Properties of a {@link VisaFlavor}. */
export interface VisaFlavorProps {
  /** @default - the construct's id */
  readonly flavorName?: string;
  /** Number of virtual processors. */
  readonly vcpus: number;
  /**
   * Images that have to fit: less memory or disk than one of them asks for is refused.
   * @default - none
   */
  readonly images?: readonly IVisaImage[];
  /**
   * Memory, in MiB.
   * @default - the most that one of the images asks for
   */
  readonly ramMb?: number;
  /**
   * Root disk, in GiB; 0 for instances that boot from a volume.
   * @default - the most that one of the images asks for
   */
  readonly diskGb?: number;
  /**
   * Virtual GPUs: `resources:VGPU`.
   * @default - none
   */
  readonly vgpus?: number;
  /**
   * PCI devices that are passed through, by their alias in Nova's configuration: `{ a100: 1 }` is
   * `pci_passthrough:alias` "a100:1".
   * @default - none
   */
  readonly pciDevices?: Readonly<Record<string, number>>;
  /**
   * More extra specs, by Nova's names.
   * @default - none
   */
  readonly extraSpecs?: Readonly<Record<string, string>>;
  /**
   * Whether all projects may use it.
   * @default true
   */
  readonly isPublic?: boolean;
  /** @default - the stack's OpenStack provider */
  readonly provider?: TerraformProvider;
}

const VGPU = "resources:VGPU";
const PCI = "pci_passthrough:alias";

/**
 * A flavour that fits images. To make one takes an administrator's rights in most clouds.
 *
 * Nova changes no flavour but its extra specs: another size makes a new one of the same name, and Terraform has Nova resize
 * the instances that refer to it.
 */
export class VisaFlavor extends Construct implements IVisaFlavor {
  /** The flavour in Nova. */
  readonly flavor: ComputeFlavorV2;
  /** Memory, in MiB. */
  readonly ramMb: number;
  /** Root disk, in GiB. */
  readonly diskGb: number;

  /**
   * A flavour that is there, looked up by every plan.
   *
   * @throws VisaImageError for a name that no flavour has
   */
  static fromFlavorName(scope: Construct, id: string, options: NamedFlavorOptions): IVisaFlavor {
    const { flavorName, images = [], provider } = options;
    checkNovaName("flavorName", flavorName);
    const size = { flavorName, ramMb: TerraformSelf.getNumber("ram"), diskGb: TerraformSelf.getNumber("disk") };
    const postcondition = images.flatMap((image) => imageFits(image, size));
    const flavor = new DataOpenstackComputeFlavorV2(scope, id, {
      name: flavorName,
      provider,
      lifecycle: postcondition.length > 0 ? { postcondition } : undefined,
    });
    claimOwnAddress(flavor);
    return { flavorId: flavor.id, flavorName, ramMb: flavor.ram, diskGb: flavor.disk };
  }

  /** @throws VisaImageError where Nova would refuse it, an image does not fit, or nothing says how large it is */
  constructor(scope: Construct, id: string, props: VisaFlavorProps) {
    super(scope, id);
    const { flavorName = id, images = [], vcpus } = props;
    checkNovaName("flavorName", flavorName);
    this.ramMb = props.ramMb ?? mostOf("ramMb", images, (image) => image.minRamMb);
    this.diskGb = props.diskGb ?? mostOf("diskGb", images, (image) => image.minDiskGb);
    checkWhole("vcpus", vcpus, 1, "processors");
    checkWhole("ramMb", this.ramMb, 1, "MiB");
    checkWhole("diskGb", this.diskGb, 0, "GiB");
    const size = { flavorName, ramMb: props.ramMb, diskGb: props.diskGb };
    const precondition = images.flatMap((image) => imageFits(image, size));
    const extraSpecs = extraSpecsOf(props);
    this.flavor = new ComputeFlavorV2(this, "Resource", {
      name: flavorName,
      vcpus,
      ram: this.ramMb,
      disk: this.diskGb,
      isPublic: props.isPublic ?? true,
      extraSpecs: Object.keys(extraSpecs).length > 0 ? extraSpecs : undefined,
      provider: props.provider,
      lifecycle: precondition.length > 0 ? { precondition } : undefined,
    });
  }

  /** The flavour's id in Nova, known once it is there. */
  get flavorId(): string {
    return this.flavor.id;
  }

  /** Its name, as VISA's plans take it. */
  get flavorName(): string {
    return this.flavor.name;
  }
}

/** The most that one of the images asks for. */
function mostOf(prop: string, images: readonly IVisaImage[], least: (image: IVisaImage) => number | undefined): number {
  const asked = images.flatMap((image) => least(image) ?? []);
  if (asked.length === 0 || asked.length < images.length) {
    throw new VisaImageError(
      `"${prop}" is not given, and ${images.length === 0 ? "there is no image" : "not every image"} to say it`,
      {
        fix: `${prop}: a number, or images that this app makes or looks up by name`,
      },
    );
  }
  return asked.some(isToken) ? Token.asNumber(Fn.max(asked)) : Math.max(...asked);
}

function extraSpecsOf({ vgpus, pciDevices = {}, extraSpecs = {} }: VisaFlavorProps): Record<string, string> {
  if (vgpus !== undefined) checkWhole("vgpus", vgpus, 1, "virtual GPUs");
  const devices = Object.entries(pciDevices);
  for (const [alias, count] of devices) {
    checkWhole(`pciDevices.${alias}`, count, 1, "devices");
    if (/^[^:,\s]+$/.test(alias)) continue;
    throw new VisaImageError(`"pciDevices" has "${alias}", which is no alias`, {
      fix: "the name of an alias in Nova's configuration, the count beside it: { a100: 1 }",
    });
  }
  const typed = {
    ...(vgpus !== undefined && { [VGPU]: String(vgpus) }),
    ...(devices.length > 0 && { [PCI]: devices.map(([alias, count]) => `${alias}:${count}`).join(",") }),
  };
  for (const [name, prop] of Object.entries({ [VGPU]: "vgpus", [PCI]: "pciDevices" })) {
    if (name in typed && name in extraSpecs) {
      throw new VisaImageError(`"${name}" is given twice, by "${prop}" and by "extraSpecs"`, {
        fix: `${prop} alone`,
      });
    }
  }
  const all: Record<string, string> = { ...extraSpecs, ...typed };
  for (const [key, value] of Object.entries(all)) checkEntry("extra specs", key, value);
  return all;
}
