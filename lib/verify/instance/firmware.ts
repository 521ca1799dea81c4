/** UEFI with Secure Boot on, as Nova starts an instance of an image with `hw_firmware_type=uefi`, by Debian's package ovmf. */
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { VisaImageError } from "../../errors";
import { qemuValue } from "./qemu-value";

/** Of the package ovmf: the firmware, and its variables with Microsoft's keys, by which Debian's shim is signed. */
const CODE = "/usr/share/OVMF/OVMF_CODE_4M.ms.fd";
const VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.ms.fd";

/** The instance's own variables, in its folder. */
export const VARIABLES_FILE = "uefi-variables.fd";

/** What is not installed of the firmware; nothing where all of it is. */
export function missingFirmware(): string | undefined {
  return [CODE, VARIABLES].find((file) => !existsSync(file));
}

/**
 * QEMU's arguments for a machine with UEFI, which is a q35: no other keeps the guest away from the variables.
 *
 * @param folder the instance's own, where its variables go
 * @throws VisaImageError where the firmware is not installed
 */
export function firmwareArguments(folder: string): string[] {
  const missing = missingFirmware();
  if (missing !== undefined) {
    throw new VisaImageError(`an image that boots by UEFI is verified with "${missing}", which is not here`, {
      fix: "apt-get install ovmf",
    });
  }
  const variables = join(folder, VARIABLES_FILE);
  copyFileSync(VARIABLES, variables);
  return [
    ...["-machine", "q35,smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on"],
    ...["-drive", `if=pflash,unit=0,format=raw,readonly=on,file=${CODE}`],
    ...["-drive", `if=pflash,unit=1,format=raw,file=${qemuValue(variables)}`],
  ];
}
