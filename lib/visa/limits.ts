/** What VISA's database and forms take; beyond it VISA answers with "System error", or with the whole value. */
import { ExitCode, VisaImageError } from "../errors";

/** The most characters of a field: in UTF-16 units, as Java and JavaScript count them. */
export const LIMITS = {
  name: 250,
  version: 100,
  description: 2500,
  icon: 100,
  autologin: 255,
  bootCommand: 16_000,
} as const;

/** A field with a limit. */
export type LimitedField = keyof typeof LIMITS;

/** The fields in a person's words, as VISA's admin page has them. */
export const FIELD_NAMES: Readonly<Record<LimitedField, string>> = {
  name: "name",
  version: "version",
  description: "description",
  icon: "icon",
  autologin: "autologin",
  bootCommand: "boot command",
};

/**
 * Looks at each field that is there. The message has the length, never the value: a boot command may hold secrets.
 *
 * @throws VisaImageError for the first that is too long, and for an empty name
 */
export function checkLimits(fields: Readonly<Partial<Record<LimitedField, string>>>): void {
  for (const [field, most] of Object.entries(LIMITS) as [LimitedField, number][]) {
    const value = fields[field];
    if (value === undefined || value.length <= most) continue;
    throw new VisaImageError(
      `VISA's ${FIELD_NAMES[field]} has ${value.length} characters; VISA takes at most ${most}`,
      {
        fix:
          field === "bootCommand"
            ? "put what is long into the image, and let the boot command call it"
            : `shorten ${field} by ${value.length - most} characters`,
        exitCode: ExitCode.USAGE,
      },
    );
  }
  if (fields.name === "") {
    throw new VisaImageError("VISA takes no empty name", { fix: 'name: "VISA desktop"', exitCode: ExitCode.USAGE });
  }
}
