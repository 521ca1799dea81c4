import { ImagesImageAccessV2 } from "@cdktf/provider-openstack/lib/images-image-access-v2";
import type { Construct } from "constructs";
import { Fn, Lazy, TerraformIterator } from "#cdktf";
import { VisaImageError } from "../errors";
import type { ReleasePlan } from "../releases/plan-releases";
import { acceptance } from "./acceptance";
import { CurrentRelease, type CurrentReleaseProps } from "./current-release";
import { forgetRelease, PastRelease } from "./past-release";
import { protectionNotice, releaseInUse } from "./registration";
import { claimOf, type ImageVisibility, type IRelease, type ReleaseFamily, removeOf } from "./release-family";
import { escapeTemplate, isToken } from "./text";

/** The image that a release is registered as, where it is none of the past. */
export type CurrentImage = Omit<CurrentReleaseProps, keyof ReleaseFamily | "release" | "known">;

/** Options of {@link ImageReleases}. */
export interface ImageReleasesOptions {
  readonly family: ReleaseFamily;
  readonly plan: ReleasePlan;
  /** How many past releases are kept. */
  readonly retain: number;
  readonly current: CurrentImage;
}

/** The releases of an image in one cloud, as `planReleases` has them: the one in use, those that are kept or forgotten. */
export class ImageReleases {
  /** The one in use. */
  readonly inUse: IRelease;
  /** Past ones that Terraform has, by their digits. */
  private readonly kept = new Map<string, IRelease>();
  private readonly members: string[] = [];
  /** Lists that only Terraform knows. */
  private readonly memberLists: string[][] = [];

  /** @param scope what their constructs stand under */
  constructor(
    private readonly scope: Construct,
    private readonly options: ImageReleasesOptions,
  ) {
    const { family, plan, retain, current } = options;
    this.inUse = plan.again
      ? new PastRelease(scope, "Release", { ...family, release: plan.again })
      : new CurrentRelease(scope, "Release", { ...family, ...current, release: plan.release, known: plan.known });
    if (plan.again && current.acceptance) acceptance(scope, family, this.inUse.image, current.acceptance, true);
    for (const each of plan.kept) {
      const props = { ...family, release: each, successor: this.inUse };
      this.kept.set(each.release, new PastRelease(scope, `Release_${each.release}`, props));
    }
    for (const each of plan.forgotten) forgetRelease(scope, family, each.release);
    releaseInUse(scope, family, plan.release, this.inUse, { retain, kept: this.kept });
    if (family.protected) protectionNotice(scope, family, this.inUse.registered);
  }

  get family(): ReleaseFamily {
    return this.options.family;
  }

  /** Hex SHA-256 of what the image in use was made from. */
  get fingerprint(): string {
    return this.options.plan.again?.fingerprint ?? this.options.current.fingerprint;
  }

  /** The name of the image in use. */
  get imageName(): string {
    const { plan, current } = this.options;
    return plan.again ? escapeTemplate(plan.again.name) : current.name;
  }

  /** What the image in use asks of an instance: `minDiskGb`, `minRamMb`. */
  get asksFor(): { readonly minDiskGb: number; readonly minRamMb: number } {
    // What a release of the past was registered with is in the state alone.
    return this.options.plan.again ? this.inUse.image : this.options.current;
  }

  /** See {@link VisaImage.shareWith}. */
  shareWith(visibility: ImageVisibility, projectIds: readonly string[]): void {
    if (!isToken(visibility) && visibility !== "shared") {
      throw new VisaImageError(
        `the image "${this.options.family.lockKey}" has the visibility "${visibility}": Glance shares with projects only what is "shared"`,
        { fix: 'visibility: "shared"' },
      );
    }
    for (const projectId of projectIds) {
      if (isToken([projectId])) this.memberLists.push([projectId]);
      else this.members.push(projectId);
    }
    // The members are read at synth: one resource for each release, whoever is added later.
    if (this.scope.node.tryFindChild(`Access_${this.options.plan.release}`)) return;
    this.shareRelease(this.options.plan.release, this.inUse);
    for (const [release, each] of this.kept) this.shareRelease(release, each);
    const { family, plan } = this.options;
    for (const { release } of plan.forgotten) {
      // Whoever has servers of it keeps it.
      removeOf(this.scope, family, ImagesImageAccessV2.tfResourceType, `_${release}`);
    }
  }

  private shareRelease(release: string, { image, registered }: IRelease): void {
    const { family } = this.options;
    // cdktf writes a plain list that is produced at synth without its quotes.
    const produce = () => Fn.concat([this.members, ...this.memberLists]);
    const each = TerraformIterator.fromList(Lazy.anyValue({ produce }));
    const access = new ImagesImageAccessV2(this.scope, `Access_${release}`, {
      forEach: each,
      imageId: image.id,
      memberId: each.value,
      provider: family.provider,
      dependsOn: [registered],
    });
    claimOf(access, family, `_${release}`);
    // A release that was registered before anybody shared it is as visible as it was then.
    image.visibility = "shared";
    const ignored = image.lifecycle?.ignoreChanges;
    if (!Array.isArray(ignored)) return;
    image.lifecycle = { ...image.lifecycle, ignoreChanges: ignored.filter((name) => name !== "visibility") };
  }
}
