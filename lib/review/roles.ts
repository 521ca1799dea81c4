/** Which of a stack's resources are this package's own, and what they stand for: addresses and triggers are contracts. */
import { type ResourceChange, recordOf } from "./plan";

/** A resource's part in a deploy. */
export type Role =
  /** Builds a layer. */
  | "layer"
  /** The gate. */
  | "verified"
  /** The gate behind the upload. */
  | "accepted"
  /** Around an image that Glance fetches. */
  | "download"
  | "registered"
  | "in-use"
  | "protection-notice"
  /** VISA's entry. */
  | "visa"
  | "visa-again"
  /** Hides VISA's entry when it is destroyed. */
  | "visa-guard"
  /** Has an instance replaced. */
  | "instance-image"
  | "instance"
  /** An image in Glance, a release or another one. */
  | "image"
  | "other";

/** By the end of the name, and by triggers or inputs that nobody else's `terraform_data` has. */
const OWN: readonly (readonly [role: Role, name: RegExp, entries: readonly string[]])[] = [
  ["layer", /^layer_./, ["fingerprint"]],
  ["verified", /._verified$/, ["fingerprint", "verifier"]],
  ["accepted", /._accepted$/, ["flavor", "verifier"]],
  ["download", /._[0-9a-f]{12}_(served|fetched)$/, ["release", "source"]],
  ["registered", /._[0-9a-f]{12}_registered$/, ["protected"]],
  ["in-use", /._in_use$/, ["release", "retain"]],
  ["visa-again", /._seen_in_visa$/, ["registration"]],
  ["visa", /._in_visa$/, ["channel"]],
  ["visa-guard", /._hidden_when_destroyed$/, []],
  ["protection-notice", /._protection$/, ["notice"]],
  ["instance-image", /._image(_[0-9a-f]{8})?$/, ["fingerprint"]],
];

/** What a resource stands for. */
export function roleOf({ type, name, before, after, unknown }: ResourceChange): Role {
  if (type === "openstack_images_image_v2") return "image";
  if (type === "openstack_compute_instance_v2") return "instance";
  if (type !== "terraform_data") return "other";
  const values = [before, after, unknown].flatMap((each) => [each.triggers_replace, each.input]);
  const keys = new Set(values.flatMap((each) => Object.keys(recordOf(each))));
  const own = OWN.find(([, pattern, wanted]) => pattern.test(name) && wanted.every((each) => keys.has(each)));
  return own?.[0] ?? "other";
}

/** A release's part of the address of an image or its registration, and the image's. */
export function releaseName(name: string): { readonly image: string; readonly release: string } | undefined {
  const [, image, release] = /^(.+)_([0-9a-f]{12})(?:_registered)?$/.exec(name) ?? [];
  return image !== undefined && release !== undefined ? { image, release } : undefined;
}
