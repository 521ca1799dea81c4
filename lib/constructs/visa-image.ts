import { resolve } from "node:path";
import { DataOpenstackImagesImageV2 } from "@cdktf/provider-openstack/lib/data-openstack-images-image-v2";
import { TerraformOutput, type TerraformProvider, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { VisaImageError } from "../errors";
import { LOCK_FILE, readLock } from "../releases/lock";
import { fixedProperties, releaseOf } from "../releases/release";
import type { BuildSpecification, DiskFormat, LayerSpecification, MachineOptions } from "../specification";
import { type SpecifyOptions, specify } from "../specify";
import { Catalog } from "../template/catalog";
import { CurrentRelease, forgetRelease, type ImageVisibility, PastRelease, protectionNotice } from "./image-release";
import { LayerBuild } from "./layer-build";
import { OwnerUserData } from "./owner-user-data";
import { defaultProperties } from "./properties";
import { addressPart, refuseToken } from "./text";
import { Verification } from "./verification";

/** An image that instances can be made from. */
export interface IVisaImage {
  /** The image's id in Glance. */
  readonly imageId: string;
  /** Hex SHA-256 of what the image was made from: another one is another image. */
  readonly fingerprint: string;
  /** What VISA calls the boot command: the user data of its instances, with `${` and `%{` escaped for Terraform. */
  readonly bootCommand: string;
}

/** Time limits, as Terraform writes durations ("45m"). */
export interface VisaImageTimeouts {
  /**
   * For the upload.
   * @default - what the disk takes at 10 MB/s (a raw disk is sent with all its zeros), and 20 min; 30 min at least
   */
  readonly create?: string;
}

/** Properties of a {@link VisaImage}. */
export interface VisaImageProps {
  /** Name of the template whose disk becomes the image. */
  readonly template: string;
  /**
   * Where the template and those that it extends are looked for.
   * @default - the templates of this package
   */
  readonly catalog?: Catalog;
  /**
   * Values for the templates' variables, by template.
   * @default - what the templates' environment.yml and the environment say
   */
  readonly variables?: SpecifyOptions["variables"];
  /**
   * Free text, for example "2026-11": another one asks for a new build of the same inputs.
   * @default - none
   */
  readonly refresh?: string;
  /**
   * PEM file of VISA's PAM public key, to be baked into the image.
   * @default - none: instances take it from their metadata
   */
  readonly pamPublicKeyFile?: string;
  /**
   * Settings of the machine that builds; to change them builds nothing anew.
   * @default - the runner's
   */
  readonly machine?: MachineOptions;
  /**
   * The layers, specified already, instead of `catalog`, `variables`, `refresh`, `pamPublicKeyFile` and `machine`.
   * @default - specified from these
   */
  readonly specification?: BuildSpecification;
  /**
   * Name in Glance. Changed in place.
   * @default - the template's name
   */
  readonly imageName?: string;
  /**
   * Who may see it in Glance. "public" takes an administrator's rights in most clouds.
   * @default "private" the project's members, VISA's own user among them
   */
  readonly visibility?: ImageVisibility;
  /**
   * Smallest disk of an instance, in GiB: at least the size of the image's disk.
   * @default - the size of the image's disk
   */
  readonly minDiskGb?: number;
  /**
   * Smallest memory of an instance, in MiB.
   * @default 2048
   */
  readonly minRamMb?: number;
  /**
   * Format of the image in Glance. Another one makes a new image from the same disk.
   * @default "raw" which a Ceph store clones without conversion
   */
  readonly diskFormat?: DiskFormat;
  /**
   * Properties of the image, beside and over those that this package sets (`hw_*`, `os_*`, `architecture`). Another
   * value of an `os_*` makes a new image, since neither Glance nor the provider changes one. `visa_*` are taken.
   * @default - those of this package
   */
  readonly properties?: Readonly<Record<string, string>>;
  /**
   * Tags in Glance.
   * @default - none
   */
  readonly tags?: readonly string[];
  /**
   * Whether the disk is booted and checked before it is registered: for all that its template promises of VISA's
   * contract (`contract` in manifest.yml). What does not pass is never uploaded.
   * @default true
   */
  readonly verify?: boolean;
  /**
   * Whether Glance refuses to delete the image and its past releases, whoever asks: also `terraform destroy`.
   * @default true
   */
  readonly protected?: boolean;
  /**
   * Past releases that stay in Terraform's hands, hidden; older ones are forgotten, and stay in Glance.
   * @default 1
   */
  readonly retain?: number;
  /**
   * The lock that remembers the releases.
   * @default - visa-images.lock.json in the current folder, which is the one of cdktf.json
   */
  readonly lockFile?: string;
  /**
   * The image's user data, of which it makes an output.
   * @default - OwnerUserData.script()
   */
  readonly userData?: OwnerUserData;
  /**
   * Whether to make the outputs `<id>_image_id`, `<id>_image_name`, `<id>_fingerprint` and `<id>_boot_command`.
   * @default true
   */
  readonly outputs?: boolean;
  /** @default - see {@link VisaImageTimeouts} */
  readonly timeouts?: VisaImageTimeouts;
  /** @default - the stack's OpenStack provider */
  readonly provider?: TerraformProvider;
}

/** Options of {@link VisaImage.fromImageId}. */
export interface ExistingImageOptions {
  /** Hex SHA-256 of what it was made from, or any other text that changes with the image. */
  readonly fingerprint: string;
  /** @default - OwnerUserData.script() */
  readonly userData?: OwnerUserData;
}

/** Options of {@link VisaImage.fromImageName}. */
export interface NamedImageOptions extends ExistingImageOptions {
  /** The image's name in Glance. */
  readonly imageName: string;
  /** @default - the stack's OpenStack provider */
  readonly provider?: TerraformProvider;
}

/** In MB/s: an upload that is slower than this takes a timeout of its own. */
const SLOWEST_UPLOAD = 10;

/**
 * A template's name in, an image in Glance and its boot command out.
 *
 * Synth resolves the template and fingerprints its layers; Terraform builds those whose inputs changed, one
 * `terraform_data.layer_<template>` each (shared by all images of the stack), uploads the last one's disk as
 * `openstack_images_image_v2.<id>_<release>`, and hides the image that was in use before. Nothing is built at synth.
 */
export class VisaImage extends Construct implements IVisaImage {
  /** The last layer's build. */
  readonly build: LayerBuild;
  /** What stands between the build and the image; undefined where `verify` is false. */
  readonly verification?: Verification;
  /** The image that is in use. */
  readonly release: CurrentRelease;
  /** Hex SHA-256 of what the image was made from. */
  readonly fingerprint: string;
  /** The image's name in Glance, as configured: whoever needs the image to be there refers to {@link imageId}. */
  readonly imageName: string;

  private readonly userData: OwnerUserData;

  /** An image by its id in Glance, made elsewhere. */
  static fromImageId(imageId: string, options: ExistingImageOptions): IVisaImage {
    const { fingerprint, userData = OwnerUserData.script() } = options;
    return { imageId, fingerprint, bootCommand: userData.render() };
  }

  /**
   * The image of that name and fingerprint, looked up in Glance by every plan: for stacks that do not make it.
   *
   * Unlike a reference to another stack's {@link VisaImage} it needs nothing of that stack's state.
   */
  static fromImageName(scope: Construct, id: string, options: NamedImageOptions): IVisaImage {
    const image = new DataOpenstackImagesImageV2(scope, id, {
      name: options.imageName,
      properties: { visa_fingerprint: options.fingerprint },
      mostRecent: true,
      provider: options.provider,
      lifecycle: {
        postcondition: [
          {
            // Where only one image has the name, the provider (1.54.1) takes it whatever its properties are.
            condition: `\${lookup(self.properties, "visa_fingerprint", "") == ${JSON.stringify(options.fingerprint)}}`,
            errorMessage: `Glance has no image "${options.imageName}" of the fingerprint ${options.fingerprint}: deploy the stack that makes it first.`,
          },
        ],
      },
    });
    return VisaImage.fromImageId(image.id, options);
  }

  /** @throws VisaImageError for what is wrong in the template, the properties or the lock */
  constructor(scope: Construct, id: string, props: VisaImageProps) {
    super(scope, id);
    checkProps(props);
    const specification = props.specification ?? specify({ ...props, catalog: props.catalog ?? Catalog.shipped() });
    const layer = lastLayer(specification, props.template);
    const minDiskGb = checkMinDisk(props.minDiskGb ?? layer.diskSizeGb, layer);
    const diskFormat = props.diskFormat ?? "raw";
    const properties = { ...defaultProperties(specification), ...props.properties };

    const address = this.addressBase();
    this.fingerprint = layer.fingerprint;
    this.imageName = props.imageName ?? layer.name;
    this.userData = props.userData ?? OwnerUserData.script();
    this.build = LayerBuild.chain(this, { specification, output: { format: diskFormat, minDiskGb }, variant: address });
    const fixed = fixedProperties(properties).map(([name, value]) => `${name}=${value}`);
    this.build.addTrigger(`image ${address}`, fixed.join(" "));

    if (props.verify ?? true) {
      const bootCommand = this.userData.text;
      this.verification = new Verification(this, "Verification", { build: this.build, address, bootCommand });
    }

    const lockKey = `${TerraformStack.of(this).node.id}/${address}`;
    const lockFile = resolve(props.lockFile ?? LOCK_FILE);
    const family = { address, lockKey, lockFile, protected: props.protected ?? true, provider: props.provider };
    const release = releaseOf({ fingerprint: layer.fingerprint, diskFormat, properties });
    this.release = new CurrentRelease(this, "Release", {
      ...family,
      release,
      fingerprint: layer.fingerprint,
      template: layer.name,
      diskFile: this.build.diskFile,
      diskCommand: this.build.command,
      ready: this.verification?.resource ?? this.build.resource,
      name: this.imageName,
      diskFormat,
      visibility: props.visibility ?? "private",
      minDiskGb,
      minRamMb: props.minRamMb ?? 2048,
      properties,
      tags: props.tags ?? [],
      createTimeout: props.timeouts?.create ?? uploadTimeout(layer.diskSizeGb),
    });

    const past = (readLock(lockFile).images[lockKey] ?? []).filter((each) => each.release !== release).reverse();
    const retain = props.retain ?? 1;
    for (const each of past.slice(0, retain)) {
      new PastRelease(this, `Release_${each.release}`, { ...family, release: each, successor: this.release });
    }
    for (const each of past.slice(retain)) forgetRelease(this, family, each.release);
    if (family.protected) protectionNotice(this, family, this.release.registered);
    if (props.outputs ?? true) this.addOutputs(address);
  }

  /** The image's id in Glance. */
  get imageId(): string {
    return this.release.image.id;
  }

  /** The user data of instances, with `${` and `%{` escaped for Terraform. */
  get bootCommand(): string {
    return this.userData.render();
  }

  /** The construct's path in its stack, so that it is one of a kind there. */
  private addressBase(): string {
    const { scopes } = this.node;
    const path = scopes.slice(scopes.indexOf(TerraformStack.of(this)) + 1).map((each) => each.node.id);
    return addressPart(path.join("_"));
  }

  private addOutputs(address: string): void {
    const outputs = {
      image_id: { value: this.imageId, description: "id of the image in Glance" },
      image_name: { value: this.imageName, description: "name of the image in Glance" },
      fingerprint: { value: this.fingerprint, description: "what the image was made from" },
      boot_command: { value: this.bootCommand, description: "to paste into the image's boot command in VISA" },
    };
    for (const [name, output] of Object.entries(outputs)) {
      const id = `${address.replaceAll("-", "_")}_${name}`;
      new TerraformOutput(this, name, output).overrideLogicalId(id);
    }
  }
}

function checkProps(props: VisaImageProps): void {
  const { template, variables, refresh, pamPublicKeyFile, diskFormat, minDiskGb, retain, lockFile } = props;
  const literal = { template, refresh, pamPublicKeyFile, diskFormat, minDiskGb, retain, lockFile };
  for (const [name, value] of Object.entries(literal)) refuseToken(name, value);
  refuseToken("protected", props.protected);
  refuseToken("verify", props.verify);
  for (const [name, values] of Object.entries(variables ?? {})) {
    for (const [key, value] of Object.entries(values)) refuseToken(`variables.${name}.${key}`, value);
  }
  for (const [name, value] of Object.entries(props.properties ?? {})) {
    if (name.startsWith("os_")) refuseToken(`properties.${name}`, value);
    if (name.startsWith("visa_")) {
      throw new VisaImageError(`the property "${name}" is one that this package sets`, {
        fix: "give it a name that does not begin with visa_",
      });
    }
  }
  if (retain !== undefined && (!Number.isInteger(retain) || retain < 0)) {
    throw new VisaImageError(`"retain" is ${retain}, expected a whole number of releases`, { fix: "retain: 1" });
  }
}

function lastLayer(specification: BuildSpecification, template: string): LayerSpecification {
  const layer = specification.layers.at(-1);
  if (layer?.name === template) return layer;
  throw new VisaImageError(`the specification ends at "${layer?.name ?? ""}", not at the template "${template}"`, {
    fix: "specify the template that the image is made from",
  });
}

function checkMinDisk(minDiskGb: number, layer: LayerSpecification): number {
  if (minDiskGb >= layer.diskSizeGb) return minDiskGb;
  throw new VisaImageError(
    `minDiskGb is ${minDiskGb}, but the disk of the template "${layer.name}" has ${layer.diskSizeGb} GiB`,
    { fix: `minDiskGb: ${layer.diskSizeGb}, or a smaller disk in the template` },
  );
}

function uploadTimeout(diskSizeGb: number): string {
  const minutes = (diskSizeGb * 1024) / SLOWEST_UPLOAD / 60 + 20;
  return `${Math.max(30, Math.ceil(minutes))}m`;
}
