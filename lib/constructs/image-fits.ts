/** Whether an image fits on a flavour or a volume: told at synth where all is known, else by a condition of the plan. */
import { Fn, Op, type TerraformResourceLifecycle, Token } from "#cdktf";
import { VisaImageError } from "../errors";
import type { IVisaImage } from "./existing-image";
import { isToken } from "./text";

/** A condition of a resource or a data source. */
export type Condition = NonNullable<TerraformResourceLifecycle["precondition"]>[number];

/** What an instance has to offer. */
export interface Offer {
  readonly flavorName: string;
  /** In MiB. @default - as the images ask for */
  readonly ramMb?: number;
  /** In GiB. 0: as large as the image says. @default - as the images ask for, or of no consequence: the instance boots from a volume */
  readonly diskGb?: number;
}

/**
 * The conditions under which an image fits on a flavour, as far as only Terraform knows them.
 *
 * @throws VisaImageError where synth knows that it does not
 */
export function imageFits(image: IVisaImage, { flavorName, ramMb, diskGb }: Offer): Condition[] {
  const flavor = `the flavour "${flavorName}"`;
  return [
    ...atLeast(flavor, "MiB of memory", ramMb, image.minRamMb, Op.gte),
    // Nova looks at no disk of 0 GiB.
    ...(diskGb === 0 ? [] : atLeast(flavor, "GiB of disk", diskGb, image.minDiskGb, zeroOrAtLeast)),
  ];
}

/** The same of a volume that the image is copied to. */
export function imageFitsVolume(image: IVisaImage, sizeGb: number): Condition[] {
  return atLeast('"bootVolume.sizeGb"', "GiB", sizeGb, image.minDiskGb, Op.gte);
}

function zeroOrAtLeast(has: number, needs: number) {
  // Not by 0 itself, which cdktf 0.21 writes as undefined.
  return Op.or(Op.lt(has, 1), Op.gte(has, needs));
}

function atLeast(
  what: string,
  unit: string,
  has: number | undefined,
  needs: number | undefined,
  holds: (has: number, needs: number) => unknown,
): Condition[] {
  if (has === undefined || !needs) return [];
  const said = (value: number | string, least: number | string) =>
    `${what} has ${value} ${unit}; the image asks for at least ${least}`;
  if (!isToken(has) && !isToken(needs)) {
    if (has >= needs) return [];
    throw new VisaImageError(said(has, needs), { fix: "a larger one, or an image that asks for less" });
  }
  const text = (value: number) => (isToken(value) ? Token.asString(Fn.tostring(value)) : value);
  return [{ condition: holds(has, needs), errorMessage: `${said(text(has), text(needs))}: Nova would refuse it.` }];
}
