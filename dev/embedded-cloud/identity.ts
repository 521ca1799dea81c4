/**
 * What the services and the ordinary user need in Keystone, made over Keystone's own API: a Python client would take two
 * seconds for each call. Every step looks first, so that it can be run again; each list is asked for once.
 */
import { VisaImageError } from "../../lib/errors";
import { clientVariables } from "./clients";
import { type Answer, call } from "./http";
import { type CloudSettings, endpoints, MEMBER, REGION } from "./settings";

interface Named {
  readonly id: string;
  readonly name?: string;
  readonly [attribute: string]: unknown;
}

/** Who has which role where. */
interface Assignment {
  readonly role: Named;
  readonly user?: Named;
  readonly scope: { readonly project?: Named };
}

/** A service of the catalog, with the user by which it checks tokens. */
export interface Account {
  /** Of the user, and of the service. */
  readonly name: string;
  readonly password: string;
  /** As the catalog has it: `image`, `compute`. */
  readonly type: string;
  readonly url: string;
}

/** A client of the embedded Keystone, as `admin`. */
export class Identity {
  private readonly lists = new Map<string, Promise<unknown[]>>();

  private constructor(
    private readonly url: string,
    /** A token of `admin`. */
    readonly token: string,
  ) {}

  /** Logs in; fails where something else answers on the port, or the password isn't this cloud's. */
  static async login(settings: CloudSettings): Promise<Identity> {
    const url = endpoints(settings).keystone;
    const variables = clientVariables(settings);
    const domain = { name: variables.OS_USER_DOMAIN_NAME };
    const answer = await call("POST", `${url}/auth/tokens`, {
      body: {
        auth: {
          identity: {
            methods: ["password"],
            password: { user: { name: variables.OS_USERNAME, password: variables.OS_PASSWORD, domain } },
          },
          scope: { project: { name: variables.OS_PROJECT_NAME, domain } },
        },
      },
    });
    const token = answer.headers["x-subject-token"];
    if (answer.status !== 201 || typeof token !== "string") throw unexpected("POST", `${url}/auth/tokens`, answer);
    return new Identity(url, token);
  }

  /** Each service's user, its role, its entry and its endpoints; Keystone's own endpoints get their present URLs. */
  async describe(settings: CloudSettings, accounts: readonly Account[]): Promise<void> {
    const project = await this.ensure("projects", "project", { name: "service", domain_id: "default" });
    // Only later versions of Keystone make it.
    await this.ensure("roles", "role", { name: "service" });
    const identity = await this.find("services", { type: "identity" });
    if (identity) await this.ensureEndpoints(identity.id, endpoints(settings).keystone);
    for (const { name, password, type, url } of accounts) {
      const user = await this.ensure("users", "user", { name, domain_id: "default", password });
      await this.grant(project, user, "admin");
      // A service passes its own token on beside the user's; without this role the other one answers 401.
      await this.grant(project, user, "service");
      const service = await this.ensure("services", "service", { name, type });
      await this.ensureEndpoints(service.id, url);
    }
  }

  /** An ordinary user, with a project of its own. */
  async addMember(password: string): Promise<void> {
    const project = await this.ensure("projects", "project", { name: MEMBER, domain_id: "default" });
    const user = await this.ensure("users", "user", { name: MEMBER, domain_id: "default", password });
    await this.grant(project, user, "member");
  }

  private async grant(project: Named, user: Named, name: string): Promise<void> {
    const role = await this.find("roles", { name });
    const assignments = (await this.list("role_assignments")) as Assignment[];
    const granted = assignments.some(
      (one) => one.role.id === role?.id && one.user?.id === user.id && one.scope.project?.id === project.id,
    );
    if (!granted) await this.send("PUT", `/projects/${project.id}/users/${user.id}/roles/${role?.id}`);
  }

  private async ensureEndpoints(service: string, url: string): Promise<void> {
    for (const kind of ["public", "internal", "admin"]) {
      const present = await this.find("endpoints", { service_id: service, interface: kind });
      if (present?.url === url) continue;
      if (present) await this.send("PATCH", `/endpoints/${present.id}`, { endpoint: { url } });
      else await this.add("endpoints", "endpoint", { service_id: service, interface: kind, region_id: REGION, url });
    }
  }

  private async ensure(list: string, kind: string, wanted: Record<string, string>): Promise<Named> {
    return (await this.find(list, { name: wanted.name ?? "" })) ?? this.add(list, kind, wanted);
  }

  private async add(list: string, kind: string, wanted: Record<string, string>): Promise<Named> {
    const answer = (await this.send("POST", `/${list}`, { [kind]: wanted })) as Record<string, Named>;
    const added = answer[kind] as Named;
    (await this.list(list)).push(added);
    return added;
  }

  private async find(list: string, filter: Record<string, string>): Promise<Named | undefined> {
    const all = (await this.list(list)) as Named[];
    return all.find((one) => Object.entries(filter).every(([name, value]) => one[name] === value));
  }

  private list(name: string): Promise<unknown[]> {
    const asked =
      this.lists.get(name) ??
      this.send("GET", `/${name}`).then((all) => (all as Record<string, unknown[]>)[name] ?? []);
    this.lists.set(name, asked);
    return asked;
  }

  private async send(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await call(method, `${this.url}${path}`, { token: this.token, body });
    if (answer.status >= 300) throw unexpected(method, `${this.url}${path}`, answer);
    return answer.body;
  }
}

/** An answer that nobody expected, with what it said. */
export function unexpected(method: string, url: string, answer: Answer): VisaImageError {
  const said = JSON.stringify(answer.body).slice(0, 300);
  return new VisaImageError(`${answer.status} is the answer to ${method} ${url}: ${said}`);
}
