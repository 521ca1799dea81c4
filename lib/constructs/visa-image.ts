import { join, relative, resolve } from "node:path";
import { DataOpenstackImagesImageV2 } from "@cdktf/provider-openstack/lib/data-openstack-images-image-v2";
import { Annotations, Fn, TerraformOutput, type TerraformProvider, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { VisaImageError } from "../errors";
import { fixedProperties, releaseOf } from "../releases/release";
import { DEFAULT_RETAIN, LOCK_FILE, type Release, readLock } from "../releases/release-lock";
import type { BuildSpecification, DiskFormat, LayerSpecification, MachineOptions } from "../specification";
import { specify } from "../specify/specify";
import type { SpecifyOptions } from "../specify/specify-options";
import { Catalog } from "../template/catalog";
import { claim, claimAddress, claimOwnAddress, pathAddress } from "./claims";
import {
  CurrentRelease,
  forgetRelease,
  type ImageVisibility,
  type IRelease,
  PastRelease,
  protectionNotice,
  releaseInUse,
} from "./image-release";
import { LayerBuild } from "./layer-build";
import { OwnerUserData } from "./owner-user-data";
import { defaultProperties } from "./properties";
import { outputFolder, StagedFile } from "./staged-file";
import { escapeTemplate, refuseToken } from "./text";
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
   * For the upload. The provider finishes one that takes longer, and then calls it failed; from its version 3 on it cuts
   * it off.
   * @default - what the disk takes at 1 MB/s (a raw disk is sent with all its zeros), and 20 min
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
   * Whether layers that the building machine's cache does not have are taken from Glance, where it has them: the images of
   * this project whose `visa_fingerprint` is the layer's. Only what was registered is there, so `visa-base` is for those
   * who register it as an image of its own. The cloud has to be in the environment (`OS_*`, clouds.yaml), and what it
   * has is checked (docs/releases.md). To change it builds nothing.
   * @default false
   */
  readonly parentsFromGlance?: boolean;
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
   * The release to use: 12 digits of one that the lock knows (`npx visa-image lock show`). A rollback, or an image that
   * was adopted: it becomes visible again, the one that is in use is hidden, and nothing is built, verified or uploaded,
   * whatever the templates say by now.
   * @default - the one that follows from the templates
   */
  readonly release?: string;
  /**
   * The lock that remembers the releases.
   * @default - visa-images.lock.json in the current folder, which is the one of cdktf.json
   */
  readonly lockFile?: string;
  /**
   * The image's user data, of which synth makes {@link VisaImage.bootCommandFile}.
   * @default - OwnerUserData.script()
   */
  readonly userData?: OwnerUserData;
  /**
   * Whether to make the outputs `<id>_image_id`, `<id>_image_name`, `<id>_fingerprint` and `<id>_boot_command_file`.
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

/** In MB/s: an upload that is slower than this takes a timeout of its own. */
const SLOWEST_UPLOAD = 1;

/**
 * A template's name in, an image in Glance and its boot command out.
 *
 * Synth resolves the template and fingerprints its layers; Terraform builds those whose inputs changed, one
 * `terraform_data.layer_<template>` each (shared by all images of the stack), uploads the last one's disk as
 * `openstack_images_image_v2.<id>_<release>`, and hides the image that was in use before. Nothing is built at synth.
 * That resource is `node.defaultChild`.
 */
export class VisaImage extends Construct implements IVisaImage {
  /** The last layer's build. */
  readonly build: LayerBuild;
  /** What stands between the build and the image; undefined where `verify` is false. */
  readonly verification?: Verification;
  /** The image that is in use. */
  readonly release: IRelease;
  /** Hex SHA-256 of what the image was made from. */
  readonly fingerprint: string;
  /**
   * A file that synth writes, relative to the working directory: what is to be pasted into the image's boot command in
   * VISA. As an output the text itself would fill each plan, and cdktf breaks its lines.
   */
  readonly bootCommandFile: string;
  /** The image's name in Glance, as configured: whoever needs the image to be there refers to {@link imageId}. */
  readonly imageName: string;

  private readonly userData: OwnerUserData;

  /** An image by its id in Glance, made elsewhere. */
  static fromImageId(imageId: string, options: ExistingImageOptions): IVisaImage {
    const { fingerprint, userData = OwnerUserData.script() } = options;
    return { imageId, fingerprint, bootCommand: userData.render() };
  }

  /**
   * The visible image of that name and these properties, looked up in Glance by every plan: for stacks that do not make it.
   *
   * Unlike a reference to another stack's {@link VisaImage} it needs nothing of that stack's state.
   *
   * @throws VisaImageError where neither a fingerprint nor a property is given: names are not unique in Glance
   */
  static fromImageName(scope: Construct, id: string, options: NamedImageOptions): IVisaImage {
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
        postcondition: wanted.map(([name, value]) => ({
          condition: `\${lookup(self.properties, ${JSON.stringify(name)}, "") == ${JSON.stringify(value)}}`,
          errorMessage: `Glance has no visible image "${imageName}" of the ${name === "visa_fingerprint" ? "fingerprint" : name} ${value}: deploy the stack that makes it first.`,
        })),
      },
    });
    claimOwnAddress(image);
    return VisaImage.fromImageId(image.id, {
      ...options,
      fingerprint: fingerprint ?? Fn.lookup(image.properties, "visa_fingerprint", image.id),
    });
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

    const address = pathAddress(this);
    const lockKey = `${TerraformStack.of(this).node.id}/${address}`;
    claim(this, `the image ${lockKey}`);
    const lockFile = resolve(props.lockFile ?? LOCK_FILE);
    const known = readLock(lockFile).images[lockKey] ?? [];
    const newest = releaseOf({ fingerprint: layer.fingerprint, diskFormat, properties });
    const release = props.release ?? newest;
    const again = release === newest ? undefined : knownRelease(known, release, lockKey, lockFile);
    const held = again !== undefined;

    this.fingerprint = again?.fingerprint ?? layer.fingerprint;
    this.imageName = again ? escapeTemplate(again.name) : (props.imageName ?? layer.name);
    this.userData = props.userData ?? OwnerUserData.script();
    for (const warning of this.userData.warnings) Annotations.of(this).addWarning(warning);
    const output = { format: diskFormat, minDiskGb };
    this.build = LayerBuild.chain(this, {
      specification: { ...specification, ...(props.parentsFromGlance && { parentsFromGlance: { lockFile } }) },
      output,
      variant: address,
      held,
      provider: props.provider,
    });
    const fixed = fixedProperties(properties).map(([name, value]) => `${name}=${value}`);
    this.build.addTrigger(`image ${address}`, fixed.join(" "));

    const bootCommand = new StagedFile(this, "BootCommand", {
      path: `boot-commands/${address}`,
      content: () => this.userData.text,
    });
    this.bootCommandFile = relative(process.cwd(), join(outputFolder(this), bootCommand.path));
    if (props.verify ?? true) {
      this.verification = new Verification(this, "Verification", {
        ...{ build: this.build, address, held },
        bootCommand: { text: this.userData.text, file: bootCommand.path },
      });
    }

    const family = { address, lockKey, lockFile, protected: props.protected ?? true, provider: props.provider };
    this.release = again
      ? new PastRelease(this, "Release", { ...family, release: again })
      : new CurrentRelease(this, "Release", {
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
          known: known.some((each) => each.release === release),
          createTimeout: props.timeouts?.create ?? uploadTimeout(layer.diskSizeGb),
        });

    const past = known.filter((each) => each.release !== release).reverse();
    const retain = props.retain ?? DEFAULT_RETAIN;
    const kept = new Map<string, IRelease>();
    for (const each of past.slice(0, retain)) {
      const props = { ...family, release: each, successor: this.release };
      kept.set(each.release, new PastRelease(this, `Release_${each.release}`, props));
    }
    for (const each of past.slice(retain)) forgetRelease(this, family, each.release);
    releaseInUse(this, family, release, this.release, { retain, kept });
    if (family.protected) protectionNotice(this, family, this.release.registered);
    if (props.outputs ?? true) this.addOutputs(address);
    this.node.defaultChild = this.release.image;
  }

  /** The image's id in Glance. */
  get imageId(): string {
    return this.release.image.id;
  }

  /** The user data of instances, with `${` and `%{` escaped for Terraform. */
  get bootCommand(): string {
    return this.userData.render();
  }

  private addOutputs(address: string): void {
    const outputs = {
      image_id: { value: this.imageId, description: "id of the image in Glance" },
      image_name: { value: this.imageName, description: "name of the image in Glance" },
      fingerprint: { value: this.fingerprint, description: "what the image was made from" },
      boot_command_file: { value: this.bootCommandFile, description: "to paste into the image's boot command in VISA" },
    };
    for (const [name, output] of Object.entries(outputs)) {
      const id = `${address.replaceAll("-", "_")}_${name}`;
      claimAddress(new TerraformOutput(this, name, output), id);
    }
  }
}

function checkProps(props: VisaImageProps): void {
  const { template, variables, refresh, pamPublicKeyFile, diskFormat, minDiskGb, retain, lockFile } = props;
  const literal = {
    ...{ template, refresh, pamPublicKeyFile, diskFormat, minDiskGb, retain, lockFile },
    release: props.release,
  };
  for (const [name, value] of Object.entries(literal)) refuseToken(name, value);
  refuseToken("protected", props.protected);
  refuseToken("verify", props.verify);
  refuseToken("parentsFromGlance", props.parentsFromGlance);
  for (const [name, value] of Object.entries(props.machine ?? {})) refuseToken(`machine.${name}`, value);
  refuseToken("variables", variables);
  refuseToken("properties", props.properties);
  for (const [name, values] of Object.entries(variables ?? {})) {
    refuseToken(`variables.${name}`, values);
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

function knownRelease(releases: readonly Release[], release: string, image: string, file: string): Release {
  const found = releases.find((each) => each.release === release);
  if (found) return found;
  const known = releases.map((each) => `${each.release} (${each.registered.slice(0, 10)})`).join(", ");
  throw new VisaImageError(`the lock has no release "${release}" of "${image}"`, {
    location: { file },
    fix: known
      ? `choose one of: ${known}`
      : "leave out the release; where the lock has lost it: npx visa-image lock sync",
  });
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
  return `${Math.ceil(minutes)}m`;
}
