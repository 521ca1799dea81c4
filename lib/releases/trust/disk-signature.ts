/**
 * Signatures that Glance and Nova check themselves, by a certificate in Barbican (`img_signature`): of the disk's bytes, made
 * before the upload. What Glance's library cursive takes: ECDSA of P-384 and above, or RSA, whose signature is longer than
 * the 255 characters that Nova keeps of a property.
 */
import { createSign, type KeyObject } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Environment } from "../../cloud/proxy";
import { usageError } from "../../errors";
import { writePrivateFile } from "../../runner/host/private-files";
import { DISK_SIGNATURE_SUFFIX } from "../../specification";
import { readSigningKey } from "./signer";

/**
 * The key that disks are signed with: `VISA_SIGNING_KEY_FILE`, of P-384.
 *
 * @throws VisaImageError (exit code 2) where there is none, or of another kind: found out before anything is built
 */
export function diskSigningKey(environment: Environment): KeyObject {
  const key = readSigningKey(environment);
  if (key?.asymmetricKeyDetails?.namedCurve === "secp384r1") return key;
  throw usageError(
    key
      ? "the key of VISA_SIGNING_KEY_FILE is of P-256, and Glance takes no signature of a disk by less than P-384"
      : "the stack asks for an image signature (signatureCertificateUuid), and there is no key for it",
    undefined,
    "let VISA_SIGNING_KEY_FILE name a key of P-384, whose certificate is the one in Barbican (docs/know.md)",
  );
}

/** Signs a disk with ECDSA over SHA-256, and writes the signature (DER, in base64) beside it. */
export async function signDisk(disk: string, key: KeyObject): Promise<void> {
  const signing = createSign("sha256");
  for await (const chunk of createReadStream(disk, { highWaterMark: 1 << 20 })) signing.update(chunk as Buffer);
  const signature = signing.sign({ key, dsaEncoding: "der" }).toString("base64");
  writePrivateFile(`${disk}${DISK_SIGNATURE_SUFFIX}`, `${signature}\n`);
}
