import { Token } from "#cdktf";
import { VisaImageError } from "../errors";
import { shellWord } from "../shell-word";

/** A text as Terraform's JSON wants it, so that `${` and `%{` in it stay what they are. */
export function escapeTemplate(text: string): string {
  return text.replace(/([$%])(?=\{)/g, "$1$1");
}

/** What {@link escapeTemplate} made of a text, as it was. */
export function unescapeTemplate(text: string): string {
  return text.replace(/([$%])\1(?=\{)/g, "$1");
}

/** A word of a command that Terraform has a shell run; tokens are left to Terraform. */
export function commandWord(word: string): string {
  return Token.isUnresolved(word) ? word : shellWord(word);
}

/** A part of a Terraform address: letters, digits, `_` and `-`, not beginning with a digit or a `-`. */
export function addressPart(text: string): string {
  const part = text.replace(/[^A-Za-z0-9_-]/g, "_");
  return /^[A-Za-z_]/.test(part) ? part : `_${part}`;
}

/** Whether synth does not know a value: one of Terraform's variables, a resource's attribute; also a whole list or map. */
export function isToken(value: unknown): boolean {
  return value !== undefined && Token.isUnresolved(value);
}

/** Fails where a value that synth has to look into is a token. */
export function refuseToken(what: string, value: unknown): void {
  if (isToken(value)) {
    throw new VisaImageError(`"${what}" is a token, whose value is known only when Terraform runs`, {
      fix: `give "${what}" a literal value: it takes part in the fingerprint or in a check at synth`,
    });
  }
}
