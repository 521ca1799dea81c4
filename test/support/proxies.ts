/** What stands between a client and a cloud: a proxy as sites have one, and TLS in front of a server. */
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { createServer as createSecureServer, type ServerOptions } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";

/** A server that runs. */
export interface Running {
  readonly port: number;
  close(): Promise<void>;
}

/** A proxy, and the hosts that it was asked for, as `host:port`. */
export interface SiteProxy extends Running {
  readonly asked: string[];
}

/**
 * A proxy for HTTP and, by CONNECT, for all else. It alone knows the host `cloud.test`, which is this machine: this machine
 * itself is asked by nobody through a proxy.
 *
 * @param login `name:password` that it asks for @default - it takes everyone
 */
export async function startProxy(login?: string): Promise<SiteProxy> {
  const asked: string[] = [];
  const allowed = ({ headers }: IncomingMessage) =>
    !login || headers["proxy-authorization"] === `Basic ${Buffer.from(login).toString("base64")}`;
  const place = (host: string) => (host === "cloud.test" ? "127.0.0.1" : host);
  const server = createServer((request, response) => {
    const { hostname, port, pathname, search, host } = new URL(request.url as string);
    asked.push(host);
    if (!allowed(request)) return void response.writeHead(407).end();
    const { method, headers } = request;
    const onward = httpRequest({ host: place(hostname), port: port || 80, path: pathname + search, method, headers });
    onward.on("response", (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 0, answer.headers)));
    onward.on("error", () => response.writeHead(502).end());
    request.pipe(onward);
  });
  server.on("connect", (request, client: Socket) => {
    asked.push(request.url as string);
    if (!allowed(request)) return void client.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    const [host, port] = (request.url as string).split(":") as [string, string];
    const onward = connect(Number(port), place(host), () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.pipe(client).pipe(onward);
    });
    onward.on("error", () => client.destroy());
    client.on("error", () => onward.destroy());
  });
  return { asked, ...(await running(server)) };
}

/**
 * TLS in front of a server of this machine.
 *
 * @param rewrite changes a text that it answers, the addresses in Keystone's catalog for example @default - nothing
 */
export async function startTls(
  target: { readonly port: number },
  options: ServerOptions,
  rewrite: (text: string) => string = (text) => text,
): Promise<Running> {
  const server = createSecureServer(options, (request, response) => {
    const { method, url: path, headers } = request;
    const onward = httpRequest({ host: "127.0.0.1", port: target.port, method, path, headers });
    onward.on("response", async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = Buffer.from(rewrite(Buffer.concat(chunks).toString("latin1")), "latin1");
      const { "transfer-encoding": _, "content-length": __, ...others } = answer.headers;
      response.writeHead(answer.statusCode ?? 0, { ...others, "content-length": body.length }).end(body);
    });
    onward.on("error", () => response.writeHead(502).end());
    request.pipe(onward);
  });
  return running(server);
}

/** Starts to listen on a free port of 127.0.0.1. */
export async function running(server: Server): Promise<Running> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
