import { ImagesImageV2 } from "@cdktf/provider-openstack/lib/images-image-v2";
import { Construct } from "constructs";
import type { Release } from "../releases/release-lock";
import { registration } from "./registration";
import { claimOf, IMAGE_CACHE, type IRelease, LOCAL_ARGUMENTS, type ReleaseFamily, removeOf } from "./release-family";
import { StateBlocks } from "./state-blocks";
import { TerraformData } from "./terraform-data";
import { escapeTemplate } from "./text";

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
  readonly family: ReleaseFamily;
  readonly digits: string;
  readonly image: ImagesImageV2;
  readonly registered: TerraformData;

  constructor(scope: Construct, id: string, props: PastReleaseProps) {
    super(scope, id);
    this.family = props;
    this.digits = props.release.release;
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
    claimOf(this.image, props, `_${release}`);
    this.registered = registration(this, props, { release, fingerprint, template, image: this.image, visible: false });
    StateBlocks.of(this).import(this.image, imageId);
  }
}

/** Forgets a release that is older than the ones kept: its image stays in Glance, and is no longer in the state. */
export function forgetRelease(scope: Construct, family: ReleaseFamily, release: string): void {
  removeOf(scope, family, ImagesImageV2.tfResourceType, `_${release}`);
  removeOf(scope, family, TerraformData.tfResourceType, `_${release}_registered`);
}
