/** Keystone, Nova, Neutron and Glance as builds ask them, for what real ones cannot be made to show here in seconds. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Cloud } from "../../../lib/cloud/cloud";
import { credentialsFrom } from "../../../lib/cloud/keystone";

// biome-ignore lint/suspicious/noExplicitAny: OpenStack's answers have no type here
type Json = any;
type Thing = Record<string, Json> & { id: string };

/** A cloud on loopback, whose things are to be looked at and changed. */
export class BuildCloud {
  readonly flavors: Thing[] = [{ id: "f-10", name: "m1.ten", disk: 10, vcpus: 2, ram: 4096 }];
  readonly networks: Thing[] = [
    { id: "n-inner", name: "inner", "router:external": false },
    { id: "n-outer", name: "outer", "router:external": true },
  ];
  limits: Record<string, number> = {};
  servers: Thing[] = [];
  floatingips: Thing[] = [];
  groups: Thing[] = [];
  rules: Thing[] = [];
  images: Thing[] = [];
  /** What servers show on their consoles, by id. */
  readonly consoles = new Map<string, string>();
  /** Answers in the place of the cloud's own, by method and path. */
  readonly faults = new Map<string, { readonly status: number; readonly body?: object }>();
  readonly requests: string[] = [];
  /** What was uploaded, by the image's id. */
  readonly data = new Map<string, Buffer>();
  signIns = 0;
  /** Of the sign-ins; older ones are refused. */
  validToken = 0;
  private made = 0;
  private readonly server: Server;

  constructor() {
    this.server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { status, body, headers } = this.answer(request, Buffer.concat(chunks));
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(Buffer.isBuffer(body) ? body : body === undefined ? "" : JSON.stringify(body));
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
    return { OS_AUTH_URL: `${this.url}/v3`, OS_USERNAME: "u", OS_PASSWORD: "secret", OS_PROJECT_NAME: "p" };
  }

  connect(): Promise<Cloud> {
    return Cloud.connect(credentialsFrom(this.environment));
  }

  /** What there is of everything that a build makes. */
  get all(): string[] {
    const things = [this.servers, this.floatingips, this.groups, this.images];
    return things.flat().map(({ id }) => id);
  }

  private get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  private answer(request: IncomingMessage, raw: Buffer): { status: number; body?: Json; headers?: object } {
    const { method = "" } = request;
    const url = new URL(request.url ?? "", this.url);
    const [, service = "", ...parts] = url.pathname.split("/");
    if (url.pathname === "/v3/auth/tokens") {
      this.signIns += 1;
      const endpoint = (type: string, path: string) => ({
        type,
        endpoints: [{ interface: "public", url: `${this.url}/${path}` }],
      });
      const catalog = [endpoint("compute", "nova"), endpoint("network", "neutron"), endpoint("image", "glance")];
      const token = { project: { id: "p" }, catalog, expires_at: new Date(Date.now() + 3600_000).toISOString() };
      return { status: 201, body: { token }, headers: { "x-subject-token": String(this.signIns) } };
    }
    this.requests.push(`${method} ${url.pathname}`);
    const fault = this.faults.get(`${method} ${url.pathname}`);
    if (fault) return { status: fault.status, body: fault.body ?? {} };
    if (Number(request.headers["x-auth-token"]) < this.validToken) return { status: 401, body: {} };
    const octets = request.headers["content-type"] === "application/octet-stream";
    const body = !octets && raw.length > 0 ? JSON.parse(raw.toString()) : undefined;
    if (service === "nova") return this.nova(method, parts, url, body);
    if (service === "neutron") return this.neutron(method, parts[1] ?? "", parts[2], body);
    return this.glance(method, parts.slice(1), url, body, raw);
  }

  private nova(method: string, [kind, id, action]: string[], url: URL, body: Json) {
    if (kind === "flavors") return { status: 200, body: { flavors: this.flavors } };
    if (kind === "limits") return { status: 200, body: { limits: { absolute: this.limits } } };
    if (method === "POST" && !id) {
      const server = { id: `server-${++this.made}`, tenant_id: "p", status: "ACTIVE", ...body.server };
      this.servers.push(server);
      return { status: 202, body: { server } };
    }
    if (id === "detail" || !id) {
      const image = url.searchParams.get("image");
      const name = new RegExp(url.searchParams.get("name") ?? "");
      const servers = this.servers.filter((each) => name.test(each.name) && (!image || each.image?.id === image));
      return { status: 200, body: { servers } };
    }
    const server = this.servers.find((each) => each.id === id);
    if (!server) return { status: 404 };
    if (action === "action") return { status: 200, body: { output: this.consoles.get(id) ?? "" } };
    if (method === "GET") return { status: 200, body: { server } };
    this.servers = this.servers.filter((each) => each !== server);
    return { status: 204 };
  }

  private neutron(method: string, kind: string, id: string | undefined, body: Json) {
    const lists: Record<
      string,
      [keyof BuildCloud & ("networks" | "floatingips" | "groups" | "rules"), string, string]
    > = {
      networks: ["networks", "networks", "network"],
      floatingips: ["floatingips", "floatingips", "floatingip"],
      "security-groups": ["groups", "security_groups", "security_group"],
      "security-group-rules": ["rules", "security_group_rules", "security_group_rule"],
    };
    const [field, plural, singular] = lists[kind] as [never, string, string];
    const list = this[field] as Thing[];
    if (method === "GET") return { status: 200, body: { [plural]: list } };
    if (method === "POST") {
      const made = { id: `${kind}-${++this.made}`, project_id: "p", ...body[singular] };
      list.push(made);
      return { status: 201, body: { [singular]: made } };
    }
    const group = this.groups.find((each) => each.id === id);
    const holds = (server: Thing) => server.metadata?.visa_build === group?.description;
    if (group && this.servers.some(holds)) return { status: 409, body: {} };
    list.splice(
      list.findIndex((each) => each.id === id),
      1,
    );
    return { status: 204 };
  }

  private glance(method: string, [, id, below]: string[], url: URL, body: Json, raw: Buffer) {
    if (!id && method === "POST") {
      const image = { id: `image-${++this.made}`, status: "queued", owner: "p", os_hidden: false, ...body };
      this.images.push({ created_at: new Date().toISOString(), ...image });
      return { status: 201, body: image };
    }
    if (!id) {
      const { os_hidden: hidden, limit: _, ...wanted } = Object.fromEntries(url.searchParams);
      const images = this.images.filter(
        (each) =>
          String(each.os_hidden ?? false) === hidden &&
          Object.entries(wanted).every(([key, value]) => each[key] === value),
      );
      return { status: 200, body: { images } };
    }
    const image = this.images.find((each) => each.id === id);
    if (!image) return { status: 404 };
    if (below === "file" && method === "PUT") {
      this.data.set(id, raw);
      const sha512 = createHash("sha512").update(raw).digest("hex");
      Object.assign(image, { status: "active", size: raw.length, os_hash_algo: "sha512", os_hash_value: sha512 });
      return { status: 204 };
    }
    if (below === "file") return { status: 200, body: this.data.get(id) };
    if (below === "members") return { status: 200, body: { members: [] } };
    if (method === "DELETE") this.images = this.images.filter((each) => each !== image);
    if (method === "DELETE") return { status: 204 };
    for (const { op, path, value } of body ?? []) {
      if (op === "remove") delete image[path.slice(1)];
      else image[path.slice(1)] = value;
    }
    return { status: 200, body: image };
  }
}
