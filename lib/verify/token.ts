/**
 * VISA's login tokens, as VISA itself makes them, and what may be said of the public key that checks them: what
 * `visa-image verify` logs in with, and what it attacks the image with.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { VisaImageError } from "../errors";

/** For how long after its date a token is valid, in seconds. */
export const TOKEN_LIFETIME_SECONDS = 60;

/** Nova's limit for one metadata value, in characters: an RSA key in PEM has to be of 896 bits at most. */
export const MAX_METADATA_CHARACTERS = 255;

/** xrdp's limit for a password, in characters: it takes no token whose key is larger than 1280 bits or so. */
export const MAX_XRDP_PASSWORD_CHARACTERS = 255;

/** Size of the keys made here, in bits: the largest that fits instance metadata. */
export const DEFAULT_KEY_BITS = 896;

/** The smallest key that the image takes; below {@link SAFE_KEY_BITS} it warns. */
export const MIN_KEY_BITS = 512;

/** Keys smaller than this have been factored in public. */
export const SAFE_KEY_BITS = 768;

/** The largest key that the image takes. */
export const MAX_KEY_BITS = 4096;

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
 * Looks at a public key for tokens (assertion 36): is it one RSA key in PEM, and does it fit what it must pass through?
 * Throws nothing: whatever the text, it is a finding.
 */
export function inspectTokenKey(pem: string): TokenKeyReport {
  const fitsMetadata = pem.length <= MAX_METADATA_CHARACTERS;
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
    warnings.push(`with a key of ${bits} bits, xrdp takes only tokens for names of up to ${longestUser} characters`);
  }
  if (bits < SAFE_KEY_BITS) {
    warnings.push(`a key of ${bits} bits can be factored: make a new one of ${DEFAULT_KEY_BITS}`);
  }
  return { bits, fitsMetadata, longestUser, problems, warnings };
}
