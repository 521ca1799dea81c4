/** VISA's login tokens, as VISA itself makes them: what `visa-image verify` logs in with, and attacks the image with. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { VisaImageError } from "../errors";
import { DEFAULT_KEY_BITS, MAX_KEY_BITS, MIN_KEY_BITS, SAFE_KEY_BITS } from "../template/pam-public-key";

/** For how long after its date a token is valid, in seconds. */
export const TOKEN_LIFETIME_SECONDS = 60;

/** An RSA key pair for tokens, both halves in PEM. */
export interface TokenKeyPair {
  /** SubjectPublicKeyInfo (`BEGIN PUBLIC KEY`): what stands in /etc/visa/public.pem and in `pamPublicKey`. */
  readonly publicKey: string;
  /** PKCS #8 (`BEGIN PRIVATE KEY`). */
  readonly privateKey: string;
}

/** Options of {@link makeTokenKeyPair}. */
export interface TokenKeyPairOptions {
  /** Modulus, in bits. @default 896, the largest that fits instance metadata */
  readonly bits?: number;
}

/**
 * Makes a key pair for one test: its private half belongs in no file.
 *
 * @throws VisaImageError for a size that no image takes.
 */
export function makeTokenKeyPair({ bits = DEFAULT_KEY_BITS }: TokenKeyPairOptions = {}): TokenKeyPair {
  if (!Number.isInteger(bits) || bits < MIN_KEY_BITS || bits > MAX_KEY_BITS) {
    throw new VisaImageError(`a key for VISA's tokens can't have "${bits}" bits`, {
      fix: `choose ${SAFE_KEY_BITS} to ${MAX_KEY_BITS}; ${DEFAULT_KEY_BITS} is the largest that fits instance metadata`,
    });
  }
  return generateKeyPairSync("rsa", {
    modulusLength: bits,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}

/** Options of {@link makeToken}. */
export interface TokenOptions {
  /** The login that the token is for. Not checked: attacks need odd ones. */
  readonly user: string;
  /** The private key: PEM, or a key object (an EC key too, for an attack). */
  readonly privateKey: string | KeyObject;
  /** Seconds since 1970. @default now */
  readonly epoch?: number;
}

/** A token as VISA sends it in place of a password: `USER,EPOCH;SIGNATURE`. */
export function makeToken({ user, privateKey, epoch = Math.floor(Date.now() / 1000) }: TokenOptions): string {
  const message = `${user},${epoch}`;
  return `${message};${sign("sha256", Buffer.from(message), privateKey).toString("base64")}`;
}
