/** Images that another stack, another app or a person made. */
import { DataOpenstackImagesImageV2 } from "@cdktf/provider-openstack/lib/data-openstack-images-image-v2";
import type { Construct } from "constructs";
import { Fn, type TerraformProvider } from "#cdktf";
import { VisaImageError } from "../errors";
import { SNAPSHOT_PROPERTIES } from "../releases/release";
import { claimOwnAddress } from "./claims";
import { OwnerUserData } from "./owner-user-data";

/** An image that instances can be made from. */
export interface IVisaImage {
  /** The image's id in Glance. */
  readonly imageId: string;
  /** Hex SHA-256 of what the image was made from: another one is another image. */
  readonly fingerprint: string;
  /** What VISA calls the boot command: the user data of its instances, with `${` and `%{` escaped for Terraform. */
  readonly bootCommand: string;
  /**
   * Smallest disk of an instance, in GiB.
   * @default - unknown: Nova compares it with the flavour
   */
  readonly minDiskGb?: number;
  /**
   * Smallest memory of an instance, in MiB.
   * @default - unknown: Nova compares it with the flavour
   */
  readonly minRamMb?: number;
}

/** Options of {@link VisaImage.fromImageId}. */
export interface ExistingImageOptions {
  /** Hex SHA-256 of what it was made from, or any other text that changes with the image. */
  readonly fingerprint: string;
  /** @default - OwnerUserData.script() */
  readonly userData?: OwnerUserData;
}

/** Options of {@link VisaImage.fromImageName}. */
export interface NamedImageOptions extends Omit<ExistingImageOptions, "fingerprint"> {
  /** The image's name in Glance. */
  readonly imageName: string;
  /**
   * Hex SHA-256 of what it was made from: exactly that release.
   * @default - the one in use
   */
  readonly fingerprint?: string;
  /**
   * Properties that it must have: `{ visa_image: "<stack>/<id>" }` finds the release in use, whichever that is.
   * @default - none besides the fingerprint; one of the two has to be given
   */
  readonly properties?: Readonly<Record<string, string>>;
  /** @default - the stack's OpenStack provider */
  readonly provider?: TerraformProvider;
}

/** See {@link VisaImage.fromImageId}. */
export function imageFromId(imageId: string, options: ExistingImageOptions): IVisaImage {
  const { fingerprint, userData = OwnerUserData.script() } = options;
  return { imageId, fingerprint, bootCommand: userData.render() };
}

/** See {@link VisaImage.fromImageName}. */
export function imageFromName(scope: Construct, id: string, options: NamedImageOptions): IVisaImage {
  const { imageName, fingerprint } = options;
  const properties = { ...options.properties, ...(fingerprint && { visa_fingerprint: fingerprint }) };
  const wanted = Object.entries(properties);
  if (wanted.length === 0) {
    throw new VisaImageError(`the image "${imageName}" is to be found by its name alone, which is not unique`, {
      fix: 'properties: { visa_image: "<stack>/<id of the VisaImage>" }, or a fingerprint',
    });
  }
  const image = new DataOpenstackImagesImageV2(scope, id, {
    name: imageName,
    properties,
    mostRecent: true,
    provider: options.provider,
    lifecycle: {
      // Where only one image has the name, the provider (1.54.1) takes it whatever its properties are.
      postcondition: [
        {
          condition: `\${join("", [for name in ${JSON.stringify(SNAPSHOT_PROPERTIES)} : lookup(self.properties, name, "")]) == ""}`,
          errorMessage: `The newest image "${imageName}" is a snapshot of an instance, which Nova gave all properties of the instance's image: rename or delete it, or name the image by its id.`,
        },
        ...wanted.map(([name, value]) => ({
          condition: `\${lookup(self.properties, ${JSON.stringify(name)}, "") == ${JSON.stringify(value)}}`,
          errorMessage: `Glance has no visible image "${imageName}" of the ${name === "visa_fingerprint" ? "fingerprint" : name} ${value}: deploy the stack that makes it first.`,
        })),
      ],
    },
  });
  claimOwnAddress(image);
  const found = imageFromId(image.id, {
    ...options,
    fingerprint: fingerprint ?? Fn.lookup(image.properties, "visa_fingerprint", image.id),
  });
  return { ...found, minDiskGb: image.minDiskGb, minRamMb: image.minRamMb };
}
