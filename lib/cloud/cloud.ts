/** A cloud's services by their own JSON, for what no provider does: the machines of builds. */
import { VisaImageError } from "../errors";
import { Glance } from "./glance";
import { type Answer, excerpt } from "./http";
import {
  asRecord,
  asString,
  type Credentials,
  type Session,
  serviceEndpoint,
  signIn,
  withoutService,
} from "./keystone";

/** Services by their types in Keystone's catalog, and what follows their addresses there. */
const SERVICES = {
  compute: { name: "Nova", version: "" },
  network: { name: "Neutron", version: "/v2.0" },
} as const;

/** One of the services that are asked here. */
export type ServiceType = keyof typeof SERVICES;

/** What is asked of a service. */
export interface CloudRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With its query, from the service's address on. */
  readonly path: string;
  readonly body?: unknown;
}

/** A cloud that was signed in to. A token that has expired meanwhile is replaced. */
export class Cloud {
  private constructor(private session: Session) {}

  /** @throws VisaImageError where Keystone does not take the credentials */
  static async connect(credentials: Credentials): Promise<Cloud> {
    return new Cloud(await signIn(credentials));
  }

  get credentials(): Credentials {
    return this.session.credentials;
  }

  /** The project that was signed in to; nothing for a sign-in without one. */
  get projectId(): string | undefined {
    return asString(asRecord(this.session.document.project).id);
  }

  /** When the token ends: RFC 3339. */
  get expiresAt(): string | undefined {
    return asString(this.session.document.expires_at);
  }

  /** Whether Keystone's catalog has a service. */
  has(type: ServiceType): boolean {
    return serviceEndpoint(this.session, type) !== undefined;
  }

  /** Its Glance, by a sign-in of its own. */
  glance(): Promise<Glance> {
    return Glance.connect(this.credentials);
  }

  /** @throws VisaImageError where the cloud has no such service, or it is not reached */
  async send(type: ServiceType, request: CloudRequest): Promise<Answer> {
    const answer = await this.sendOnce(type, request);
    // A build takes longer than a token lasts on many clouds.
    if (answer.status !== 401 || this.credentials.authentication.kind === "token") return answer;
    this.session = await signIn(this.credentials);
    return this.sendOnce(type, request);
  }

  /**
   * What an answer's JSON says.
   *
   * @param what what it is asked for, after "cannot"
   * @throws VisaImageError, in the service's own words, for any other answer than a good one
   */
  async json(type: ServiceType, request: CloudRequest, what: string): Promise<Record<string, unknown>> {
    const answer = await this.send(type, request);
    if (answer.status >= 200 && answer.status < 300) return asRecord(answer.body ? JSON.parse(answer.body) : {});
    throw new VisaImageError(`cannot ${what}: ${SERVICES[type].name} answered ${answer.status}: ${words(answer)}`, {
      fix:
        answer.status === 401
          ? "sign in anew: the token has expired, and nothing here can renew it"
          : "see what the cloud allows this project: openstack quota show, openstack limits show --absolute",
    });
  }

  private sendOnce(type: ServiceType, { method, path, body }: CloudRequest): Promise<Answer> {
    const { session } = this;
    const { name, version } = SERVICES[type];
    const endpoint = serviceEndpoint(session, type);
    if (!endpoint) throw withoutService(session, name);
    const address = `${endpoint.replace(/\/v2\.0$/, "")}${version}`;
    return session.http.send({
      ...{ method, url: `${address}${path}`, headers: { "x-auth-token": session.token } },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // What is gone stays gone.
      ...(method === "DELETE" && { repeatable: true }),
    });
  }
}

/** OpenStack's own words: `{"forbidden": {"message": …}}`, and Neutron's `{"NeutronError": {"message": …}}`. */
function words({ body }: Answer): string {
  try {
    const [inner] = Object.values(asRecord(JSON.parse(body)));
    return asString(asRecord(inner).message) ?? asString(inner) ?? excerpt(body);
  } catch {
    return excerpt(body) || "nothing";
  }
}
