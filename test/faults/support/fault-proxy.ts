/** A proxy in front of one service of the cloud, for what the real service cannot be made to do. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request as newRequest, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What is done to a request. */
export interface Fault {
  /** Which ones: method and path, as in `PUT /v2/images/<id>/file`. */
  readonly on: RegExp;
  /** How many of them. @default all until the next fault */
  readonly times?: number;
  /** Done before the service sees anything of it. */
  readonly before?: (request: IncomingMessage) => Promise<unknown>;
  /** The status that is answered; the service sees nothing. */
  readonly answer?: number;
  /** Bytes of the body that are passed on before the next two. @default 1 */
  readonly after?: number;
  /** Done there; the rest of the body waits. */
  readonly midway?: (request: IncomingMessage) => Promise<unknown>;
  /** Ends both connections there. */
  readonly cut?: boolean;
}

/** Passes requests on to a service, but for the fault of the moment. */
export class FaultProxy {
  private readonly server: Server;
  private readonly target: URL;
  private port = 0;
  private fault?: { readonly fault: Fault; left: number; readonly hit: (request: IncomingMessage) => void };

  /** @param target origin of the service */
  constructor(target: string) {
    this.target = new URL(target);
    this.server = createServer((request, response) => {
      this.serve(request, response).catch(() => response.destroy());
    });
  }

  /** Its origin, the same for all of its life. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Begins to listen, or does so again. */
  async up(): Promise<void> {
    await new Promise<void>((listening, failed) => {
      this.server.once("error", failed);
      this.server.listen(this.port, "127.0.0.1", listening);
    });
    this.port = (this.server.address() as AddressInfo).port;
  }

  /** Refuses connections, and ends those that there are. */
  async down(): Promise<void> {
    const closed = new Promise((done) => this.server.close(done));
    this.server.closeAllConnections();
    await closed;
  }

  /** From now on. @returns the first request that it is done to */
  inject(fault: Fault): Promise<IncomingMessage> {
    return new Promise((hit) => {
      this.fault = { fault, left: fault.times ?? Number.POSITIVE_INFINITY, hit };
    });
  }

  /** Passes everything on again. */
  heal(): void {
    this.fault = undefined;
  }

  private take(request: IncomingMessage): Fault | undefined {
    const { fault: current } = this;
    if (!current || current.left === 0 || !current.fault.on.test(`${request.method} ${request.url}`)) return undefined;
    current.left -= 1;
    current.hit(request);
    return current.fault;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = this.take(request);
    await fault?.before?.(request);
    if (fault?.answer) {
      // A client that still sends would only see its connection end.
      for await (const _ of request);
      response.writeHead(fault.answer, { "content-type": "text/plain" });
      response.end(`the proxy says ${fault.answer}`);
      return;
    }
    const { method, headers, url: path } = request;
    const { hostname, port } = this.target;
    const upstream = newRequest({ hostname, port, method, path, headers, agent: false });
    upstream.on("response", (incoming) => {
      response.writeHead(incoming.statusCode ?? 502, incoming.headers);
      incoming.pipe(response);
    });
    upstream.on("error", () => response.destroy());
    response.once("close", () => upstream.destroy());
    const gone = new Promise((closed) => upstream.once("close", closed));
    let passed = 0;
    let acted = !fault?.midway && !fault?.cut;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (!upstream.write(chunk)) await Promise.race([once(upstream, "drain"), gone]);
      passed += chunk.length;
      if (acted || passed < (fault?.after ?? 1)) continue;
      acted = true;
      await fault?.midway?.(request);
      if (!fault?.cut) continue;
      upstream.destroy();
      response.destroy();
      return;
    }
    upstream.end();
  }
}
