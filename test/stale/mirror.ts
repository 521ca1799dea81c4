/** Small mirrors of Debian, with the syntax of the real ones. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

/** A suite. */
export interface SuiteFiles {
  /** Its Date. */
  readonly date: string;
  readonly validUntil?: string;
  /** Lines of a stanza each: "openssl 3.0.17-1", "libssl3 3.0.17-1 openssl". */
  readonly packages: readonly string[];
  readonly byHash?: boolean;
  readonly codename?: string;
}

const INDEX = "main/binary-amd64/Packages";

/** Writes suites below a folder; a suite of security updates below the folder with -security appended. Returns the folder. */
export function writeMirror(folder: string, suites: Readonly<Record<string, SuiteFiles>>): string {
  for (const [suite, files] of Object.entries(suites)) {
    const root = join(suite.endsWith("-security") ? `${folder}-security` : folder, "dists", suite);
    const text = packagesText(files.packages);
    const packed = gzipSync(text);
    const list = [`${listed(text)} ${INDEX}`, `${listed(packed)} ${INDEX}.gz`];
    write(join(root, "InRelease"), inRelease(suite, files, list));
    const path = files.byHash ? `main/binary-amd64/by-hash/SHA256/${sha256(packed)}` : `${INDEX}.gz`;
    write(join(root, path), packed);
  }
  return folder;
}

function packagesText(packages: readonly string[]): string {
  return packages
    .map((line) => {
      const [name, version, source] = line.split(" ");
      return `Package: ${name}\n${source ? `Source: ${source} (1)\n` : ""}Version: ${version}\nArchitecture: amd64\nDescription: words\n Version: 9\n`;
    })
    .join("\n");
}

function inRelease(suite: string, { date, validUntil, byHash, codename = suite }: SuiteFiles, list: readonly string[]) {
  const until = validUntil ? `Valid-Until: ${validUntil}\n` : "";
  const release = `Origin: Debian\nSuite: stable\nCodename: ${codename}\nDate: ${date}\n${until}${byHash ? "Acquire-By-Hash: yes\n" : ""}MD5Sum:\n d41d8cd98f00b204e9800998ecf8427e 0 ${INDEX}\nSHA256:\n${list.map((line) => ` ${line}\n`).join("")}`;
  return `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${release}-----BEGIN PGP SIGNATURE-----\n\nnone\n-----END PGP SIGNATURE-----\n`;
}

function write(file: string, content: string | Buffer): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function listed(content: string | Buffer): string {
  return `${sha256(content)} ${Buffer.byteLength(content)}`;
}

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** A bill of materials of a Debian 12, with versions by package. */
export function billOf(packages: Readonly<Record<string, string>>, subject = "visa-apps", more: object[] = []): string {
  const components = Object.entries(packages).map(([name, version]) => ({
    type: "library",
    ...{ name, version, purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=amd64&distro=debian-12` },
  }));
  return JSON.stringify({
    ...{ bomFormat: "CycloneDX", specVersion: "1.5", metadata: { component: { name: subject } } },
    components: [...components, ...more],
  });
}
