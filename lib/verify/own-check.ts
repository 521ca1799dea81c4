/** A template's own checks: scripts in its folder. */
import { VisaImageError } from "../errors";
import { NotApplicable } from "./checks/check";
import type { Subject } from "./checks/subject";

/** A script of a template that has to succeed in the guest: exit code 0 passes, 77 says that it does not apply. */
export interface OwnCheck {
  readonly name: string;
  readonly script: string;
}

/**
 * Runs it as root, and returns the last line that it printed.
 *
 * @throws NotApplicable where the script says so
 * @throws VisaImageError with its exit code and words, where it fails
 */
export async function runOwnCheck({ script }: OwnCheck, { guest, owner }: Subject): Promise<string> {
  const { code, stdout, stderr } = await guest.run(`export VISA_OWNER='${owner}'\n${script}`, { timeoutSeconds: 300 });
  const words = (stderr.trim() || stdout.trim()).slice(-500);
  if (code === 77) throw new NotApplicable(words || "its script says so");
  if (code !== 0) throw new VisaImageError(`exit code ${code}${words ? `: ${words}` : ""}`);
  return stdout.trim().split("\n").at(-1) ?? "";
}
