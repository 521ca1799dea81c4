/** All checks, and the order in which a boot is looked at. */
import type { ContractPart, VerifyProfile } from "../../contract";
import { BOOT_CHECKS } from "./boot-checks";
import type { Check } from "./check";
import { DESKTOP_CHECKS } from "./desktop-checks";
import { HYGIENE_CHECKS } from "./hygiene-checks";
import { JUPYTER_CHECKS } from "./jupyter-checks";
import { LOGIN_CHECKS } from "./login-checks";
import { UEFI_CHECKS } from "./uefi-checks";

const CHECKS: Readonly<Record<ContractPart, readonly Check[]>> = {
  boot: BOOT_CHECKS,
  desktop: DESKTOP_CHECKS,
  login: LOGIN_CHECKS,
  jupyter: JUPYTER_CHECKS,
  hygiene: HYGIENE_CHECKS,
  uefi: UEFI_CHECKS,
};

/** What a profile looks at where these parts of the contract are promised. */
export function checksOf(parts: readonly ContractPart[], profile: VerifyProfile): readonly Check[] {
  return parts.flatMap((part) => CHECKS[part]).filter((check) => profile === "full" || check.profile === "gate");
}

/** By their numbers, but those that an open desktop is needed for come after it. */
export function inOrder(checks: readonly Check[]): Check[] {
  const rank = ({ assertion }: Check) => (assertion === 17 ? 13.5 : assertion === 12 ? 16.5 : assertion);
  const gate = checks.filter(({ profile }) => profile === "gate").sort((a, b) => rank(a) - rank(b));
  const full = checks.filter(({ profile }) => profile === "full").sort((a, b) => rank(a) - rank(b));
  return [...gate, ...full];
}
