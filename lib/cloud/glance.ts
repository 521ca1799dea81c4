/**
 * The little of Keystone and Glance that the provider leaves to do after an image is registered: protect it, and read
 * what Glance knows about it. Credentials come from where the provider takes them: the `OS_*` variables, or the
 * clouds.yaml entry that `OS_CLOUD` names.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { ExitCode, VisaImageError } from "../errors";

/** Variables by name, as in process.env. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where and how to sign in. */
export interface Credentials {
  /** Keystone's address, with or without `/v3`. */
  readonly authUrl: string;
  /** Keystone's `auth` document. */
  readonly auth: Readonly<Record<string, unknown>>;
  readonly region?: string;
  readonly interface: string;
  /** PEM file of a CA that signed the cloud's certificates, besides the usual ones. */
  readonly caFile?: string;
  readonly insecure: boolean;
}

/** An image as Glance's API shows it: its own properties stand beside these. */
export interface GlanceImage {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly disk_format: string;
  readonly size: number | null;
  readonly protected: boolean;
  readonly os_hash_algo: string | null;
  readonly os_hash_value: string | null;
  readonly created_at: string;
  readonly visibility: string;
  readonly os_hidden: boolean;
  readonly [property: string]: unknown;
}

const SIGN_IN_FIX =
  "set OS_CLOUD, or OS_AUTH_URL and the other OS_* variables, in the environment of cdktf (a provider that is configured in code only does for Terraform, not for this step)";

/**
 * Credentials from the environment: `OS_CLOUD` and clouds.yaml (with secure.yaml), else `OS_*`.
 *
 * @throws VisaImageError where something is missing
 */
export function credentialsFrom(environment: Environment): Credentials {
  const settings = environment.OS_CLOUD ? cloudSettings(environment.OS_CLOUD, environment) : osSettings(environment);
  const { auth } = settings;
  if (!auth.auth_url) throw signInError("no address of Keystone is set");
  return {
    authUrl: auth.auth_url,
    auth: { identity: identity(auth), ...scope(auth) },
    region: settings.region,
    interface: (settings.interface ?? "public").replace(/URL$/, ""),
    caFile: settings.caFile,
    insecure: settings.insecure,
  };
}

type Auth = Readonly<Record<string, string | undefined>>;

interface Settings {
  readonly auth: Auth;
  readonly region?: string;
  readonly interface?: string;
  readonly caFile?: string;
  readonly insecure: boolean;
}

function osSettings(environment: Environment): Settings {
  const keys = [
    "auth_url",
    "token",
    "username",
    "user_id",
    "password",
    "user_domain_name",
    "user_domain_id",
    "domain_name",
    "domain_id",
    "default_domain",
    "project_name",
    "project_id",
    "project_domain_name",
    "project_domain_id",
    "tenant_name",
    "tenant_id",
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
  ];
  return {
    auth: Object.fromEntries(keys.map((key) => [key, environment[`OS_${key.toUpperCase()}`] || undefined])),
    region: environment.OS_REGION_NAME || undefined,
    interface: environment.OS_INTERFACE || environment.OS_ENDPOINT_TYPE || undefined,
    caFile: environment.OS_CACERT || undefined,
    insecure: /^(1|true|yes)$/i.test(environment.OS_INSECURE ?? ""),
  };
}

function cloudSettings(name: string, environment: Environment): Settings {
  const folders = [process.cwd(), join(homedir(), ".config", "openstack"), "/etc/openstack"];
  const file =
    environment.OS_CLIENT_CONFIG_FILE ??
    folders.map((each) => join(each, "clouds.yaml")).find((each) => existsSync(each));
  const cloud = file ? readCloud(file, name) : undefined;
  if (!cloud) {
    const known = file ? `"${file}"` : `a clouds.yaml in ${folders.map((each) => `"${each}"`).join(", ")}`;
    throw signInError(`the cloud "${name}" (OS_CLOUD) is not to be found in ${known}`);
  }
  const secure = folders.map((each) => join(each, "secure.yaml")).find((each) => existsSync(each));
  const secret = secure ? readCloud(secure, name) : undefined;
  const auth = { ...asRecord(cloud.auth), ...asRecord(secret?.auth) };
  return {
    auth: Object.fromEntries(Object.entries(auth).map(([key, value]) => [key, String(value)])),
    region: environment.OS_REGION_NAME || asString(cloud.region_name) || firstRegion(cloud.regions),
    interface: asString(cloud.interface) ?? asString(cloud.endpoint_type),
    caFile: environment.OS_CACERT || asString(cloud.cacert),
    insecure: cloud.verify === false,
  };
}

function readCloud(file: string, name: string): Record<string, unknown> | undefined {
  try {
    const clouds = asRecord(asRecord(parse(readFileSync(file, "utf8"))).clouds);
    return name in clouds ? asRecord(clouds[name]) : undefined;
  } catch (cause) {
    throw new VisaImageError(`cannot read "${file}"`, { location: { file }, fix: SIGN_IN_FIX, cause });
  }
}

function identity(auth: Auth): Record<string, unknown> {
  if (auth.application_credential_secret) {
    const { application_credential_id: id, application_credential_name: name } = auth;
    const user = auth.user_id ? { id: auth.user_id } : { name: auth.username, domain: domain(auth, "user") };
    return {
      methods: ["application_credential"],
      application_credential: { ...(id ? { id } : { name, user }), secret: auth.application_credential_secret },
    };
  }
  if (auth.token) return { methods: ["token"], token: { id: auth.token } };
  if (!auth.password) throw signInError("neither a password, nor a token, nor an application credential is set");
  const user = auth.user_id ? { id: auth.user_id } : { name: auth.username, domain: domain(auth, "user") };
  return { methods: ["password"], password: { user: { ...user, password: auth.password } } };
}

function scope(auth: Auth): Record<string, unknown> {
  // An application credential has its scope already.
  if (auth.application_credential_secret) return {};
  const id = auth.project_id ?? auth.tenant_id;
  const name = auth.project_name ?? auth.tenant_name;
  if (id) return { scope: { project: { id } } };
  return name ? { scope: { project: { name, domain: domain(auth, "project") } } } : {};
}

function domain(auth: Auth, of: "user" | "project"): Record<string, string> {
  const id = auth[`${of}_domain_id`] ?? auth.domain_id;
  const name = auth[`${of}_domain_name`] ?? auth.domain_name;
  if (id) return { id };
  return name ? { name } : { id: auth.default_domain ?? "default" };
}

/** A sign-in, and what Keystone told with it. */
export interface Session {
  readonly credentials: Credentials;
  readonly token: string;
  /** Keystone's `token` document: catalog and project. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** What Glance answered to a deletion. */
export type Deletion = "deleted" | "gone" | "in use";

/** Glance, signed in to. */
export class Glance {
  private constructor(
    /** Its address, without a version. */
    readonly endpoint: string,
    readonly session: Session,
  ) {}

  /** The project that was signed in to; nothing for a sign-in without one. */
  get projectId(): string | undefined {
    return asString(asRecord(this.session.document.project).id);
  }

  /** Signs in to Keystone and finds Glance in its catalog. */
  static async connect(credentials: Credentials): Promise<Glance> {
    const url = `${credentials.authUrl.replace(/\/+$/, "").replace(/\/v3$/, "")}/v3/auth/tokens`;
    const answer = await send(credentials, "POST", url, {}, JSON.stringify({ auth: credentials.auth }));
    const token = answer.headers["x-subject-token"];
    if (answer.status !== 201 || typeof token !== "string") {
      throw signInError(`Keystone at "${url}" answered ${answer.status} to the sign-in`);
    }
    const session = { credentials, token, document: asRecord(asRecord(JSON.parse(answer.body)).token) };
    const endpoint = serviceEndpoint(session, "image");
    if (endpoint) return new Glance(endpoint.replace(/\/v2$/, ""), session);
    const region = credentials.region ? ` in the region "${credentials.region}"` : "";
    throw signInError(`Keystone's catalog has no ${credentials.interface} endpoint of an image service${region}`);
  }

  /**
   * The project's own images with these properties, hidden ones too, the oldest first.
   *
   * @param properties names and values; all have to be the same
   */
  async images(properties: Readonly<Record<string, string>> = {}): Promise<GlanceImage[]> {
    const owner = this.projectId;
    const found: GlanceImage[] = [];
    for (const hidden of ["false", "true"]) {
      const query = new URLSearchParams({ ...properties, ...(owner && { owner }), os_hidden: hidden, limit: "100" });
      let page: string | undefined = `/v2/images?${query}`;
      while (page) {
        const answer = await send(this.session.credentials, "GET", `${this.endpoint}${page}`, this.headers);
        const body = asRecord(JSON.parse(expectSuccess(answer, "list the images").body));
        found.push(...((body.images ?? []) as GlanceImage[]));
        page = asString(body.next);
      }
    }
    return found.sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
  }

  /** The image of that id; nothing where Glance has none. */
  async image(id: string): Promise<GlanceImage | undefined> {
    const answer = await this.call("GET", id);
    if (answer.status === 404) return undefined;
    return JSON.parse(expectSuccess(answer, `read the image "${id}"`).body);
  }

  /**
   * Downloads an image's data into a file; blocks of zeroes become holes. Goes on where a connection is cut off.
   *
   * @param onProgress called with the bytes that are there
   * @returns the hex SHA-512 of what was downloaded
   */
  async download(id: string, file: string, onProgress: (bytes: number) => void = () => {}): Promise<string> {
    const hash = createHash("sha512");
    const handle = await openFile(file, "w");
    let position = 0;
    const take = async (chunk: Buffer) => {
      hash.update(chunk);
      if (!isZero(chunk)) await handle.write(chunk, 0, chunk.length, position);
      position += chunk.length;
      onProgress(position);
    };
    try {
      for (let attempt = 1; ; attempt++) {
        const response = await this.openData(id, position);
        try {
          for await (const chunk of response as AsyncIterable<Buffer>) await take(chunk);
          break;
        } catch (cause) {
          // A disk that is full has a code of its own; what is cut off has none, or that of the connection.
          const cut = /^(ECONNRESET|EPIPE|ETIMEDOUT)$/.test((cause as NodeJS.ErrnoException).code ?? "ECONNRESET");
          if (cut && attempt < DOWNLOAD_ATTEMPTS) continue;
          throw new VisaImageError(`cannot download the image "${id}": ${(cause as Error).message}`, { cause });
        }
      }
      await handle.truncate(position);
    } finally {
      await handle.close();
    }
    return hash.digest("hex");
  }

  /** An image's data, from a byte on. */
  private async openData(id: string, start: number): Promise<IncomingMessage> {
    const url = `${this.endpoint}/v2/images/${encodeURIComponent(id)}/file`;
    const headers = { ...this.headers, ...(start > 0 && { range: `bytes=${start}-` }) };
    const response = await open(this.session.credentials, "GET", url, headers);
    if (response.statusCode === (start > 0 ? 206 : 200)) return response;
    const answer = expectSuccess(await answerOf(response), `download the image "${id}"`);
    throw new VisaImageError(`cannot go on with the download of the image "${id}": Glance answered ${answer.status}`);
  }

  /** Sets attributes and properties of an image; `undefined` takes a property away. */
  async update(id: string, values: Readonly<Record<string, string | boolean | undefined>>): Promise<void> {
    const patch = Object.entries(values).map(([name, value]) => {
      const path = `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      // "add" also replaces what is there.
      return value === undefined ? { op: "remove", path } : { op: "add", path, value };
    });
    if (patch.length === 0) return;
    const type = { "content-type": "application/openstack-images-v2.1-json-patch" };
    expectSuccess(await this.call("PATCH", id, type, JSON.stringify(patch)), `change the image "${id}"`);
  }

  /** Deletes an image. One that is protected is an error; one that something stands on is not. */
  async delete(id: string): Promise<Deletion> {
    const answer = await this.call("DELETE", id);
    if (answer.status === 404) return "gone";
    if (answer.status === 409) return "in use";
    expectSuccess(answer, `delete the image "${id}"`);
    return "deleted";
  }

  /** Whether other projects may use an image: shared is every new one, by default with nobody. */
  async seenByOthers({ id, visibility }: Pick<GlanceImage, "id" | "visibility">): Promise<boolean> {
    if (visibility !== "shared") return visibility !== "private";
    const url = `${this.endpoint}/v2/images/${encodeURIComponent(id)}/members`;
    const answer = await send(this.session.credentials, "GET", url, this.headers);
    const { members } = asRecord(JSON.parse(expectSuccess(answer, `list who shares the image "${id}"`).body));
    return !Array.isArray(members) || members.length > 0;
  }

  private get headers(): Record<string, string> {
    return { "x-auth-token": this.session.token };
  }

  private call(method: string, id: string, headers: Record<string, string> = {}, body?: string): Promise<Answer> {
    const url = `${this.endpoint}/v2/images/${encodeURIComponent(id)}`;
    return send(this.session.credentials, method, url, { ...headers, ...this.headers }, body);
  }
}

/** The address of a service by Keystone's catalog; nothing where the cloud has none. */
export function serviceEndpoint({ credentials, document }: Session, type: string): string | undefined {
  const { catalog } = document;
  const services = Array.isArray(catalog) ? catalog.map(asRecord) : [];
  const endpoints = services
    .filter((service) => service.type === type)
    .flatMap((service) => (Array.isArray(service.endpoints) ? service.endpoints.map(asRecord) : []));
  const endpoint = endpoints.find(
    (each) => each.interface === credentials.interface && (!credentials.region || each.region === credentials.region),
  );
  return endpoint && String(endpoint.url).replace(/\/+$/, "");
}

/** What a service answered. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How often a download that is cut off is gone on with. */
const DOWNLOAD_ATTEMPTS = 4;

/** In milliseconds, without any data. */
const TIMEOUT = 60_000;

/** Sends a request and reads the whole answer. @throws VisaImageError where nobody answers */
export async function send(
  credentials: Credentials,
  method: string,
  url: string,
  headers: Record<string, string>,
  body?: string,
): Promise<Answer> {
  return answerOf(await open(credentials, method, url, headers, body));
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString("utf8");
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/** Sends a request; its answer's body is still to be read. */
function open(
  { caFile, insecure }: Credentials,
  method: string,
  url: string,
  headers: Record<string, string>,
  body?: string,
): Promise<IncomingMessage> {
  const secure = url.startsWith("https:");
  const options = {
    method,
    timeout: TIMEOUT,
    headers: { "content-type": "application/json", accept: "*/*", ...headers },
    ...(secure ? { rejectUnauthorized: !insecure, ca: caFile && readFileSync(caFile) } : {}),
  };
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(url, options, resolve);
    request.on("timeout", () => request.destroy(new Error(`no answer within ${TIMEOUT / 1000} s`)));
    request.on("error", (cause) => {
      reject(
        new VisaImageError(`cannot reach "${new URL(url).origin}": ${cause.message}`, {
          fix: "see whether the cloud is up and OS_AUTH_URL (or clouds.yaml) is right, then deploy again",
          cause,
        }),
      );
    });
    request.end(body);
  });
}

function expectSuccess(answer: Answer, what: string): Answer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const text = answer.body
    .replace(/<[^>]*>|\s+/g, " ")
    .trim()
    .slice(0, 300);
  throw new VisaImageError(`cannot ${what}: Glance answered ${answer.status} ${text}`, {
    fix: answer.status === 403 ? "see whether this user may change the image" : "deploy again",
  });
}

function isZero(chunk: Buffer): boolean {
  return chunk.length > 0 && chunk[0] === 0 && chunk.equals(Buffer.alloc(chunk.length));
}

function signInError(what: string): VisaImageError {
  return new VisaImageError(`cannot sign in to the cloud: ${what}`, { fix: SIGN_IN_FIX, exitCode: ExitCode.USAGE });
}

function firstRegion(regions: unknown): string | undefined {
  const first: unknown = Array.isArray(regions) ? regions[0] : undefined;
  return asString(first) ?? asString(asRecord(first).name);
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function asString(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
