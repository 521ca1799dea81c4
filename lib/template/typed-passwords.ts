import { HASH_SUFFIX, packerVariable } from "./marks";
import { Text } from "./render";

/** A question of Debian's installer for a password, and a secret as its answer. */
const PASSWORD = /\bpasswd\/(root|user)-password=(["']?)\uE000(\w+)\uE001\2(?=[\s<]|$)/g;
/** The same question once more, which a password in its crypted form is not asked. */
const AGAIN = /\bpasswd\/(?:root|user)-password-again=(["']?)\uE000\w+\uE001\1(?=[\s<]|$) ?/g;

/**
 * What a boot command types, with the passwords that Debian's installer takes in their crypted form
 * (`passwd/root-password-crypted`): whoever reads the kernel's command line reads a hash. Anything else is as it was.
 */
export function withTypedHashes(line: Text): Text {
  const crypted = (text: string) =>
    text
      .replaceAll(AGAIN, "")
      .replaceAll(
        PASSWORD,
        (_, who: string, quote: string, secret: string) =>
          `passwd/${who}-password-crypted=${quote}${packerVariable(secret + HASH_SUFFIX)}${quote}`,
      );
  return new Text(crypted(line.real), crypted(line.structure), line.kind);
}
