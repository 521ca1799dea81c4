import { ImagesImageV2 } from "@cdktf/provider-openstack/lib/images-image-v2";
import { type ITerraformDependable, TerraformElement, type TerraformProvider, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { ExitCode, VisaImageError } from "../errors";
import { releaseProperties, WRITTEN_AFTER_REGISTRATION } from "../releases/release";
import type { Release } from "../releases/release-lock";
import type { DiskFormat } from "../specification";
import { claimAddress } from "./claims";
import { cloudEnvironment } from "./cloud-environment";
import { visaImageCommand } from "./layer-build";
import { fromOutputFolder } from "./staged-file";
import { TerraformData } from "./terraform-data";
import { escapeTemplate } from "./text";

/** Who may see an image in Glance. */
export type ImageVisibility = "private" | "shared" | "community" | "public";

/** What the releases of one image have in common. */
export interface ReleaseFamily {
  /** The image's part of the addresses. */
  readonly address: string;
  /** The image's key in the lock: `<stack>/<id>`. */
  readonly lockKey: string;
  /** The lock: absolute. */
  readonly lockFile: string;
  /** Whether Glance refuses to delete them. */
  readonly protected: boolean;
  /** @default - the stack's only one */
  readonly provider?: TerraformProvider;
}

/** A release in Terraform's hands. */
export interface IRelease {
  /** The image in Glance. */
  readonly image: ImagesImageV2;
  /** Created once the image is active, protected and in the lock. */
  readonly registered: TerraformData;
}

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
  readonly name: string;
  readonly diskFormat: DiskFormat;
  readonly visibility: ImageVisibility;
  /** In GiB. */
  readonly minDiskGb: number;
  /** In MiB. */
  readonly minRamMb: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  /** As Terraform writes durations. */
  readonly createTimeout: string;
  /** Whether the lock has it already: an image that is yet to come is hidden until it is registered. */
  readonly known: boolean;
}

/** Set by the machine that uploads: of no consequence for an image that exists. */
const LOCAL_ARGUMENTS = ["local_file_path", "image_cache_path"];

/** Where the provider would keep what it downloads; without it the path of somebody's home would be in the plan. */
const IMAGE_CACHE = "image-cache";

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
  readonly image: ImagesImageV2;
  readonly registered: TerraformData;

  constructor(scope: Construct, id: string, props: CurrentReleaseProps) {
    super(scope, id);
    this.image = new ImagesImageV2(this, "Resource", {
      name: props.name,
      containerFormat: "bare",
      diskFormat: props.diskFormat,
      localFilePath: whereThere(props.diskFile, `run '${props.diskCommand}' and deploy again`, props.ready),
      imageCachePath: IMAGE_CACHE,
      visibility: props.visibility,
      hidden: !props.known,
      minDiskGb: props.minDiskGb,
      minRamMb: props.minRamMb,
      properties: { ...props.properties, ...releaseProperties(props.lockKey, props.release) },
      tags: [...props.tags],
      timeouts: { create: props.createTimeout },
      provider: props.provider,
      lifecycle: {
        // The version of the package that registered it stays true when another one deploys.
        ignoreChanges: [
          // Once it exists its upload's time limit is of no consequence.
          ...[...LOCAL_ARGUMENTS, "protected", "timeouts"],
          // Shown by its registration, whatever was true at synth.
          ...(props.known ? [] : ["hidden"]),
          ...["visa_version", ...WRITTEN_AFTER_REGISTRATION].map((name) => `properties["${name}"]`),
        ],
      },
    });
    claimAddress(this.image, `${props.address}_${props.release}`);
    const { release, fingerprint, template } = props;
    this.registered = registration(this, props, { release, fingerprint, template, image: this.image, visible: true });
  }
}

/** Properties of a {@link PastRelease}. */
export interface PastReleaseProps extends ReleaseFamily {
  /** What the lock says of it. */
  readonly release: Release;
  /**
   * The release that is in use instead: registered before this one is hidden.
   * @default - none: this one is in use again
   */
  readonly successor?: IRelease;
}

/** Everything that an image of the past keeps as it is. */
const KEPT_ARGUMENTS = [
  ...LOCAL_ARGUMENTS,
  "protected",
  "name",
  "container_format",
  "disk_format",
  "visibility",
  "min_disk_gb",
  "min_ram_mb",
  "properties",
  "tags",
  "timeouts",
];

/**
 * A release that the lock knows: hidden where another one has replaced it, visible where it is in use again (a rollback),
 * and otherwise as it is. Its addresses are those that it had.
 *
 * Where the state does not have it (a lost state, or one that was forgotten), it is imported by the id that the lock has.
 */
export class PastRelease extends Construct implements IRelease {
  readonly image: ImagesImageV2;
  readonly registered: TerraformData;

  constructor(scope: Construct, id: string, props: PastReleaseProps) {
    super(scope, id);
    const { release, fingerprint, template, name, diskFormat, imageId } = props.release;
    this.image = new ImagesImageV2(this, "Resource", {
      name: escapeTemplate(name),
      containerFormat: "bare",
      diskFormat,
      // Read only where the image is gone from Glance: nothing brings it back, but the message says what to do.
      localFilePath: escapeTemplate(
        `the past release ${release} is no longer in Glance: run 'npx visa-image lock sync' and deploy again`,
      ),
      imageCachePath: IMAGE_CACHE,
      hidden: props.successor !== undefined,
      provider: props.provider,
      dependsOn: props.successor && [props.successor.registered],
      lifecycle: {
        ignoreChanges: KEPT_ARGUMENTS,
        postcondition: [
          {
            // An entry that was edited would hide, or import under a second address, an image that is something else.
            // One that could not be brought back has no properties; the provider says why.
            condition: `\${self.properties == null ? true : lookup(self.properties, "visa_release", "") == "${release}"}`,
            errorMessage: escapeTemplate(
              `the image ${imageId} is not the release ${release} of ${props.lockKey}, as the lock says: run 'npx visa-image lock sync' and deploy again.`,
            ),
          },
        ],
      },
    });
    claimAddress(this.image, `${props.address}_${release}`);
    this.registered = registration(this, props, { release, fingerprint, template, image: this.image, visible: false });
    StateBlocks.of(this).import(this.image, imageId);
  }
}

/** Forgets a release that is older than the ones kept: its image stays in Glance, and is no longer in the state. */
export function forgetRelease(scope: Construct, family: ReleaseFamily, release: string): void {
  const blocks = StateBlocks.of(scope);
  blocks.remove(`${ImagesImageV2.tfResourceType}.${family.address}_${release}`);
  blocks.remove(`${TerraformData.tfResourceType}.${family.address}_${release}_registered`);
}

/**
 * A `terraform_data.<id>_in_use` that names the release in use, so that a plan shows a rollback, and tells the lock.
 *
 * Before it changes, the lock must know every release that the state has: Terraform would delete the others. It depends on
 * all that are kept, so that none of them is touched before.
 */
export function releaseInUse(
  scope: Construct,
  family: ReleaseFamily,
  release: string,
  current: IRelease,
  past: { readonly retain: number; readonly kept: ReadonlyMap<string, IRelease> },
): TerraformData {
  const retain = String(past.retain);
  const target = ["--file", fromOutputFolder(scope, family.lockFile), "--image", family.lockKey];
  const environment = cloudEnvironment(scope, family.provider);
  const resource = new TerraformData(scope, "InUse", {
    triggersReplace: { release, "past releases": [...past.kept.keys()].join(" "), retain },
    dependsOn: [current, ...past.kept.values()].map(({ registered }) => registered),
    provisioners: [
      {
        type: "local-exec",
        command: visaImageCommand(scope, ["lock", "use", ...target, "--release", release, "--retain", retain]),
        environment,
      },
      {
        type: "local-exec",
        when: "destroy",
        // Only what it was made for stands in the way: not a lock, a cloud or a package that is gone.
        command: `${visaImageCommand(scope, ["lock", "check", ...target]).replace(/^exec /, "")}; test $? -ne ${ExitCode.CHANGED}`,
        environment: {
          ...environment,
          VISA_STATE_RELEASES: '${self.triggers_replace["release"]} ${self.triggers_replace["past releases"]}',
        },
      },
    ],
  });
  claimAddress(resource, `${family.address}_in_use`);
  return resource;
}

/**
 * A `terraform_data` that, when Terraform destroys everything, says what Glance keeps and how to remove it.
 *
 * Only a hint: destroy-time provisioners do not run for a resource that is tainted or no longer configured.
 */
export function protectionNotice(scope: Construct, family: ReleaseFamily, after: ITerraformDependable): TerraformData {
  const notice =
    `The images of "${family.lockKey}" are protected in Glance, so they stay there: Terraform reports each with "403 ` +
    `Forbidden". To remove them too, deploy with "protected: false" (VISA_PROTECTED=false for the stacks of ` +
    `cdktf-visa-images), then destroy again. The cache of built layers stays in either case.`;
  const resource = new TerraformData(scope, "ProtectionNotice", {
    input: { notice: escapeTemplate(notice) },
    dependsOn: [after],
    provisioners: [
      {
        type: "local-exec",
        when: "destroy",
        command: `printf '%s\\n' "$VISA_IMAGE_NOTICE"`,
        environment: { VISA_IMAGE_NOTICE: "${self.input.notice}" },
      },
    ],
  });
  claimAddress(resource, `${family.address}_protection`);
  return resource;
}

interface Registered {
  readonly release: string;
  readonly fingerprint: string;
  readonly template: string;
  readonly image: ImagesImageV2;
  /** Whether the registration is what shows it. */
  readonly visible: boolean;
}

function registration(
  scope: Construct,
  family: ReleaseFamily,
  { release, fingerprint, template, image, visible }: Registered,
): TerraformData {
  const resource = new TerraformData(scope, "Registered", {
    triggersReplace: { image: image.id, protected: String(family.protected) },
    provisioners: [
      {
        type: "local-exec",
        command: visaImageCommand(scope, [
          ...["lock", "add", "--file", fromOutputFolder(scope, family.lockFile), "--image", family.lockKey],
          ...["--release", release, "--fingerprint", fingerprint, "--template", template, "--image-id", image.id],
          ...(family.protected ? ["--protected"] : []),
          ...(visible ? ["--visible"] : []),
        ]),
        environment: cloudEnvironment(scope, family.provider),
      },
    ],
  });
  claimAddress(resource, `${family.address}_${release}_registered`);
  return resource;
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

/** The stack's `import` and `removed` blocks, which cdktf has no constructs for (its imports run Terraform at synth). */
class StateBlocks extends TerraformElement {
  private readonly imports: { readonly to: ImagesImageV2; readonly id: string }[] = [];
  private readonly removals: string[] = [];

  static of(scope: Construct): StateBlocks {
    const stack = TerraformStack.of(scope);
    const id = "visa-images-state";
    return (stack.node.tryFindChild(id) as StateBlocks | undefined) ?? new StateBlocks(stack, id);
  }

  import(to: ImagesImageV2, id: string): void {
    this.imports.push({ to, id });
  }

  remove(address: string): void {
    this.removals.push(address);
  }

  override toHclTerraform(): Record<string, unknown> {
    if (this.imports.length + this.removals.length === 0) return {};
    throw new VisaImageError("past releases cannot be synthesized as HCL", {
      fix: "synthesize JSON: leave out --hcl and hclOutput",
    });
  }

  override toTerraform(): Record<string, unknown> {
    const imports = this.imports.map(({ to, id }) => ({
      to: `${ImagesImageV2.tfResourceType}.${to.friendlyUniqueId}`,
      id,
      provider: to.provider?.fqn,
    }));
    const removals = this.removals.map((from) => ({ from, lifecycle: { destroy: false } }));
    return {
      ...(imports.length > 0 && { import: imports }),
      // An older Terraform says then that it is too old, and not that it knows no "removed".
      ...(removals.length > 0 && { removed: removals, terraform: { required_version: ">= 1.7" } }),
    };
  }
}
