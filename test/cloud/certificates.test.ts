import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { systemCertificates } from "../../lib/cloud/certificates";
import { certify, makeAuthority } from "../support/certificate-authority";
import { scratchFolder } from "../support/scratch";

const folder = scratchFolder();
const [one, two] = [makeAuthority(folder, "one"), makeAuthority(folder, "two")];
const bundle = join(folder, "bundle.pem");
writeFileSync(bundle, `# both\n${one.cert}\nsome words\n${two.cert}`);

test("SSL_CERT_FILE replaces the system's file, SSL_CERT_DIR its folders", () => {
  const nowhere = join(folder, "nowhere");
  expect(systemCertificates({ SSL_CERT_FILE: bundle, SSL_CERT_DIR: nowhere })).toHaveLength(2);
  const many = join(folder, "many");
  mkdirSync(many);
  writeFileSync(join(many, "a.pem"), certify(one, ["a.example"]).cert);
  writeFileSync(join(many, "b.pem"), two.cert);
  expect(systemCertificates({ SSL_CERT_FILE: nowhere, SSL_CERT_DIR: `${nowhere}:${many}` })).toHaveLength(2);
});

test("the system's store, and Node's where there is none at all", () => {
  expect(systemCertificates({}).length).toBeGreaterThan(20);
  expect(systemCertificates({ SSL_CERT_FILE: join(folder, "x"), SSL_CERT_DIR: folder })).not.toBe(rootCertificates);
  expect(systemCertificates({ SSL_CERT_FILE: join(folder, "x"), SSL_CERT_DIR: join(folder, "y") })).toBe(
    rootCertificates,
  );
});
