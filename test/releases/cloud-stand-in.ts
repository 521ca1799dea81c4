/** Keystone, Glance and Nova for what real ones cannot be made to show here: servers, 403, 409, 500. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** An image, by its properties. */
export type StandInImage = Record<string, unknown> & { id: string };

/** What Nova answers: nothing where it is not in the catalog. */
export interface StandInNova {
  /** Ids of servers by id of the image. */
  readonly servers: Readonly<Record<string, readonly string[]>>;
  /** Whether the user may see the servers of other projects. */
  readonly administrator: boolean;
  /** Servers in Nova's words, in the list of all: from a volume, of another project, … @default none */
  readonly more?: readonly (Readonly<Record<string, unknown>> & { readonly id: string })[];
  /** Servers of one page, whatever is asked for: Nova's `max_limit`. @default 1000 */
  readonly page?: number;
  readonly broken?: boolean;
}

interface Answer {
  readonly status: number;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, where there is no body. */
  readonly text?: string;
  readonly headers?: object;
}

/** A cloud on loopback. */
export class CloudStandIn {
  readonly images = new Map<string, StandInImage>();
  /** Requests that change something. */
  readonly changes: string[] = [];
  /** Images that Glance calls in use. */
  readonly busy = new Set<string>();
  /** What images hold, by their ids: of those that were made here. */
  readonly data = new Map<string, string>();
  /** Projects that an image is shared with. */
  readonly members = new Map<string, readonly object[]>();
  nova?: StandInNova;
  /** What Nova was asked for. */
  readonly asked: string[] = [];
  /** Called before Nova answers the so manieth question. */
  onAsked: (count: number) => void = () => {};
  private made = 0;
  private readonly server: Server;

  constructor() {
    this.server = createServer(async (request, response) => {
      const { status, body, headers, text = "" } = this.answer(request, await read(request));
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(body === undefined ? text : JSON.stringify(body));
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Variables to sign in with. */
  get environment(): Record<string, string> {
    return { OS_AUTH_URL: `${this.url}/v3`, OS_USERNAME: "u", OS_PASSWORD: "p", OS_PROJECT_NAME: "p" };
  }

  private get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Makes an image that has no data yet. */
  private create(values: object): StandInImage {
    const id = `00000000-0000-4000-8000-${String(++this.made).padStart(12, "0")}`;
    const image = { id, status: "queued", protected: false, created_at: "2026-11-01T00:00:00Z", ...values };
    this.images.set(id, image);
    return image;
  }

  private answer(request: IncomingMessage, body: string): Answer {
    const { method = "" } = request;
    const url = new URL(request.url ?? "", this.url);
    const [, , , id = "", below] = url.pathname.split("/");
    if (url.pathname === "/v3/auth/tokens") {
      return { status: 201, body: { token: this.token() }, headers: { "x-subject-token": "t" } };
    }
    if (url.pathname.startsWith("/nova/servers")) {
      this.asked.push(`${url.pathname}${url.search}`);
      this.onAsked(this.asked.length);
      return url.pathname.endsWith("/detail") ? this.serverPage(url) : this.servers(url);
    }
    if (below === "members") return { status: 200, body: { members: this.members.get(id) ?? [] } };
    if (method !== "GET") this.changes.push(`${method} ${id} ${body}`.trim());
    const image = this.images.get(id);
    if (id && !image) return { status: 404 };
    if (method === "POST") return { status: 201, body: this.create(JSON.parse(body)) };
    if (below === "file" && method === "PUT" && image) {
      this.data.set(id, body);
      image.status = "active";
      return { status: 204 };
    }
    if (below === "file") return { status: 200, text: this.data.get(id) ?? "" };
    if (method === "PATCH" && image) {
      for (const { op, path, value } of JSON.parse(body)) {
        if (op === "remove") delete image[path.slice(1)];
        else image[path.slice(1)] = value;
      }
      return { status: 200, body: image };
    }
    if (method === "DELETE" && image) {
      if (image.protected) return { status: 403, body: { message: "protected" } };
      if (this.busy.has(id)) return { status: 409 };
      this.images.delete(id);
      return { status: 204 };
    }
    return { status: 200, body: image ?? this.page(url) };
  }

  /** One image per page, so that paging is seen. */
  private page(url: URL): unknown {
    const hidden = url.searchParams.get("os_hidden") === "true";
    const wanted = ["visa_image", "visa_release", "visa_fingerprint", "name"].flatMap((name) => {
      const value = url.searchParams.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    const images = [...this.images.values()].filter(
      (each) => each.os_hidden === hidden && wanted.every(([name, value]) => each[name] === value),
    );
    const index = images.findIndex((each) => each.id === url.searchParams.get("marker")) + 1;
    const next = new URLSearchParams(url.searchParams);
    next.set("marker", images[index]?.id ?? "");
    return { images: images.slice(index, index + 1), ...(index + 1 < images.length && { next: `/v2/images?${next}` }) };
  }

  private servers(url: URL): Answer {
    if (!this.nova || this.nova.broken) return { status: 500 };
    if (url.searchParams.has("all_tenants") && !this.nova.administrator) return { status: 403 };
    const image = url.searchParams.get("image") ?? "";
    const more = (this.nova.more ?? []).filter((each) => (each.image as { id?: string } | undefined)?.id === image);
    const ids = [...(this.nova.servers[image] ?? []), ...more.map(({ id }) => id)];
    return { status: 200, body: { servers: ids.map((id) => ({ id })) } };
  }

  /** As Nova pages: its link names an address of its own, which is not reached from here; an unknown marker is a 400. */
  private serverPage(url: URL): Answer {
    if (!this.nova || this.nova.broken) return { status: 500 };
    const all = url.searchParams.has("all_tenants");
    if (all && !this.nova.administrator) return { status: 403 };
    const { servers, more = [], page = 1000 } = this.nova;
    const own = { status: "ACTIVE", created: "2026-11-01T00:00:00Z", tenant_id: "p" };
    const listed = Object.entries(servers).flatMap(([image, ids]) =>
      ids.map((id) => ({ id, name: `VISA-${id}`, ...own, image: { id: image } })),
    );
    const found = [...listed, ...more.map((each) => ({ ...own, ...each }))].filter(
      (each) => all || each.tenant_id === "p",
    );
    const marker = url.searchParams.get("marker");
    const start = found.findIndex(({ id }) => id === marker) + 1;
    if (marker && start === 0)
      return { status: 400, body: { badRequest: { message: `marker [${marker}] not found` } } };
    const end = start + Math.min(page, Number(url.searchParams.get("limit")));
    const links = [{ rel: "next", href: `http://nova.internal:8774/v2.1/servers/detail?marker=${found[end - 1]?.id}` }];
    return {
      status: 200,
      body: { servers: found.slice(start, end), ...(end < found.length && { servers_links: links }) },
    };
  }

  private token(): object {
    const service = (type: string, path: string) => ({
      type,
      endpoints: [{ interface: "public", region: "r", url: `${this.url}${path}` }],
    });
    const catalog = [service("image", ""), ...(this.nova ? [service("compute", "/nova")] : [])];
    return { catalog, project: { id: "p" } };
  }
}

async function read(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}
