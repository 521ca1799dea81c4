/** GraphQL as VISA speaks it: HTTP 200 for nearly all, and errors that have to be told apart. */
import { type Answer, HttpClient } from "../cloud/http";
import { ExitCode, VisaImageError } from "../errors";
import { type Environment, TokenSource, visaAddress } from "./api-token";

/** What is known of a request that failed. */
export type Outcome =
  /** It never reached VISA: it was not done. */
  | "not sent"
  /** No answer arrived, or not VISA's: it may have been done, or be done yet. */
  | "lost"
  /** VISA answered with an error, which is no proof that nothing was done. */
  | "answered"
  /** The token is not, or no longer, VISA's: it was not done. */
  | "unauthorised";

/** An error of VISA, or on the way to it. It never has a value in it that was sent. */
export class VisaError extends VisaImageError {
  /** HTTP's, of an answer that is not as VISA's are. */
  readonly status: number | undefined;

  constructor(
    what: string,
    readonly outcome: Outcome,
    options: { readonly fix: string; readonly cause?: unknown; readonly exitCode?: number; readonly status?: number },
  ) {
    super(what, options);
    this.name = "VisaError";
    this.status = options.status;
  }
}

interface GraphqlError {
  readonly message?: unknown;
  readonly extensions?: {
    readonly classification?: unknown;
    readonly violations?: readonly { readonly propertyPath?: unknown; readonly message?: unknown }[];
  };
}

/** Settings of a {@link Connection}. */
export interface ConnectionOptions {
  readonly environment: Environment;
  /** In milliseconds, without any data. @default 60000 */
  readonly timeoutMs?: number;
}

const AGAIN = "deploy again: what is done already is not done twice";

/** A VISA, and the token that is asked with. */
export class Connection {
  private readonly http: HttpClient;
  private readonly address: string;
  readonly tokens: TokenSource;

  /** @throws VisaImageError where the environment names none */
  constructor({ environment, timeoutMs }: ConnectionOptions) {
    this.address = visaAddress(environment);
    this.tokens = new TokenSource(environment);
    this.http = new HttpClient({ environment, timeoutMs, fix: AGAIN });
  }

  /** Ends the connections that are kept. */
  close(): Promise<void> {
    return this.http.close();
  }

  /** What `GET <visa>/api/<path>` has as its `data`. */
  async get(path: string, withToken: boolean): Promise<Record<string, unknown>> {
    const answer = await this.send(
      (headers) => ({ method: "GET", url: `${this.address}/api/${path}`, headers }),
      withToken,
    );
    if (answer.status !== 200) throw notVisa(answer);
    return record(record(parse(answer)).data);
  }

  /**
   * Asks one operation.
   *
   * @throws VisaError where VISA refuses it, or where it is not known whether it was done
   */
  async ask(query: string, variables: Readonly<Record<string, unknown>> = {}): Promise<Record<string, unknown>> {
    const body = JSON.stringify({ query, variables });
    const accept = "application/graphql-response+json, application/json;q=0.9";
    const url = `${this.address}/api/graphql`;
    const answer = await this.send((headers) => ({ method: "POST", url, body, headers: { ...headers, accept } }), true);
    if (answer.status !== 200) throw notVisa(answer);
    const { errors, data } = record(parse(answer));
    if (Array.isArray(errors) && errors.length > 0) throw refusal(errors[0] as GraphqlError);
    return record(data);
  }

  /** Sends a request, and once more with another token where VISA takes this one no longer: it did nothing then. */
  private async send(
    make: (headers: Record<string, string>) => Parameters<HttpClient["send"]>[0],
    withToken: boolean,
  ): Promise<Answer> {
    if (!withToken) return this.sendOnce(make({}));
    const once = async () => this.sendOnce(make({ authorization: `Bearer ${await this.tokens.current()}` }));
    const answer = await once();
    if (answer.status !== 401) return answer;
    if (await this.tokens.renew()) {
      const again = await once();
      if (again.status !== 401) return again;
    }
    throw this.unauthorised();
  }

  private async sendOnce(request: Parameters<HttpClient["send"]>[0]): Promise<Answer> {
    try {
      return await this.http.send(request);
    } catch (cause) {
      // VISA's address is nobody's business who reads a log.
      const [line = ""] = (cause as Error).message.split("\n");
      const reason = line.replace(/^cannot reach "[^"]*"/, "").replace(/\b(E[A-Z_]{4,})\b.*/, "$1");
      throw new VisaError(`cannot reach VISA${reason}`, neverSent(cause) ? "not sent" : "lost", {
        fix: `see whether VISA is up and VISA_API_URL is right, then ${AGAIN}`,
        cause,
      });
    }
  }

  private unauthorised(): VisaError {
    const ended = this.tokens.endedAt;
    const what = ended ? `it ended at ${ended.toISOString()}` : "it has ended, or VISA's account service is away";
    return new VisaError(`VISA does not take the token: ${what}`, "unauthorised", {
      fix: `take a new token, then ${AGAIN}; a command in VISA_API_TOKEN_COMMAND is asked for a new one by itself`,
    });
  }
}

/** Whether nobody was there to take it. */
function neverSent(error: unknown): boolean {
  const { cause } = error as Error;
  const code = (cause as { readonly code?: unknown } | undefined)?.code;
  return /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/.test(String(code));
}

function parse(answer: Answer): unknown {
  try {
    return JSON.parse(answer.body);
  } catch {
    throw notVisa(answer);
  }
}

/** What stands before VISA, or something else at its address. */
function notVisa({ status, headers }: Answer): VisaError {
  const type = String(headers["content-type"] ?? "nothing");
  return new VisaError(`VISA's address answered ${status} (${type}), not as VISA does`, "lost", {
    status,
    fix: `see whether VISA_API_URL is VISA's address, and VISA 3.0 or newer is up, then ${AGAIN}`,
  });
}

function refusal({ message, extensions }: GraphqlError): VisaError {
  const { violations, classification } = extensions ?? {};
  if (violations) {
    // The rest of it is the whole value, which may be a boot command with its secrets.
    const what = violations.map(({ propertyPath, message }) => `${String(propertyPath)} ${String(message)}`).join(", ");
    return new VisaError(`VISA refuses a value: ${what}`, "answered", {
      fix: "correct it in the code, and deploy again",
    });
  }
  const text = String(message ?? "").slice(0, 300);
  if (classification === "ValidationError" || classification === "BadFaithIntrospection") {
    return new VisaError(`VISA does not know what it was asked: ${text}`, "answered", {
      fix: "see whether it is VISA 3.0 or newer (npx visa-image doctor)",
    });
  }
  if (text === "Invalid Cloud Image Id") {
    return new VisaError("VISA finds no such image in its cloud", "answered", {
      fix: "see whether VISA's own user sees the image, and whether VISA reaches Keystone and Glance: it says the same of both; then deploy again",
    });
  }
  if (text === "System error") {
    return new VisaError("VISA says 'System error', and no more", "answered", {
      fix: `see VISA's log; ${AGAIN}`,
    });
  }
  return new VisaError(`VISA refuses: ${text}`, "answered", { fix: "correct it in the code, and deploy again" });
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** For those who ask with a role that is not enough. */
export function notAdministrator(roles: readonly string[]): VisaImageError {
  const has = roles.length > 0 ? `the role ${roles.join(" and ")}` : "no role";
  return new VisaImageError(`the token is that of somebody who has ${has}; VISA's entries take ADMIN`, {
    fix: "take the access token of a VISA administrator; VISA's application credentials cannot do it",
    exitCode: ExitCode.USAGE,
  });
}
