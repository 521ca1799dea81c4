/** VISA's public key: what may be said of the key that checks login tokens, at synth and at the gate alike. */
import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Location, usageError } from "../errors";
import { METADATA_CHARACTERS } from "../specification";

/** xrdp's limit for a password, in characters: it takes no token whose key is larger than 1280 bits or so. */
export const MAX_XRDP_PASSWORD_CHARACTERS = 255;

/** Size of the keys made here, in bits: the largest that fits instance metadata. */
export const DEFAULT_KEY_BITS = 896;

/** The largest key whose tokens xrdp takes for every name: these have up to 32 characters. */
const MAX_TOKEN_KEY_BITS = 1248;

/** The smallest key that the image takes; below {@link SAFE_KEY_BITS} it warns. */
export const MIN_KEY_BITS = 512;

/** Keys smaller than this have been factored in public. */
export const SAFE_KEY_BITS = 768;

/** The largest key that the image takes. */
export const MAX_KEY_BITS = 4096;

/** A key that was read and checked. */
export interface PamPublicKey {
  /** The PEM text, as it goes into the image. */
  readonly pem: string;
  /** Of its modulus. */
  readonly bits: number;
  /** What is odd but no error. */
  readonly warnings: readonly string[];
}

/**
 * Reads VISA's PAM public key.
 * @throws VisaImageError when it is missing, private, or not what {@link inspectTokenKey} takes: with EC and DSA keys
 * VISA's own module lets anyone in
 */
export function readPamPublicKey(file: string): PamPublicKey {
  const location: Location = { file };
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw usageError(`cannot read the PAM public key: ${(cause as Error).message}`, location, "name a PEM file", cause);
  }
  const pem = text.replaceAll("\r\n", "\n");
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    throw usageError(
      "this is a private key, which must never be in an image",
      location,
      `give the public one: openssl pkey -in ${file} -pubout`,
    );
  }
  const { bits = 0, problems, warnings } = inspectTokenKey(pem);
  const [problem] = problems;
  if (problem !== undefined) {
    throw usageError(
      `the PAM public key cannot be used: ${problem}`,
      location,
      `one RSA key of ${SAFE_KEY_BITS} to ${MAX_TOKEN_KEY_BITS} bits in PEM, and nothing around it: openssl pkey -pubin -in ${file} rewrites one, openssl rsa -RSAPublicKey_in -in ${file} -pubout converts one`,
    );
  }
  return { pem, bits, warnings: warnings.map((warning) => `${file}: ${warning}`) };
}

/** Length in characters of a token for `user` by an RSA key of `bits`. */
export function tokenLength(user: string, bits: number): number {
  const epochDigits = 10;
  return Buffer.byteLength(user) + 1 + epochDigits + 1 + 4 * Math.ceil(Math.ceil(bits / 8) / 3);
}

/** What {@link inspectTokenKey} finds. */
export interface TokenKeyReport {
  /** Modulus, in bits; undefined where it is no RSA key. */
  readonly bits?: number;
  /** Whether it can be given as instance metadata, `pamPublicKey`. */
  readonly fitsMetadata: boolean;
  /** The longest name, in characters, whose token xrdp takes; 0 where it takes none. */
  readonly longestUser: number;
  /** Why no login will work with this key; empty for a good one. */
  readonly problems: readonly string[];
  /** What works, but should not stay so. */
  readonly warnings: readonly string[];
}

/**
 * Looks at a public key for tokens: is it one RSA key in PEM, and does it fit what it must pass through? One verdict, at
 * synth and at the gate (assertion 36).
 * Throws nothing: whatever the text, it is a finding.
 */
export function inspectTokenKey(pem: string): TokenKeyReport {
  const fitsMetadata = pem.length <= METADATA_CHARACTERS;
  const bad = (problem: string): TokenKeyReport => ({
    fitsMetadata,
    longestUser: 0,
    problems: [problem],
    warnings: [],
  });
  if (!/^\s*-----BEGIN PUBLIC KEY-----\r?\n[A-Za-z0-9+/=\r\n]+\r?\n-----END PUBLIC KEY-----\s*$/.test(pem)) {
    return bad(
      /^\s*-----BEGIN PUBLIC KEY-----/.test(pem)
        ? "the PEM has lost its line breaks, or is not one whole key"
        : 'the key is not PEM that begins with "-----BEGIN PUBLIC KEY-----"',
    );
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    return bad("the key can't be read");
  }
  if (key.asymmetricKeyType !== "rsa") {
    return bad(`the key is of type "${key.asymmetricKeyType}", expected rsa`);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  const longestUser = Math.max(0, Math.min(32, MAX_XRDP_PASSWORD_CHARACTERS - tokenLength("", bits)));
  const problems: string[] = [];
  const warnings: string[] = [];
  if (bits < MIN_KEY_BITS || bits > MAX_KEY_BITS) {
    problems.push(`the key has ${bits} bits, the image takes ${MIN_KEY_BITS} to ${MAX_KEY_BITS}`);
  } else if (longestUser === 0) {
    problems.push(`tokens of a key of ${bits} bits are longer than xrdp's ${MAX_XRDP_PASSWORD_CHARACTERS} characters`);
  } else if (longestUser < 32) {
    warnings.push(
      `with a key of ${bits} bits, xrdp takes only tokens for names of up to ${longestUser} characters; ${DEFAULT_KEY_BITS} bits are enough`,
    );
  }
  if (bits < SAFE_KEY_BITS) {
    warnings.push(`a key of ${bits} bits can be factored: make a new one of ${DEFAULT_KEY_BITS}`);
  }
  return { bits, fitsMetadata, longestUser, problems, warnings };
}
