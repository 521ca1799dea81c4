/** What the provider is told about a cloud, by `OS_*` variables and clouds.yaml: found where it finds it (1.54.1). */

import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { ExitCode, VisaImageError } from "../errors";
import { type CloudEntry, readCloud } from "./clouds-yaml";
import type { Environment } from "./proxy";

/** What {@link authentication} makes a sign-in from; the names are those of clouds.yaml. */
export type AuthSettings = Readonly<Partial<Record<(typeof AUTH_KEYS)[number], string>>>;

/** Where a cloud is and how one signs in. */
export interface CloudSettings {
  readonly auth: AuthSettings;
  readonly authType?: string;
  readonly identityVersion?: string;
  readonly region?: string;
  /** Which of a service's addresses are used: `public`, `internal` or `admin`. */
  readonly interface: string;
  /** Whether the provider signs in again by itself. */
  readonly allowReauth: boolean;
  /** PEM texts of the authorities to trust, and no others. @default - the system's */
  readonly authorities?: readonly string[];
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
  readonly insecure: boolean;
}

const AUTH_KEYS = [
  "auth_url",
  "token",
  "username",
  "user_id",
  "password",
  "project_name",
  "project_id",
  "domain_name",
  "domain_id",
  "default_domain",
  "user_domain_name",
  "user_domain_id",
  "project_domain_name",
  "project_domain_id",
  "application_credential_id",
  "application_credential_name",
  "application_credential_secret",
  "system_scope",
] as const;

const INTERFACES = /^(public|internal|admin)(URL)?$/;

/**
 * The settings of the cloud that `OS_CLOUD` names, else of the `OS_*` variables alone.
 *
 * @param folder where relative paths count from, and clouds.yaml is looked for first
 * @throws VisaImageError where one of them is not what it has to be
 */
export function cloudSettings(environment: Environment, folder: string): CloudSettings {
  const name = environment.OS_CLOUD;
  const region = environment.OS_REGION_NAME || undefined;
  const entry: CloudEntry | undefined = name ? readCloud(name, environment, folder, region) : undefined;
  const file = (variable: string, value: string | undefined) => {
    const own = environment[variable] || undefined;
    const from = own ? variable : `${variable.slice(3).toLowerCase()} of the cloud "${name}"`;
    return pathOrText(from, own ?? value, environment, folder);
  };
  const cacert = file("OS_CACERT", entry?.cacert);
  const [cert, key] = [file("OS_CERT", entry?.cert), file("OS_KEY", entry?.key)];
  return {
    auth: entry ? { ...authOf(environment, true), ...entry.auth } : authOf(environment, false),
    authType: entry?.authType,
    identityVersion: environment.OS_IDENTITY_API_VERSION || entry?.identityVersion,
    region: region ?? entry?.region,
    interface: interfaceOf(environment),
    allowReauth: flag(environment, "OS_ALLOW_REAUTH") ?? true,
    ...(cacert && { authorities: certificatesIn(cacert) }),
    ...(cert && key && { clientCertificate: { cert: cert.text, key: key.text } }),
    insecure: flag(environment, "OS_INSECURE") ?? !(entry?.verify ?? true),
  };
}

/** An entry of clouds.yaml is completed from the variables, but knows no default domain; and there the newer names win. */
function authOf(environment: Environment, besideEntry: boolean): AuthSettings {
  const first = (...names: string[]) => names.map((name) => environment[`OS_${name}`]).find(Boolean);
  const own = AUTH_KEYS.map((key) => [key, environment[`OS_${key.toUpperCase()}`] || undefined] as const);
  const [token, project] = [
    ["TOKEN", "AUTH_TOKEN"],
    ["TENANT", "PROJECT"],
  ].map((names) => (besideEntry ? names.reverse() : names)) as [string[], string[]];
  const system = besideEntry ? environment.OS_SYSTEM_SCOPE : flag(environment, "OS_SYSTEM_SCOPE") && "true";
  return {
    ...Object.fromEntries(own),
    token: first(...token),
    project_id: first(...project.map((each) => `${each}_ID`)),
    project_name: first(...project.map((each) => `${each}_NAME`)),
    system_scope: system || undefined,
    default_domain: environment.OS_DEFAULT_DOMAIN || (besideEntry ? undefined : "default"),
  };
}

/** `OS_INTERFACE` is what an openrc says; the provider does not know it, and this package's stacks hand it on. */
function interfaceOf(environment: Environment): string {
  const value = environment.OS_ENDPOINT_TYPE || (environment.OS_CLOUD ? "" : environment.OS_INTERFACE) || "public";
  if (INTERFACES.test(value)) return value.replace(/URL$/, "");
  throw settingError(`OS_ENDPOINT_TYPE is "${value}"`, "OS_ENDPOINT_TYPE=public, or internal, or admin");
}

/** Go's words for truth. */
function flag(environment: Environment, name: string): boolean | undefined {
  const value = environment[name] || undefined;
  if (value === undefined) return undefined;
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false;
  throw settingError(`${name} is "${value}", which the provider does not take`, `${name}=true or ${name}=false`);
}

interface Named {
  readonly from: string;
  readonly value: string;
  readonly text: string;
}

/** A file's text, or the value itself where there is no such file. */
function pathOrText(
  from: string,
  value: string | undefined,
  environment: Environment,
  folder: string,
): Named | undefined {
  if (!value) return undefined;
  const home = /^~(?=\/|$)/;
  const path = resolve(folder, value.replace(home, environment.HOME || homedir()));
  if (!existsSync(path)) return { from, value, text: value };
  try {
    return { from, value, text: readFileSync(path, "utf8") };
  } catch (cause) {
    throw new VisaImageError(`cannot read ${from}: ${(cause as Error).message}`, {
      fix: `let ${from} name a file in PEM that this user may read`,
      exitCode: ExitCode.USAGE,
      cause,
    });
  }
}

function certificatesIn({ from, value, text }: Named): readonly string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const good = blocks.filter(isCertificate);
  if (good.length > 0) return good;
  const short = value.length > 200 ? `${value.slice(0, 60)}…` : value;
  throw settingError(
    `${from} is neither a file nor a certificate in PEM: "${short}"`,
    `${from}: the path of a file with the authority's certificate, from the root (/) on, or its text`,
  );
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

function settingError(what: string, fix: string): VisaImageError {
  return new VisaImageError(`cannot sign in to the cloud: ${what}`, { fix, exitCode: ExitCode.USAGE });
}
