import { Construct } from "constructs";
import type { TerraformProvider } from "#cdktf";
import type { AcceptanceProps } from "./acceptance";
import type { IVisaImage } from "./existing-image";
import type { ImageReleases } from "./image-releases";
import type { ImageVisibility, IRelease } from "./release-family";

/** Options of {@link VisaImage.addDestination}. */
export interface ImageDestinationOptions {
  /** Of the other region, project or cloud: usually one with an alias. */
  readonly provider: TerraformProvider;
  /**
   * Name in Glance. Changed in place.
   * @default - the image's
   */
  readonly imageName?: string;
  /**
   * Who may see it in that Glance.
   * @default - the image's
   */
  readonly visibility?: ImageVisibility;
  /**
   * Whether that Glance refuses to delete it and its past releases.
   * @default - as the image's
   */
  readonly protected?: boolean;
  /**
   * Past releases that stay in Terraform's hands there.
   * @default - as many as the image's
   */
  readonly retain?: number;
  /**
   * The release to use there: 12 digits of one that the lock knows for this destination.
   * @default - the image's
   */
  readonly release?: string;
  /**
   * Has that cloud boot an instance before its image is shown there.
   * @default - none: flavours and networks are each cloud's own
   */
  readonly acceptance?: AcceptanceProps;
}

/** Properties of an {@link ImageDestination}. */
export interface ImageDestinationProps {
  readonly bootCommand: string;
  readonly visibility: ImageVisibility;
  /** Makes its releases, under the destination. */
  readonly register: (scope: Construct) => ImageReleases;
}

/**
 * The same disk as that of a {@link VisaImage}, registered in another region, project or cloud: made by
 * {@link VisaImage.addDestination}. It has releases of its own, in the lock as `<stack>/<image's id>_<id>`.
 */
export class ImageDestination extends Construct implements IVisaImage {
  /** The user data of instances, with `${` and `%{` escaped for Terraform. */
  readonly bootCommand: string;
  private readonly visibility: ImageVisibility;
  private readonly releases: ImageReleases;

  constructor(scope: Construct, id: string, props: ImageDestinationProps) {
    super(scope, id);
    this.bootCommand = props.bootCommand;
    this.visibility = props.visibility;
    this.releases = props.register(this);
    this.node.defaultChild = this.release.image;
  }

  /** The image that is in use there. */
  get release(): IRelease {
    return this.releases.inUse;
  }

  /** Hex SHA-256 of what the image was made from. */
  get fingerprint(): string {
    return this.releases.fingerprint;
  }

  /** The image's name in that Glance, as configured. */
  get imageName(): string {
    return this.releases.imageName;
  }

  /** The image's id in that Glance. */
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

  /** See {@link VisaImage.shareWith}. @throws VisaImageError where the visibility is not "shared" */
  shareWith(...projectIds: string[]): void {
    this.releases.shareWith(this.visibility, projectIds);
  }
}
