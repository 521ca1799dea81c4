/** Assertion 62: what an image with `hw_firmware_type=uefi` has to do. */
import { type Check, expect, NotApplicable } from "./check";
import type { Subject } from "./subject";

/** The byte behind four of attributes is 1 where Secure Boot is on. */
const SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

async function bootedByUefi({ guest }: Subject): Promise<string> {
  const { code } = await guest.run("test -d /sys/firmware/efi");
  if (code !== 0) throw new NotApplicable("booted by BIOS; by UEFI in the full profile");
  const on = await guest.text(`od -An -tu1 -j4 -N1 ${SECURE_BOOT}`);
  expect(on === "1", "Secure Boot is off");
  return "Secure Boot is on";
}

/** Of the image, as a template promises the part `uefi`. */
export const UEFI_CHECKS: readonly Check[] = [
  // Where that is what the image is booted by.
  { assertion: 62, boot: "main", profile: "gate", run: bootedByUefi },
  { assertion: 62, boot: "uefi", profile: "full", run: bootedByUefi },
];
