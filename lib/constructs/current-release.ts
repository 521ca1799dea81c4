import { ImagesImageV2 } from "@cdktf/provider-openstack/lib/images-image-v2";
import { Construct } from "constructs";
import { releaseProperties, WRITTEN_AFTER_REGISTRATION } from "../releases/release";
import { DISK_SIGNATURE_SUFFIX, type DiskFormat } from "../specification";
import { type AcceptanceOptions, acceptance } from "./acceptance";
import { registration } from "./registration";
import {
  claimOf,
  IMAGE_CACHE,
  type ImageVisibility,
  type IRelease,
  LOCAL_ARGUMENTS,
  type ReleaseFamily,
} from "./release-family";
import { TerraformData } from "./terraform-data";
import { escapeTemplate } from "./text";
import { type WebDownloadProps, webDownload } from "./web-download";

/** Properties of a {@link CurrentRelease}. */
export interface CurrentReleaseProps extends ReleaseFamily {
  /** The release's part of the addresses: see `releaseOf`. */
  readonly release: string;
  /** The layer's whole fingerprint. */
  readonly fingerprint: string;
  readonly template: string;
  /** The disk to upload, relative to the stack's output folder. */
  readonly diskFile: string;
  /** The command that makes that disk, for the message where it is not there. */
  readonly diskCommand: string;
  /** What has to be done before the upload: the build, and whatever checks its disk. */
  readonly ready: TerraformData;
  /** The specification that the gate verifies, relative to the stack's output folder. @default - there is no gate */
  readonly gate?: string;
  /** The cloud's own instance of it, before it is shown. @default - none */
  readonly acceptance?: AcceptanceOptions;
  readonly name: string;
  readonly diskFormat: DiskFormat;
  readonly visibility: ImageVisibility;
  /** In GiB. */
  readonly minDiskGb: number;
  /** In MiB. */
  readonly minRamMb: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  /** See {@link VisaImageProps.signatureCertificateUuid}. @default - Glance checks no signature */
  readonly signatureCertificateUuid?: string;
  /** See {@link VisaImageProps.webDownload}. @default - the provider uploads the disk */
  readonly webDownload?: WebDownloadProps;
  /** As Terraform writes durations. */
  readonly createTimeout: string;
  /** Whether the lock has it already: an image that is yet to come is hidden until it is registered. */
  readonly known: boolean;
}

/**
 * The release that is in use: uploaded once its disk is there, then protected, shown and written into the lock.
 *
 * Two resources, whose addresses are contracts: `openstack_images_image_v2.<id>_<release>`, and
 * `terraform_data.<id>_<release>_registered`, which protects the image. The provider would protect it before the upload;
 * then Glance does not let Terraform delete what a failed upload left behind, and all later deploys fail (403). Shown
 * from the start, it would be in VISA's list while it is uploaded, and for ever where that was cut off; VISA's list
 * breaks on an image that is not active.
 */
export class CurrentRelease extends Construct implements IRelease {
  readonly family: ReleaseFamily;
  readonly digits: string;
  readonly image: ImagesImageV2;
  readonly registered: TerraformData;

  constructor(scope: Construct, id: string, props: CurrentReleaseProps) {
    super(scope, id);
    this.family = props;
    this.digits = props.release;
    const signature = signatureProperties(props);
    const download = props.webDownload && webDownload(this, props, props.webDownload, props);
    this.image = new ImagesImageV2(this, "Resource", {
      name: props.name,
      containerFormat: "bare",
      diskFormat: props.diskFormat,
      ...(download
        ? { webDownload: true, imageSourceUrl: download.url }
        : { localFilePath: whereThere(props.diskFile, `run '${props.diskCommand}' and deploy again`, props.ready) }),
      imageCachePath: IMAGE_CACHE,
      visibility: props.visibility,
      hidden: !props.known,
      minDiskGb: props.minDiskGb,
      minRamMb: props.minRamMb,
      properties: { ...props.properties, ...signature, ...releaseProperties(props.lockKey, props.release) },
      tags: [...props.tags],
      timeouts: { create: props.createTimeout },
      provider: props.provider,
      lifecycle: {
        // The version of the package that registered it stays true when another one deploys.
        ignoreChanges: [
          // Once it exists its upload's time limit is of no consequence.
          ...[...LOCAL_ARGUMENTS, "protected", "timeouts"],
          // Another one makes another release. A cloud may have converted what it fetched.
          "disk_format",
          // Shown by its registration, whatever was true at synth.
          ...(props.known ? [] : ["hidden"]),
          ...["visa_version", ...WRITTEN_AFTER_REGISTRATION, ...Object.keys(signature)].map(
            (name) => `properties["${name}"]`,
          ),
        ],
      },
    });
    claimOf(this.image, props, `_${props.release}`);
    const { release, fingerprint, template, gate } = props;
    const accepted = props.acceptance && acceptance(this, props, this.image, props.acceptance);
    const registered = { release, fingerprint, template, gate, image: this.image, visible: true, accepted, download };
    this.registered = registration(this, props, registered);
  }
}

/** What Glance checks an upload by: the signature is in a file, which the build writes beside the disk. */
function signatureProperties({
  signatureCertificateUuid: certificate,
  diskFile,
  ready,
}: CurrentReleaseProps): Record<string, string> {
  if (certificate === undefined) return {};
  const file = `\${path.module}/${diskFile}${DISK_SIGNATURE_SUFFIX}`;
  const address = `${TerraformData.tfResourceType}.${ready.friendlyUniqueId}.id`;
  return {
    // Unknown until the disk is there. An image that exists keeps its own, whatever this machine has.
    img_signature: `\${${address} != "" && fileexists("${file}") ? trimspace(file("${file}")) : ""}`,
    img_signature_certificate_uuid: certificate,
    img_signature_hash_method: "SHA-256",
    img_signature_key_type: "ECC_SECP384R1",
  };
}

/**
 * The path of a file that is there once `ready` is, as an expression: unknown in a plan that builds, and otherwise, where
 * the file is not on this machine, a text that the provider's error shows. An image that exists never reads it, since
 * its changes are ignored.
 */
function whereThere(file: string, otherwise: string, ready: TerraformData): string {
  const text = (value: string) => JSON.stringify(escapeTemplate(value));
  const address = `${TerraformData.tfResourceType}.${ready.friendlyUniqueId}.id`;
  const missing = text(`${file} is not on this machine: ${otherwise}`);
  return `\${${address} == "" || fileexists("\${path.module}/${file}") ? ${text(file)} : ${missing}}`;
}
