/**
 * DSSE, the envelope of a signed statement (github.com/secure-systems-lab/dsse, v1): pure, but for the signer's own work.
 *
 * What is signed is the PAE of the payload, with ECDSA over the hash of the key's curve; signatures are DER, as
 * `openssl dgst` takes them.
 */
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { ExitCode, VisaImageError } from "../../errors";

/** The payload's type of an in-toto statement. */
export const STATEMENT_TYPE = "application/vnd.in-toto+json";

/** A payload, and who signed it. */
export interface Envelope {
  readonly payloadType: string;
  /** In base64. */
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/** Who signs: a key, or a command that has one. */
export interface Signer {
  readonly publicKey: KeyObject;
  /** The signature of a message, in DER. */
  sign(message: Buffer): Promise<Buffer>;
}

/** What is signed: the payload's type and the payload, framed by their lengths. */
export function preAuthEncoding(type: string, payload: Buffer): Buffer {
  const header = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `;
  return Buffer.concat([Buffer.from(header, "utf8"), payload]);
}

/** Names a public key: hex SHA-256 of its SubjectPublicKeyInfo in DER. */
export function keyId(publicKey: KeyObject): string {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/** Signs a statement. */
export async function signStatement(statement: object, signer: Signer): Promise<Envelope> {
  const payload = Buffer.from(JSON.stringify(statement), "utf8");
  const signature = await signer.sign(preAuthEncoding(STATEMENT_TYPE, payload));
  return {
    payloadType: STATEMENT_TYPE,
    payload: payload.toString("base64"),
    signatures: [{ keyid: keyId(signer.publicKey), sig: signature.toString("base64") }],
  };
}

/** A statement whose signature holds, as JSON has it, and the key that it holds for. */
export interface Opened {
  readonly statement: unknown;
  readonly keyId: string;
}

/**
 * Reads an envelope, and says what it holds only where one of the keys signed it.
 *
 * @param from where the envelope is from, for the message
 * @throws VisaImageError (exit code 4) where it is no envelope, or none of the keys signed it
 */
export function openEnvelope(text: string, keys: readonly KeyObject[], from: string): Opened {
  const envelope = parseEnvelope(text, from);
  const payload = Buffer.from(envelope.payload, "base64");
  const message = preAuthEncoding(envelope.payloadType, payload);
  for (const { sig } of envelope.signatures) {
    const signature = Buffer.from(sig, "base64");
    const key = keys.find((each) => verify(hashOf(each), message, { key: each, dsaEncoding: "der" }, signature));
    if (key) return { statement: JSON.parse(payload.toString("utf8")) as unknown, keyId: keyId(key) };
  }
  const known = keys.map(keyId);
  const named = envelope.signatures.map(({ keyid }) => keyid);
  // What an envelope says of its key is a hint, and signed by nobody.
  throw named.some((each) => known.includes(each))
    ? refusal(`the signature in ${from} does not hold: what it signed, or the signature, was changed`, {
        fix: "do not use the image; find out who changed it, and build and sign it anew",
      })
    : refusal(`${from} is signed by another key, ${named.join(", ") || "none"}, not by ${known.join(" or ")}`, {
        fix: "give the public key of who signs your images; where that is what you gave, do not use the image",
      });
}

function parseEnvelope(text: string, from: string): Envelope {
  let envelope: Partial<Envelope> | null;
  try {
    envelope = JSON.parse(text) as Partial<Envelope> | null;
  } catch (cause) {
    throw refusal(`${from} is no JSON: it is cut off, or something else`, { cause });
  }
  const { payloadType, payload, signatures } = envelope ?? {};
  const signed =
    Array.isArray(signatures) && signatures.every((each) => isText(each?.sig) && isText(each?.keyid ?? ""));
  if (!isText(payloadType) || !isText(payload) || !signed) {
    throw refusal(`${from} is no DSSE envelope: it needs payloadType, payload and signatures`);
  }
  if (payloadType !== STATEMENT_TYPE) {
    throw refusal(`${from} holds "${payloadType}", not an in-toto statement ("${STATEMENT_TYPE}")`);
  }
  return { payloadType, payload, signatures: signatures.map(({ keyid = "", sig }) => ({ keyid, sig })) };
}

/** What is not trusted, and why: exit code 4. */
export function refusal(
  what: string,
  options: { readonly fix?: string; readonly cause?: unknown } = {},
): VisaImageError {
  return new VisaImageError(what, { fix: "do not use the image", ...options, exitCode: ExitCode.CHANGED });
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/**
 * Curves whose keys are taken, by OpenSSL's names, and the hash that goes with each: in-toto's library and most KMS know
 * no other. P-384 is the smallest that Glance takes for its own signatures.
 */
const HASHES: Readonly<Record<string, "sha256" | "sha384">> = { prime256v1: "sha256", secp384r1: "sha384" };

/** The hash that a key signs over. */
export function hashOf({ asymmetricKeyDetails: details }: KeyObject): "sha256" | "sha384" {
  return HASHES[details?.namedCurve ?? ""] ?? "sha256";
}

/**
 * Refuses a key of another kind.
 *
 * @param from what the key is from, for the message
 */
export function checkKey(key: KeyObject, from: string): KeyObject {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === "ec" && curve !== undefined && curve in HASHES) return key;
  throw new VisaImageError(`${from} has a key of the kind ${curve ?? key.asymmetricKeyType}, expected ECDSA P-256`, {
    fix: "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out signing.pem; openssl pkey -in signing.pem -pubout -out signing.pub",
    exitCode: ExitCode.USAGE,
  });
}

const PEM_BLOCK = /-----BEGIN PUBLIC KEY-----[\s\S]*?-----END PUBLIC KEY-----/g;

/**
 * The public keys of a PEM file: several where keys change, and images are signed by the one or the other.
 *
 * @param from the file, for the message
 * @throws VisaImageError for a file without one
 */
export function publicKeys(pem: string, from: string): KeyObject[] {
  const blocks = pem.match(PEM_BLOCK) ?? [];
  if (blocks.length === 0) {
    const secret = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem);
    throw new VisaImageError(`"${from}" has no public key in PEM${secret ? ", but a private one" : ""}`, {
      fix: "openssl pkey -in signing.pem -pubout -out signing.pub, and give signing.pub",
      exitCode: ExitCode.USAGE,
    });
  }
  return blocks.map((block) => {
    let key: KeyObject;
    try {
      key = createPublicKey(block);
    } catch (cause) {
      throw new VisaImageError(`a public key in "${from}" cannot be read`, {
        fix: "take it anew: openssl pkey -in signing.pem -pubout -out signing.pub",
        exitCode: ExitCode.USAGE,
        cause,
      });
    }
    return checkKey(key, `"${from}"`);
  });
}
