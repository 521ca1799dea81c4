/** Keystone, Glance, Nova and Neutron for one instance: what real ones cannot be made to do here. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server as it was asked for. */
export interface StandInServer {
  readonly id: string;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: what was sent
  readonly asked: any;
}

/** A cloud on loopback that makes instances of nothing. */
export class InstanceCloud {
  readonly servers = new Map<string, StandInServer>();
  readonly groups = new Map<string, string>();
  readonly rules: Readonly<Record<string, unknown>>[] = [];
  readonly floatingIps = new Map<string, Readonly<Record<string, unknown>>>();
  readonly image: Record<string, unknown> = {
    ...{ id: "img", name: "desktop", status: "active", size: 1 << 20, min_disk: 5, virtual_size: 5 * 2 ** 30 },
    ...{ os_hash_algo: "sha512", os_hash_value: "ab".repeat(64), os_hidden: true, visibility: "private" },
    ...{ visa_fingerprint: "cd".repeat(32), visa_template: "visa-apps", disk_format: "raw", protected: false },
  };
  /** Where the instance is. */
  address = "127.0.0.1";
  /** What Nova calls it once it is made. */
  status = "ACTIVE";
  fault: string | undefined;
  consoleText = "";
  /** Answers in the place of the real one, by `METHOD /path`; called for each request. */
  instead: (request: string) => Answer | undefined = () => undefined;
  /** Called once a server was asked for, before that is answered. */
  onServer: () => Promise<void> | void = () => {};
  /** How often the group is in use still when it is to be deleted. */
  busyGroups = 0;
  tokens = 0;
  private made = 0;
  private readonly server: Server;

  constructor() {
    this.server = createServer(async (request, response) => {
      const answer = await this.answer(request, await read(request)).catch(() => undefined);
      // Who answers nothing is cut off.
      if (!answer) return void request.socket.destroy();
      const { status, body, headers } = answer;
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(body === undefined ? "" : JSON.stringify(body));
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get environment(): Record<string, string> {
    return { OS_AUTH_URL: `${this.url}/v3`, OS_USERNAME: "u", OS_PASSWORD: "p", OS_PROJECT_NAME: "p" };
  }

  /** All that is there of instances: nothing, in the end. */
  get left(): readonly string[] {
    return [...this.servers.keys(), ...this.groups.keys(), ...this.floatingIps.keys()];
  }

  private get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  private async answer(request: IncomingMessage, text: string): Promise<Answer> {
    const url = new URL(request.url ?? "", this.url);
    const [, service = "", ...rest] = url.pathname.split("/");
    const told = `${request.method} ${url.pathname}`;
    const instead = this.instead(told);
    if (instead) return instead;
    const body = text ? JSON.parse(text) : {};
    if (url.pathname === "/v3/auth/tokens") {
      this.tokens += 1;
      return { status: 201, body: { token: this.token() }, headers: { "x-subject-token": `t${this.tokens}` } };
    }
    if (service === "v2") return this.glance(rest, url.searchParams);
    if (service === "nova") return this.nova(request.method ?? "", rest, url, body);
    return this.neutron(request.method ?? "", rest.slice(1), url, body);
  }

  private glance([, id]: readonly string[], asked: URLSearchParams): Answer {
    if (id === this.image.id) return { status: 200, body: this.image };
    if (id) return { status: 404 };
    const found = ["name", "os_hidden"].every((name) => [null, String(this.image[name])].includes(asked.get(name)));
    return { status: 200, body: { images: found ? [this.image] : [] } };
  }

  // biome-ignore lint/suspicious/noExplicitAny: what was sent
  private async nova(method: string, [kind, id = ""]: readonly string[], url: URL, body: any): Promise<Answer> {
    if (kind === "flavors") {
      return { status: 200, body: { flavors: [{ id: "2", name: "m1.medium", vcpus: 2, ram: 4096, disk: 20 }] } };
    }
    if (method === "POST" && id === "") {
      const { server } = body;
      const made = { id: `server-${++this.made}`, name: server.name, asked: server };
      this.servers.set(made.id, made);
      await this.onServer();
      return { status: 202, body: { server: { id: made.id } } };
    }
    if (id === "detail") {
      const wanted = url.searchParams.get("name");
      const found = [...this.servers.values()].filter(({ name }) => `^${name}$` === wanted);
      return { status: 200, body: { servers: found.map((each) => ({ id: each.id })) } };
    }
    const server = this.servers.get(id);
    if (!server) return { status: 404 };
    if (method === "POST") return { status: 200, body: { output: this.consoleText } };
    if (method === "DELETE") {
      this.servers.delete(id);
      return { status: 204 };
    }
    const addresses = { visa: [{ addr: this.address, version: 4, "OS-EXT-IPS:type": "fixed" }] };
    const own = { id, status: this.status, addresses, config_drive: server.asked.config_drive ? "True" : "" };
    return { status: 200, body: { server: { ...own, ...(this.fault && { fault: { message: this.fault } }) } } };
  }

  // biome-ignore lint/suspicious/noExplicitAny: what was sent
  private neutron(method: string, [kind, id]: readonly string[], url: URL, body: any): Answer {
    const key = kind?.replaceAll("-", "_") ?? "";
    if (method === "DELETE" && id) {
      if (kind === "security-groups" && this.busyGroups-- > 0) {
        return { status: 409, body: { NeutronError: { message: "Security Group in use" } } };
      }
      (kind === "floatingips" ? this.floatingIps : this.groups).delete(id);
      return { status: 204 };
    }
    if (method === "POST") {
      const made = `${kind}-${++this.made}`;
      if (kind === "security-groups") this.groups.set(made, body.security_group.name);
      if (kind === "security-group-rules") this.rules.push(body.security_group_rule);
      if (kind === "floatingips") this.floatingIps.set(made, body.floatingip);
      const one = kind === "floatingips" ? "floatingip" : key.replace(/s$/, "");
      return { status: 201, body: { [one]: { id: made, floating_ip_address: this.address } } };
    }
    const all: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>> = {
      networks: ["visa", "external"].map((name) => ({ id: `net-${name}`, name })),
      "security-groups": [...this.groups].map(([group, name]) => ({ id: group, name })),
      ports: [{ id: "port", name: "", device_id: [...this.servers.keys()][0] }],
      floatingips: [...this.floatingIps].map(([ip, values]) => ({ id: ip, ...values })),
    };
    const found = (all[kind ?? ""] ?? []).filter((each) =>
      [...url.searchParams].every(([name, value]) => each[name] === value),
    );
    return { status: 200, body: { [key]: found } };
  }

  private token(): object {
    const service = (type: string, path: string) => ({
      type,
      endpoints: [{ interface: "public", region: "r", url: `${this.url}${path}` }],
    });
    const catalog = [service("image", ""), service("compute", "/nova"), service("network", "/neutron")];
    return { catalog, project: { id: "p" } };
  }
}

async function read(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}
