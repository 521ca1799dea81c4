import type { ImagesImageV2 } from "@cdktf/provider-openstack/lib/images-image-v2";
import type { Construct } from "constructs";
import type { TerraformProvider, TerraformResource } from "#cdktf";
import { claimAddress } from "./claims";
import { StateBlocks } from "./state-blocks";
import type { TerraformData } from "./terraform-data";

/** Who may see an image in Glance. */
export type ImageVisibility = "private" | "shared" | "community" | "public";

/** What the releases of one image in one cloud have in common. */
export interface ReleaseFamily {
  /** The image's part of the addresses. */
  readonly address: string;
  /** What that was before the image was renamed, the last one first. */
  readonly formerAddresses: readonly string[];
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
  /** Whose release it is. */
  readonly family: ReleaseFamily;
  /** Its 12 digits. */
  readonly digits: string;
  /** The image in Glance. */
  readonly image: ImagesImageV2;
  /** Created once the image is active, protected and in the lock. */
  readonly registered: TerraformData;
}

/** Where its bytes came from, set by the machine that deploys: of no consequence for an image that exists. */
export const LOCAL_ARGUMENTS = ["local_file_path", "image_source_url", "web_download", "image_cache_path"] as const;

/** Where the provider would keep what it downloads; without it the path of somebody's home would be in the plan. */
export const IMAGE_CACHE = "image-cache";

/**
 * Gives a resource of an image the address `<the image's address><suffix>`. Where the image had another name before, a
 * `moved` block says so: nothing is made anew.
 */
export function claimOf(
  resource: TerraformResource,
  { address, formerAddresses }: Pick<ReleaseFamily, "address" | "formerAddresses">,
  suffix: string,
): void {
  claimAddress(resource, `${address}${suffix}`);
  moveFormer(
    resource,
    [address, ...formerAddresses].map((each) => `${each}${suffix}`),
  );
}

/** Has the state forget a resource of an image, by whichever name it has it. */
export function removeOf(
  scope: Construct,
  { address, formerAddresses }: Pick<ReleaseFamily, "address" | "formerAddresses">,
  type: string,
  suffix: string,
): void {
  const [present = "", ...former] = [address, ...formerAddresses].map((each) => `${type}.${each}${suffix}`);
  StateBlocks.of(scope).remove(scope, present, former);
}

/** Has the state's entry of a resource taken over from the addresses that it had, the present one first. */
export function moveFormer(resource: TerraformResource, addresses: readonly string[]): void {
  const blocks = StateBlocks.of(resource);
  addresses.slice(1).forEach((from, index) => {
    blocks.move(resource.terraformResourceType, from, addresses[index] as string);
  });
}
