import { join, relative, resolve } from "node:path";
import { Construct } from "constructs";
import { Annotations, TerraformOutput, TerraformStack } from "#cdktf";
import { isBuiltByCloud } from "../build-machine";
import { sha256, short } from "../fingerprint/digest";
import { PROPS, withPresentNames } from "../present-names";
import { planReleases, type ReleasePlan } from "../releases/plan-releases";
import { fixedProperties, releaseOf } from "../releases/release";
import { DEFAULT_RETAIN, formerNames, LOCK_FILE, type ReleaseLock, readLock } from "../releases/release-lock";
import { refuseRevoked } from "../releases/revocation";
import type { BuildSpecification } from "../specification";
import { specify } from "../specify/specify";
import { type RebuildRule, type RebuildWhen, RULE_VERSION } from "../stale/rebuild-when";
import { Catalog } from "../template/catalog";
import { type AcceptanceOptions, type AcceptanceProps, checkAcceptance } from "./acceptance";
import { claim, claimAddress, pathAddress } from "./claims";
import {
  type ExistingImageOptions,
  type IVisaImage,
  imageFromId,
  imageFromName,
  type NamedImageOptions,
} from "./existing-image";
import { checkGlanceArguments } from "./glance-limits";
import { ImageDestination, type ImageDestinationOptions } from "./image-destination";
import { type CurrentImage, ImageReleases } from "./image-releases";
import { LayerBuild, type LayerChainOptions } from "./layer-build";
import { OwnerUserData } from "./owner-user-data";
import { defaultProperties, firmwareOf } from "./properties";
import type { IRelease, ReleaseFamily } from "./release-family";
import { outputFolder, StagedFile } from "./staged-file";
import { checkTriggers, Verification } from "./verification";
import {
  checkMinDisk,
  checkPromisedBudget,
  checkProps,
  lastLayer,
  uploadTimeout,
  type VisaImageProps,
} from "./visa-image-props";

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
  /**
   * A file that synth writes, relative to the working directory: what is to be pasted into the image's boot command in
   * VISA. As an output the text itself would fill each plan, and cdktf breaks its lines.
   */
  readonly bootCommandFile: string;

  private readonly userData: OwnerUserData;
  private readonly props: VisaImageProps;
  private readonly lock: ReleaseLock;
  private readonly chain: LayerChainOptions;
  /** The release that follows from the templates. */
  private readonly newest: string;
  /** Of its layers, and of what the first one stands on. */
  private readonly fingerprints: readonly string[];
  private readonly current: CurrentImage;
  /** The staged boot command, relative to the stack's output folder. */
  private readonly stagedBootCommand: string;
  private readonly releases: ImageReleases;

  /** An image by its id in Glance, made elsewhere. */
  static fromImageId(imageId: string, options: ExistingImageOptions): IVisaImage {
    return imageFromId(imageId, options);
  }

  /**
   * The visible image of that name and these properties, looked up in Glance by every plan: for stacks that do not make it.
   *
   * Unlike a reference to another stack's {@link VisaImage} it needs nothing of that stack's state.
   *
   * @throws VisaImageError where neither a fingerprint nor a property is given: names are not unique in Glance
   */
  static fromImageName(scope: Construct, id: string, options: NamedImageOptions): IVisaImage {
    return imageFromName(scope, id, options);
  }

  /** @throws VisaImageError for what is wrong in the template, the properties or the lock */
  constructor(scope: Construct, id: string, given: VisaImageProps) {
    super(scope, id);
    const props = withPresentNames(given, PROPS, (warning) => Annotations.of(this).addWarning(warning));
    checkProps(props);
    const lockFile = resolve(props.lockFile ?? LOCK_FILE);
    this.lock = readLock(lockFile);
    const layerRefreshes = this.lock.refreshes?.[lockKeyOf(this)];
    const specified =
      props.specification ?? specify({ ...props, layerRefreshes, catalog: props.catalog ?? Catalog.shipped() });
    // A specification that was made elsewhere may say another machine, or none.
    const machine = { ...specified.machine, ...props.machine, ...(props.builder && { builder: props.builder }) };
    const specification = { ...specified, ...(Object.keys(machine).length > 0 && { machine }) };
    const layer = lastLayer(specification, props.template);
    checkPromisedBudget(props.bootBudget, layer);
    const minDiskGb = checkMinDisk(props.minDiskGb ?? layer.diskSizeGb, layer);
    const { provider, diskFormat = "raw" } = props;
    const properties = { ...defaultProperties(specification, props.firmware), ...props.properties };
    const firmware = firmwareOf(properties, layer);

    this.props = props;
    this.fingerprints = specification.layers.flatMap(({ parent, fingerprint }) => [parent, fingerprint]);
    this.newest = releaseOf({ fingerprint: layer.fingerprint, diskFormat, properties });
    const family = this.familyOf(this, lockFile, props);
    const plan = this.planOf(family, props);
    const { address, formerAddresses } = family;
    const held = plan.again !== undefined;

    this.userData = props.userData ?? OwnerUserData.script();
    for (const warning of this.userData.warnings) Annotations.of(this).addWarning(warning);
    // What a cloud has built is there.
    const fromGlance = props.cacheFrom !== undefined || isBuiltByCloud(specification, { environment: process.env });
    this.chain = {
      specification: { ...specification, ...(fromGlance && { parentsFromGlance: { lockFile } }) },
      output: { format: diskFormat, minDiskGb, ...(props.signatureCertificateUuid && { signed: true }) },
      variant: address,
      formerVariants: formerAddresses,
      provider,
      registered: true,
    };
    this.build = LayerBuild.chain(this, { ...this.chain, held });
    const fixed = fixedProperties(properties).map(([name, value]) => `${name}=${value}`);
    // By its first name: another one builds nothing.
    this.build.addTrigger(`image ${formerAddresses.at(-1) ?? address}`, fixed.join(" "));

    const bootCommand = new StagedFile(this, "BootCommand", {
      path: `boot-commands/${address}`,
      content: () => this.userData.text,
    });
    this.stagedBootCommand = bootCommand.path;
    this.bootCommandFile = relative(process.cwd(), join(outputFolder(this), bootCommand.path));
    if (props.verify ?? true) {
      this.verification = new Verification(this, "Verification", {
        ...{ build: this.build, address, formerAddresses, held },
        bootCommand: { text: this.userData.text, file: bootCommand.path },
        firmware,
        ...(props.bootBudget && { boot: { budget: props.bootBudget, lockFile, lockKey: family.lockKey } }),
      });
    }

    this.current = {
      fingerprint: layer.fingerprint,
      template: layer.name,
      diskFile: this.build.diskFile,
      diskCommand: this.build.command,
      ready: this.verification?.resource ?? this.build.resource,
      gate: this.verification && this.build.specificationFile,
      acceptance: this.acceptanceOf(props.acceptance),
      name: props.imageName ?? layer.name,
      diskFormat,
      visibility: props.visibility ?? "private",
      minDiskGb,
      minRamMb: props.minRamMb ?? 2048,
      properties,
      tags: props.tags ?? [],
      signatureCertificateUuid: props.signatureCertificateUuid,
      webDownload: props.webDownload,
      createTimeout: props.timeouts?.create ?? uploadTimeout(layer.diskSizeGb),
    };
    const retain = props.retain ?? DEFAULT_RETAIN;
    this.releases = new ImageReleases(this, { family, plan, retain, current: this.current });
    if (props.rebuildWhen) this.stageRule(address, specification, props.rebuildWhen);
    if (props.outputs) this.addOutputs(address);
    this.node.defaultChild = this.release.image;
  }

  /** The image that is in use. */
  get release(): IRelease {
    return this.releases.inUse;
  }

  /** Hex SHA-256 of what the image was made from. */
  get fingerprint(): string {
    return this.releases.fingerprint;
  }

  /** The image's name in Glance, as configured: whoever needs the image to be there refers to {@link imageId}. */
  get imageName(): string {
    return this.releases.imageName;
  }

  /** The image's id in Glance. */
  get imageId(): string {
    return this.release.image.id;
  }

  /** Smallest disk of an instance, in GiB. */
  get minDiskGb(): number {
    return this.releases.asksFor.minDiskGb;
  }

  /** Smallest memory of an instance, in MiB. */
  get minRamMb(): number {
    return this.releases.asksFor.minRamMb;
  }

  /** The user data of instances, with `${` and `%{` escaped for Terraform. */
  get bootCommand(): string {
    return this.userData.render();
  }

  /**
   * Shares the image with other projects: the release in use, and those that are kept, as one
   * `openstack_images_image_access_v2.<id>_<release>` each. A project sees it in its lists once it has accepted it
   * (`openstack image set --accept <id>`); by its id it may use it at once. Releases that Terraform forgets stay shared.
   *
   * @param projectIds also a list that only Terraform knows: `...variable.listValue`
   * @throws VisaImageError where the visibility is not "shared"
   */
  shareWith(...projectIds: string[]): void {
    this.releases.shareWith(this.current.visibility, projectIds);
  }

  /**
   * Registers the same disk in another region, project or cloud too: one build, one verified file, one more image. Where
   * one upload fails, the other images are what they would be without it.
   *
   * @param id its addresses are those of an image `<this image's id>_<id>`
   * @returns the image there
   * @throws VisaImageError for a release that the lock does not know there
   */
  addDestination(id: string, options: ImageDestinationOptions): ImageDestination {
    checkGlanceArguments(options);
    checkAcceptance(options.acceptance);
    const { provider, imageName, visibility = this.current.visibility } = options;
    const { release = this.props.release, retain = this.props.retain ?? DEFAULT_RETAIN } = options;
    // Another cloud has another Barbican, other flavours, and may not reach the web server.
    const own = {
      signatureCertificateUuid: undefined,
      webDownload: undefined,
      acceptance: this.acceptanceOf(options.acceptance),
    };
    const current = { ...this.current, ...own, visibility, ...(imageName !== undefined && { name: imageName }) };
    return new ImageDestination(this, id, {
      visibility,
      bootCommand: this.bootCommand,
      register: (scope) => {
        const family = this.familyOf(scope, this.releases.family.lockFile, {
          provider,
          protected: options.protected ?? this.props.protected,
        });
        const plan = this.planOf(family, { release, retain });
        if (!plan.again) this.needDisk();
        return new ImageReleases(scope, { family, plan, retain, current });
      },
    });
  }

  private acceptanceOf(props: AcceptanceProps | undefined): AcceptanceOptions | undefined {
    if (!props) return undefined;
    const { build, stagedBootCommand: file, userData } = this;
    return {
      ...{ props, specificationFile: build.specificationFile },
      bootCommand: { digest: short(sha256(userData.text)), file },
      triggers: { contract: build.layer.contract.join(" "), ...checkTriggers(build) },
    };
  }

  /** The build and the gate, also where this image itself is rolled back. */
  private needDisk(): void {
    LayerBuild.chain(this, this.chain);
    this.verification?.release();
  }

  private familyOf(
    image: Construct,
    lockFile: string,
    { provider, protected: protect = true }: Pick<VisaImageProps, "provider" | "protected">,
  ): ReleaseFamily {
    const address = pathAddress(image);
    const lockKey = lockKeyOf(image);
    claim(image, `the image ${lockKey}`);
    const former = formerNames(this.lock, lockKey).map((name) => name.slice(name.indexOf("/") + 1));
    // A stack that was renamed has its images at the same addresses.
    const formerAddresses = former.filter((each, index) => each !== (former[index - 1] ?? address));
    return { address, formerAddresses, lockKey, lockFile, protected: protect, provider };
  }

  private planOf(
    { lockKey, lockFile }: ReleaseFamily,
    { release, retain }: Pick<VisaImageProps, "release" | "retain">,
  ): ReleasePlan {
    const { newest, lock } = this;
    const question = { image: lockKey, lockFile, newest, release, retain, retired: lock.retired };
    const plan = planReleases(lock.images[lockKey] ?? [], question);
    const fingerprints = plan.again ? [plan.again.fingerprint] : this.fingerprints;
    refuseRevoked(lock, { fingerprints, what: `"${lockKey}"`, lockFile });
    return plan;
  }

  /** For `visa-image stale --update`. */
  private stageRule(address: string, { layers }: BuildSpecification, rebuildWhen: RebuildWhen): void {
    const rule: RebuildRule = {
      ...{ version: RULE_VERSION, image: lockKeyOf(this), rebuildWhen },
      layers: layers.map(({ name }) => name),
      base: layers[0]?.base?.kind ?? "",
    };
    const content = () => `${JSON.stringify(rule, undefined, 2)}\n`;
    new StagedFile(this, "RebuildWhen", { path: `rebuild-when/${address}.json`, content });
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

/** What the lock calls an image. */
function lockKeyOf(image: Construct): string {
  return `${TerraformStack.of(image).node.id}/${pathAddress(image)}`;
}
