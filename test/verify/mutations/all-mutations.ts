/** All mutations, in the order of the assertions. */
import { BOOT_MUTATIONS } from "./boot-mutations";
import { DESKTOP_MUTATIONS } from "./desktop-mutations";
import { HYGIENE_MUTATIONS } from "./hygiene-mutations";
import { JUPYTER_MUTATIONS } from "./jupyter-mutations";
import { LOGIN_MUTATIONS } from "./login-mutations";
import type { Mutation } from "./mutation";
import { UEFI_MUTATIONS } from "./uefi-mutations";

export const MUTATIONS: readonly Mutation[] = [
  ...DESKTOP_MUTATIONS,
  ...BOOT_MUTATIONS,
  ...LOGIN_MUTATIONS,
  ...JUPYTER_MUTATIONS,
  ...HYGIENE_MUTATIONS,
  ...UEFI_MUTATIONS,
];
