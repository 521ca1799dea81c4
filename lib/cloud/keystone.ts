/** Signing in to Keystone, and finding the other services in its catalog. */
import { ExitCode, VisaImageError } from "../errors";
import { type Authentication, authentication } from "./authentication";
import { type Answer, excerpt, HttpClient, jsonOf } from "./http";
import type { Environment } from "./proxy";
import { cloudSettings } from "./settings";

/** Where and how to sign in. */
export interface Credentials {
  /** Keystone's address, with a version or without. */
  readonly authUrl: string;
  readonly authentication: Authentication;
  readonly region?: string;
  /** Which of a service's addresses are used: `public`, `internal` or `admin`. */
  readonly interface: string;
  readonly http: HttpClient;
}

/** A sign-in, and what Keystone told with it. */
export interface Session {
  readonly credentials: Credentials;
  readonly http: HttpClient;
  readonly token: string;
  /** Keystone's `token` document: catalog and project. */
  readonly document: Readonly<Record<string, unknown>>;
}

/**
 * Credentials from where the provider takes them: `OS_CLOUD` and clouds.yaml, else the `OS_*` variables.
 *
 * @param folder where relative paths count from @default - where the program runs
 * @throws VisaImageError where something is missing
 */
export function credentialsFrom(environment: Environment, folder = process.cwd()): Credentials {
  const settings = cloudSettings(environment, folder);
  const authUrl = settings.auth.auth_url;
  if (!authUrl) {
    throw signInError("no address of Keystone is set", "set OS_CLOUD, or OS_AUTH_URL and the other OS_* variables");
  }
  if (!/^https?:\/\/[^/]/.test(authUrl) || !URL.canParse(authUrl)) {
    throw signInError(`"${authUrl}" is no address of Keystone`, "OS_AUTH_URL=https://keystone.example:5000/v3");
  }
  return {
    authUrl,
    authentication: authentication(settings),
    region: settings.region,
    interface: settings.interface,
    http: new HttpClient({
      environment,
      authorities: settings.authorities,
      insecure: settings.insecure,
      clientCertificate: settings.clientCertificate,
      fix: "see whether the cloud is up, OS_AUTH_URL (or auth_url in clouds.yaml) right, and HTTPS_PROXY set where it takes one; then try again",
      trustFix: settings.authorities
        ? "OS_CACERT (or cacert in clouds.yaml) stands in the place of all the system's authorities, for the provider too: put the one that signed this certificate into the same file"
        : "name the file of the authority that signed it: OS_CACERT=/path/of/ca.pem (or cacert in clouds.yaml)",
    }),
  };
}

/** @throws VisaImageError where Keystone does not answer, or does not take the credentials */
export async function signIn(credentials: Credentials): Promise<Session> {
  const { http, authentication } = credentials;
  const url = `${await versionedAddress(credentials)}auth/tokens`;
  const answer =
    authentication.kind === "document"
      ? // Signing in twice does no harm.
        await http.send({
          method: "POST",
          url,
          body: JSON.stringify({ auth: authentication.document }),
          repeatable: true,
        })
      : await http.send({
          method: "GET",
          url,
          headers: { "x-auth-token": authentication.token, "x-subject-token": authentication.token },
        });
  if (![200, 201, 202].includes(answer.status)) throw refused(answer);
  const document = asRecord(asRecord(jsonOf(answer, ADDRESS_FIX)).token);
  const token = authentication.kind === "token" ? authentication.token : answer.headers["x-subject-token"];
  if (typeof token !== "string") throw signInError(`"${url}" answered ${answer.status} without a token`, ADDRESS_FIX);
  return { credentials, http, token, document };
}

const ADDRESS_FIX = "let OS_AUTH_URL (or auth_url in clouds.yaml) be Keystone's own address, not that of the dashboard";

function refused({ url, status, headers, body }: Answer): VisaImageError {
  if (headers.location) {
    return signInError(`"${url}" leads on to "${headers.location}"`, "let OS_AUTH_URL be the address that it leads to");
  }
  const fix =
    status === 401
      ? "correct user, password, project and their domains (or the token, or the application credential), or what has expired of them"
      : ADDRESS_FIX;
  return signInError(`Keystone at "${url}" answered ${status} to the sign-in: ${messageOf(body)}`, fix);
}

function messageOf(body: string): string {
  try {
    return String(asRecord(asRecord(JSON.parse(body)).error).message ?? excerpt(body));
  } catch {
    return excerpt(body) || "nothing";
  }
}

/** The address of version 3, with a slash at its end: Keystone is asked for it where the address names no version. */
async function versionedAddress({ http, authUrl }: Credentials): Promise<string> {
  const address = withSlash(authUrl);
  if (address.endsWith("/v3/")) return address;
  const base = new URL(address);
  base.search = "";
  base.hash = "";
  base.pathname = base.pathname.replace(/v[0-9.]+.*$/, "");
  const answer = await http.send({ method: "GET", url: withSlash(base.href), redirects: true });
  if (answer.status !== 200 && answer.status !== 300) throw refused(answer);
  const { values } = asRecord(asRecord(jsonOf(answer, ADDRESS_FIX)).versions);
  const versions = Array.isArray(values) ? values.map(asRecord) : [];
  const known = versions.find(
    ({ id, status }) => String(id).startsWith("v3") && /^(current|supported|stable)$/i.test(String(status)),
  );
  const links = Array.isArray(known?.links) ? known.links.map(asRecord) : [];
  const href = asString(links.find(({ rel }) => rel === "self")?.href);
  if (!href || !URL.canParse(href))
    throw signInError(`"${answer.url}" has no version 3 of Keystone's API`, ADDRESS_FIX);
  return withSlash(href);
}

/** The address of a service by Keystone's catalog, without a slash at its end; nothing where the cloud has none. */
export function serviceEndpoint({ credentials, document }: Session, type: string): string | undefined {
  const { catalog } = document;
  const services = Array.isArray(catalog) ? catalog.map(asRecord) : [];
  const endpoints = services
    .filter((service) => service.type === type)
    .flatMap((service) => (Array.isArray(service.endpoints) ? service.endpoints.map(asRecord) : []));
  const { region } = credentials;
  const endpoint = endpoints.find(
    (each) =>
      each.interface === credentials.interface && (!region || each.region === region || each.region_id === region),
  );
  return endpoint && String(endpoint.url).replace(/\/+$/, "");
}

/** For a service that the catalog lacks. */
export function withoutService({ credentials, document }: Session, what: string): VisaImageError {
  const region = credentials.region ? ` in the region "${credentials.region}"` : "";
  const { catalog } = document;
  if (!Array.isArray(catalog) || catalog.length === 0) {
    return signInError(
      "the sign-in is for no project, so that Keystone names no services",
      "set OS_PROJECT_NAME and OS_PROJECT_DOMAIN_NAME (or project_name and project_domain_name in clouds.yaml)",
    );
  }
  return signInError(
    `Keystone's catalog has no ${credentials.interface} endpoint of ${what}${region}`,
    "correct OS_REGION_NAME (or region_name in clouds.yaml), or OS_ENDPOINT_TYPE: openstack catalog list",
  );
}

function withSlash(address: string): string {
  return `${address.replace(/\/+$/, "")}/`;
}

function signInError(what: string, fix: string): VisaImageError {
  return new VisaImageError(`cannot sign in to the cloud: ${what}`, { fix, exitCode: ExitCode.USAGE });
}

export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** The records of a list; none of what is no list. */
export function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(asRecord) : [];
}

export function asString(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
