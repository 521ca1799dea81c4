/** What assertion 62 must catch. */
import type { Mutation } from "./mutation";

export const UEFI_MUTATIONS: readonly Mutation[] = [
  {
    what: "GRUB starts nothing by UEFI",
    caughtOn: { uefi: { 62: /the test instance ended by itself/ } },
    booted: "sed -i '1i if [ \"$grub_platform\" = efi ]; then halt; fi' boot/grub/grub.cfg",
    always: true,
  },
];
