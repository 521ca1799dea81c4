/** One service of a cloud, found by Keystone's catalog and spoken to in JSON; what it refuses is an error in its own words. */
import { VisaImageError } from "../errors";
import { type Answer, excerpt, type HttpRequest, jsonOf } from "./http";
import { asRecord, asString, type Session, serviceEndpoint, signIn, withoutService } from "./keystone";

/** A service said no: to be told from one that does not answer. */
export class Refusal extends VisaImageError {
  constructor(
    what: string,
    /** HTTP's status. */
    readonly status: number,
    /** What the service said about it. */
    readonly words: string,
    fix: string,
  ) {
    super(what, { fix });
  }
}

/** What of {@link Service} differs from service to service. */
export interface ServiceKind {
  /** In Keystone's catalog: `compute`. */
  readonly type: string;
  /** What people call it: Nova. */
  readonly name: string;
  /** How its addresses go on after the catalog's, which may have it too. @default - as the catalog has it */
  readonly version?: string;
}

/** A sign-in that all services of a cloud share: who renews it renews it for all. */
export interface SignedIn {
  session: Session;
}

/** What to do about a refusal: by its status and words, where they say enough. */
export type FixOf = (status: number, words: string) => string | undefined;

/** A service, signed in to. */
export class Service {
  private readonly address: string;

  /** @throws VisaImageError where the catalog lacks it */
  constructor(
    private readonly signedIn: SignedIn,
    private readonly kind: ServiceKind,
  ) {
    const endpoint = serviceEndpoint(signedIn.session, kind.type);
    if (!endpoint) throw withoutService(signedIn.session, kind.name);
    const { version = "" } = kind;
    this.address = endpoint.endsWith(version) ? endpoint : `${endpoint}${version}`;
  }

  /**
   * What it answers, as JSON; nothing where it has no such thing.
   *
   * @param what is asked for, as an error is to say it: `read the server "x"`
   */
  async find(path: string, what: string): Promise<Record<string, unknown> | undefined> {
    const answer = await this.request({ method: "GET", path });
    return answer.status === 404 ? undefined : this.json(answer, what);
  }

  /** As {@link Service.find}, but what is not there is an error too. */
  async read(path: string, what: string): Promise<Record<string, unknown>> {
    return this.json(await this.request({ method: "GET", path }), what);
  }

  /** Makes or changes something. @throws Refusal */
  async post(path: string, body: object, what: string, fixOf?: FixOf): Promise<Record<string, unknown>> {
    const answer = await this.request({ method: "POST", path, body: JSON.stringify(body) });
    // Some actions are answered without a word.
    return answer.body.trim() === "" && isSuccess(answer) ? {} : this.json(answer, what, fixOf);
  }

  /** Deletes something; what is gone already is fine. @throws Refusal */
  async delete(path: string, what: string): Promise<void> {
    // What is gone stays gone.
    const answer = await this.request({ method: "DELETE", path, repeatable: true });
    if (answer.status !== 404) this.expectSuccess(answer, what);
  }

  private async request({
    path,
    ...request
  }: Pick<HttpRequest, "method" | "body" | "repeatable"> & { readonly path: string }): Promise<Answer> {
    const send = () => {
      const { http, token } = this.signedIn.session;
      return http.send({ ...request, url: `${this.address}${path}`, headers: { "x-auth-token": token } });
    };
    const answer = await send();
    const { credentials } = this.signedIn.session;
    if (answer.status !== 401 || credentials.authentication.kind === "token") return answer;
    // Tokens end, often within an hour: what was made has to be removed all the same.
    this.signedIn.session = await signIn(credentials);
    return send();
  }

  private json(answer: Answer, what: string, fixOf?: FixOf): Record<string, unknown> {
    this.expectSuccess(answer, what, fixOf);
    return asRecord(jsonOf(answer, `see whether the cloud's catalog has ${this.kind.name}'s own address`));
  }

  private expectSuccess(answer: Answer, what: string, fixOf?: FixOf): void {
    if (isSuccess(answer)) return;
    const { status } = answer;
    const words = wordsOf(answer.body);
    const fix = fixOf?.(status, words) ?? defaultFix(status, words);
    throw new Refusal(`cannot ${what}: ${this.kind.name} answered ${status}: ${words}`, status, words, fix);
  }
}

function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}

function defaultFix(status: number, words: string): string {
  if (status === 401) return "sign in anew: the token has expired, and nothing here can renew it";
  if (/quota/i.test(words)) return "free some of the project's quota, or ask for more: openstack quota show --usage";
  return status === 403 ? "see whether this user may do that in the project" : "see the service's log, and try again";
}

/** Nova's and Neutron's errors have one entry, of any name, with a message. */
function wordsOf(body: string): string {
  try {
    const [first] = Object.values(asRecord(JSON.parse(body)));
    return asString(asRecord(first).message) ?? asString(first) ?? excerpt(body);
  } catch {
    return excerpt(body) || "nothing";
  }
}
