/** The authorities that this machine trusts, found as Go's crypto/x509 finds them, so that they are the provider's. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import type { Environment } from "./proxy";

/** Go's list for Linux (root_linux.go): the first file that is there counts, and all folders. */
const FILES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];
const FOLDERS = ["/etc/ssl/certs", "/etc/pki/tls/certs"];

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * PEM texts of the authorities that the system trusts: of `SSL_CERT_FILE` and `SSL_CERT_DIR`, else of the system's store.
 * Those that come with Node.js, where the system has none at all.
 */
export function systemCertificates(environment: Environment): readonly string[] {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: folders } = environment;
  const found = new Set<string>();
  for (const each of file ? [file] : FILES) {
    const certificates = certificatesOf(each);
    for (const certificate of certificates ?? []) found.add(certificate);
    if (certificates) break;
  }
  for (const folder of folders ? folders.split(":") : FOLDERS) {
    for (const each of entries(folder)) {
      for (const certificate of certificatesOf(join(folder, each)) ?? []) found.add(certificate);
    }
  }
  return found.size > 0 ? [...found] : rootCertificates;
}

function certificatesOf(file: string): string[] | undefined {
  try {
    return readFileSync(file, "latin1").match(CERTIFICATE) ?? [];
  } catch {
    return undefined;
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
