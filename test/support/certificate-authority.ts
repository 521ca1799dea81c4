/** Private authorities and servers' certificates, by openssl. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A key pair, both in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** An authority, with the file that those name who trust it. */
export interface Authority extends KeyPair {
  readonly file: string;
}

/** Makes an authority in a folder. */
export function makeAuthority(folder: string, name = "authority"): Authority {
  const file = join(folder, `${name}.pem`);
  const key = join(folder, `${name}.key`);
  openssl(
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout ${key} -out ${file} -subj /CN=${name}`,
  );
  return { file, cert: readFileSync(file, "utf8"), key: readFileSync(key, "utf8") };
}

/** A certificate for hosts, signed by the authority. */
export function certify(authority: Authority, hosts: readonly string[]): KeyPair {
  const [key, request, cert, names] = ["key", "csr", "crt", "names"].map((end) => `${authority.file}.${end}`) as [
    string,
    string,
    string,
    string,
  ];
  const alternatives = hosts.map((host) => (/^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`));
  writeFileSync(names, `subjectAltName=${alternatives.join(",")}\nextendedKeyUsage=serverAuth,clientAuth\n`);
  openssl(
    `req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ${key} -out ${request} -subj /CN=${hosts[0]}`,
  );
  openssl(
    `x509 -req -in ${request} -CA ${authority.file} -CAkey ${authority.file.replace(/pem$/, "key")} -CAcreateserial -days 2 -extfile ${names} -out ${cert}`,
  );
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
}

function openssl(line: string): void {
  execFileSync("openssl", line.split(" "), { stdio: ["ignore", "ignore", "pipe"] });
}
