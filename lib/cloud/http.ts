/**
 * HTTP as the provider speaks it: through the proxies that it would use, trusting the authorities that it would trust.
 * Knows nothing of OpenStack.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConnectionOptions, checkServerIdentity } from "node:tls";
import type { Dispatcher } from "undici";
import { VisaImageError } from "../errors";
import { systemCertificates } from "./certificates";
import { type Environment, proxyFor } from "./proxy";

/** How a client connects. */
export interface HttpOptions {
  /** Where proxies and the system's authorities are looked up. @default process.env */
  readonly environment?: Environment;
  /** PEM texts of authorities to trust. @default - those of the system */
  readonly authorities?: readonly string[];
  /** Takes any certificate. @default false */
  readonly insecure?: boolean;
  /** Shown to a server that asks for it: both in PEM. @default - none */
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
  /** In milliseconds, without any data. @default 60000 */
  readonly timeoutMs?: number;
  /** What a person does where nobody answers. */
  readonly fix: string;
  /** What a person does about a certificate that is not trusted. @default - fix */
  readonly trustFix?: string;
}

/** A request. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON unless the headers say otherwise. A stream can be sent but once: by {@link HttpClient.open}. */
  readonly body?: string | Readable;
  /** Whether sending it twice does no harm: then it is tried again. @default - for GET and HEAD */
  readonly repeatable?: boolean;
  /** Whether a GET goes where the answer leads, on the same host: from HTTP to HTTPS for example. @default false */
  readonly redirects?: boolean;
}

/** An answer whose body is still to be read, or destroyed. */
export interface OpenAnswer {
  readonly url: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

/** An answer that was read. */
export interface Answer {
  readonly url: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Most bytes of an answer that is read whole: what is larger is no answer of an API. */
const LARGEST_ANSWER = 16 << 20;

/** How long is waited before each further attempt, in milliseconds. */
const PAUSES = [300, 1000];

/** A server or what stands before it that is being started again. */
const PASSING = [502, 503, 504];

/** What a connection that is cut off or refused says: the next one may hold. */
const CUT = /^(ECONNRESET|ECONNREFUSED|EPIPE|ETIMEDOUT|UND_ERR_SOCKET)$/;

const MOST_REDIRECTS = 5;

/** Go takes any certificate that it is given as an authority, an intermediate one too, and no name but a subjectAltName. */
const TLS: ConnectionOptions & { readonly allowPartialTrustChain: boolean } = {
  allowPartialTrustChain: true,
  checkServerIdentity: (host, certificate) =>
    certificate.subjectaltname
      ? checkServerIdentity(host, certificate)
      : new Error("its certificate has no subjectAltName, which has been asked for since 2000"),
};

/** Sends requests; connections are kept and used again. */
export class HttpClient {
  private readonly agents = new Map<string, Dispatcher>();
  private readonly environment: Environment;
  private readonly timeoutMs: number;

  constructor(private readonly options: HttpOptions) {
    this.environment = options.environment ?? process.env;
    this.timeoutMs = options.timeoutMs ?? 60_000;
  }

  /**
   * Sends a request and reads the whole answer, whatever its status is.
   *
   * @throws VisaImageError where nobody answers, or with more than 16 MiB
   */
  async send(request: HttpRequest): Promise<Answer> {
    const repeatable = request.repeatable ?? (request.method === "GET" || request.method === "HEAD");
    for (const pause of repeatable ? PAUSES : []) {
      const answer = await this.sendOnce(request).catch((error: unknown) => {
        if (isCut((error as Error).cause)) return undefined;
        throw error;
      });
      if (answer && !PASSING.includes(answer.status)) return answer;
      await sleep(pause);
    }
    return this.sendOnce(request);
  }

  /**
   * Sends a request once; the answer's body is still to be read.
   *
   * @throws VisaImageError where nobody answers
   */
  async open({ method, url, headers, body }: HttpRequest): Promise<OpenAnswer> {
    try {
      const answer = await undici().request(url, {
        method,
        body,
        headers: { accept: "*/*", ...(body !== undefined && { "content-type": "application/json" }), ...headers },
        headersTimeout: this.timeoutMs,
        bodyTimeout: this.timeoutMs,
        dispatcher: this.agentFor(url),
      });
      return { url, status: answer.statusCode, headers: answer.headers, body: answer.body };
    } catch (cause) {
      throw this.unreachable(url, cause);
    }
  }

  /**
   * Gets a file as it is, where the address leads on the same host.
   *
   * @param most bytes that it may have
   * @throws VisaImageError where nobody answers, the answer stops, or has more
   */
  async download(
    url: string,
    most: number,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number; readonly bytes: Buffer }> {
    const { status, body } = await this.openFollowing({ method: "GET", url, headers, redirects: true });
    return { status, bytes: await this.collect(url, body, most) };
  }

  /** Ends the connections that are kept. */
  async close(): Promise<void> {
    await Promise.all([...this.agents.values()].map((agent) => agent.close()));
    this.agents.clear();
  }

  private async sendOnce(request: HttpRequest): Promise<Answer> {
    return this.read(await this.openFollowing(request));
  }

  /**
   * Reads what is left of an answer.
   *
   * @throws VisaImageError where it stops, or has more than 16 MiB
   */
  async read({ url, status, headers, body }: OpenAnswer): Promise<Answer> {
    const bytes = await this.collect(url, body, LARGEST_ANSWER);
    return { url, status, headers, body: bytes.toString("utf8") };
  }

  private async collect(url: string, body: Readable, most: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > most) break; // which destroys the rest
        chunks.push(chunk);
      }
    } catch (cause) {
      throw this.unreachable(url, cause);
    }
    if (length > most) {
      throw new VisaImageError(`"${originOf(url)}" answered with more than ${most >> 20} MiB`, {
        fix: this.options.fix,
      });
    }
    return Buffer.concat(chunks);
  }

  private async openFollowing(request: HttpRequest): Promise<OpenAnswer> {
    let answer = await this.open(request);
    for (let step = 1; request.redirects && step <= MOST_REDIRECTS; step++) {
      const next = redirectOf(answer);
      if (!next) break;
      answer.body.resume();
      answer = await this.open({ ...request, url: next });
    }
    return answer;
  }

  private agentFor(url: string): Dispatcher {
    const proxy = proxyFor(url, this.environment);
    const secure = url.startsWith("https:");
    const name = `${secure} ${proxy ?? ""}`;
    const known = this.agents.get(name);
    if (known) return known;
    const { insecure, clientCertificate, authorities } = this.options;
    const ca = () => [...(authorities ?? systemCertificates(this.environment))];
    const timeout = this.timeoutMs;
    // The store is read only where it is needed: it has some 200 KB.
    const tls = secure || proxy?.protocol === "https:" ? { ...TLS, rejectUnauthorized: !insecure, ca: ca() } : {};
    const requestTls = { timeout, ...tls, ...clientCertificate };
    const agent = proxy
      ? new (undici().ProxyAgent)({
          uri: proxy.href,
          token: tokenOf(proxy),
          requestTls,
          proxyTls: { timeout, ...tls },
          proxyTunnel: secure,
        })
      : new (undici().Agent)({ connect: requestTls });
    this.agents.set(name, agent);
    return agent;
  }

  private unreachable(url: string, cause: unknown): VisaImageError {
    const proxy = proxyFor(url, this.environment);
    const through = proxy ? ` through the proxy "${proxy.host}"` : "";
    const { fix, trustFix = fix } = this.options;
    return new VisaImageError(`cannot reach "${originOf(url)}"${through}: ${reasonOf(cause, url)}`, {
      fix: REASONS.get(codeOf(cause) ?? "") === UNTRUSTED ? trustFix : fix,
      cause,
    });
  }
}

/**
 * What an answer's JSON says.
 *
 * @throws VisaImageError where it is none: a login page, or another server's
 */
export function jsonOf({ url, status, headers, body }: Answer, fix: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    const type = String(headers["content-type"] ?? "no content type");
    throw new VisaImageError(`"${url}" answered ${status} with ${type}, not with JSON: "${excerpt(body)}"`, {
      fix,
      cause,
    });
  }
}

/** The first words of an answer, without HTML's marks. */
export function excerpt(body: string): string {
  return body
    .slice(0, 10_000)
    .replace(/<(script|style)[\s\S]*?<\/\1>|<[^>]*>/gi, " ")
    .replace(/[^\p{L}\p{N}\p{P}\p{S}]+/gu, " ")
    .trim()
    .slice(0, 300);
}

/** Loaded by the first request: it takes longer than all else that `visa-image lock --help` needs. */
function undici(): typeof import("undici") {
  return require("undici");
}

/** For a proxy that asks who one is; undici would send no name without a password. */
function tokenOf({ username, password }: URL): string | undefined {
  if (!username && !password) return undefined;
  const words = [username, password].map(decodeURIComponent).join(":");
  return `Basic ${Buffer.from(words).toString("base64")}`;
}

/** Where an answer leads: never to another host, which is told nothing, nor from HTTPS to HTTP. */
function redirectOf({ url, status, headers: { location } }: OpenAnswer): string | undefined {
  if (![301, 302, 303, 307, 308].includes(status) || !location || !URL.canParse(location, url)) return undefined;
  const [from, to] = [new URL(url), new URL(location, url)];
  const same = to.hostname === from.hostname && (to.protocol === "https:" || to.protocol === from.protocol);
  return same ? to.href : undefined;
}

function originOf(url: string): string {
  return new URL(url).origin;
}

/** A server that does not speak TLS will not do so at the next attempt. */
const WITHOUT_TLS = /before secure TLS connection/;

function isCut(cause: unknown): boolean {
  return CUT.test(codeOf(cause) ?? "") && !WITHOUT_TLS.test((cause as Error).message);
}

function codeOf(cause: unknown): string | undefined {
  return (cause as { readonly code?: string } | undefined)?.code;
}

const UNTRUSTED = "its certificate is signed by no authority that is trusted here";

/** OpenSSL's and undici's words for what goes wrong most, as a person would say it. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", UNTRUSTED],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", UNTRUSTED],
  ["SELF_SIGNED_CERT_IN_CHAIN", UNTRUSTED],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", UNTRUSTED],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "it does not speak HTTPS (is it http://?)"],
  ["UND_ERR_HEADERS_TIMEOUT", "no answer in time"],
  ["UND_ERR_BODY_TIMEOUT", "its answer stopped"],
  ["UND_ERR_CONNECT_TIMEOUT", "no connection in time"],
]);

function reasonOf(error: unknown, url: string): string {
  // Where a name has several addresses, each has its own error, and the whole has no words.
  const cause = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const { message } = cause as Error;
  const code = codeOf(cause) ?? "";
  if (WITHOUT_TLS.test(message)) return "it ended the connection before TLS was agreed on (is it http://?)";
  if (code.startsWith("HPE_")) return "it does not speak HTTP (is it https://?)";
  if (code === "UND_ERR_SOCKET") {
    return url.startsWith("https:") ? "it ended the connection" : "it ended the connection (is it https://?)";
  }
  return REASONS.get(code) ?? (message || code);
}
