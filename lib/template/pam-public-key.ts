import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { ExitCode, VisaImageError } from "../errors";

/**
 * The largest key whose tokens can log in through xrdp, which takes at most 255 characters of password (source: xrdp; see
 * the assertions on VISA's PAM module). Up to 1408 bits still do for logins of at most seven characters.
 */
export const MAX_TOKEN_KEY_BITS = 1280;

/** A key that was read and checked. */
export interface PamPublicKey {
  /** The PEM text, as it goes into the image. */
  readonly pem: string;
  readonly bits: number;
  /** What is odd but no error. */
  readonly warning?: string;
}

/**
 * Reads VISA's PAM public key.
 * @throws VisaImageError when it is missing, private, no PEM, or not RSA: with EC and DSA keys VISA's own module lets
 * anyone in
 */
export function readPamPublicKey(file: string): PamPublicKey {
  const fail = (what: string, fix: string, cause?: unknown) =>
    new VisaImageError(what, { location: { file }, fix, exitCode: ExitCode.USAGE, cause });
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw fail(`cannot read the PAM public key: ${(cause as Error).message}`, "name a PEM file", cause);
  }
  const pem = text.replaceAll("\r\n", "\n");
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    throw fail(
      "this is a private key, which must never be in an image",
      `give the public one: openssl pkey -in ${file} -pubout`,
    );
  }
  const blocks = pem.match(/-----BEGIN [^-]*-----/g) ?? [];
  if (blocks.length !== 1 || blocks[0] !== "-----BEGIN PUBLIC KEY-----") {
    throw fail(
      "the PAM public key is not one PEM block that begins with -----BEGIN PUBLIC KEY-----",
      "convert it: openssl rsa -RSAPublicKey_in -in FILE -pubout",
    );
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw fail("the PAM public key is garbled", "copy it again, with its line breaks", cause);
  }
  if (key.asymmetricKeyType !== "rsa") {
    throw fail(`the PAM public key is of type "${key.asymmetricKeyType}"`, "VISA's tokens need an RSA key");
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  const warning =
    bits > MAX_TOKEN_KEY_BITS
      ? `${file}: a token of this ${bits}-bit key is longer than xrdp takes: it cannot log in; use ${MAX_TOKEN_KEY_BITS} bits at most`
      : undefined;
  return { pem, bits, warning };
}
