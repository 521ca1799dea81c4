/** A peer on loopback for the clients under test; it and its connections end with each test. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await stopListening();
});

/** Ends what listens; connections that stand stay. */
export async function stopListening(): Promise<void> {
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
}

/** Listens on a free port of loopback. */
export async function listen(connection: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    connection(socket);
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return (server.address() as AddressInfo).port;
}
