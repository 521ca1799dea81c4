/**
 * What Glance needs in Keystone, made over Keystone's own API: a Python client would take two seconds for each call.
 * Every step looks first, so that it can be run again.
 */
import { VisaImageError } from "../../lib/errors";
import { type CloudSettings, clientVariables, endpoints, REGION } from "./configuration";
import { type Answer, call } from "./http";

interface Named {
  readonly id: string;
  readonly name?: string;
}

/** A client of the embedded Keystone, as `admin`. */
export class Identity {
  private constructor(
    private readonly url: string,
    private readonly token: string,
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

  /** Glance's user, its role, its service and its endpoints; endpoints of both services get their present URLs. */
  async describe(settings: CloudSettings): Promise<void> {
    const project = await this.ensure("projects", "project", { name: "service", domain_id: "default" });
    const user = await this.ensure("users", "user", {
      name: "glance",
      domain_id: "default",
      password: settings.glancePassword,
    });
    const role = await this.find("roles", { name: "admin" });
    await this.send("PUT", `/projects/${project.id}/users/${user.id}/roles/${role?.id}`);
    const image = await this.ensure("services", "service", { name: "glance", type: "image" });
    const identity = await this.find("services", { type: "identity" });
    for (const service of ["public", "internal", "admin"]) {
      await this.ensureEndpoint(image.id, service, endpoints(settings).glance);
      if (identity) await this.ensureEndpoint(identity.id, service, endpoints(settings).keystone);
    }
  }

  private async ensureEndpoint(service: string, kind: string, url: string): Promise<void> {
    const present = await this.find("endpoints", { service_id: service, interface: kind });
    if (present) await this.send("PATCH", `/endpoints/${present.id}`, { endpoint: { url } });
    else
      await this.send("POST", "/endpoints", {
        endpoint: { service_id: service, interface: kind, region_id: REGION, url },
      });
  }

  private async ensure(list: string, kind: string, wanted: Record<string, string>): Promise<Named> {
    const present = await this.find(list, { name: wanted.name ?? "" });
    if (present) return present;
    const answer = (await this.send("POST", `/${list}`, { [kind]: wanted })) as Record<string, Named>;
    return answer[kind] as Named;
  }

  private async find(list: string, filter: Record<string, string>): Promise<Named | undefined> {
    const answer = (await this.send("GET", `/${list}?${new URLSearchParams(filter)}`)) as Record<string, Named[]>;
    return answer[list]?.[0];
  }

  private async send(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await call(method, `${this.url}${path}`, { token: this.token, body });
    if (answer.status >= 300) throw unexpected(method, `${this.url}${path}`, answer);
    return answer.body;
  }
}

function unexpected(method: string, url: string, answer: Answer): VisaImageError {
  const said = JSON.stringify(answer.body).slice(0, 300);
  return new VisaImageError(`keystone answered ${answer.status} to ${method} ${url}: ${said}`);
}
