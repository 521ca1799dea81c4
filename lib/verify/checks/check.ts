/** What a check of one assertion is, and how it answers. */

import type { VerifyProfile } from "../../contract";
import { VisaImageError } from "../../errors";
import type { Need } from "../instance/instance";
import { NotApplicable } from "../not-applicable";
import type { BootName, Subject } from "./subject";

export { NotApplicable };

/** One look at one assertion, on one boot. An assertion may take several. */
export interface Check {
  readonly assertion: number;
  readonly boot: BootName;
  /** `gate`: looked at in both profiles. */
  readonly profile: VerifyProfile;
  /** Whether it comes after all that looks at the boot as it is, the templates' own checks too. @default false */
  readonly late?: true;
  /** What not every instance can give: where it lacks it, the check does not apply. @default - nothing, or the agent alone */
  readonly needs?: Need;
  /** Whether it looks from outside alone, or not at the instance: then nothing waits for the guest. @default false */
  readonly outside?: true;
  /**
   * Ends well where the assertion holds, and may return what was seen.
   *
   * @throws NotApplicable where the image has no such thing
   * @throws Error where the assertion does not hold; its message is the reason
   */
  run(subject: Subject): Promise<string | undefined>;
}

/** @throws VisaImageError with the reason, unless the condition holds */
export function expect(condition: unknown, reason: string): asserts condition {
  if (!condition) throw new VisaImageError(reason);
}
