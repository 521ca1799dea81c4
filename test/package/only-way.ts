/** A machine whose only way leads to some ports of this one: a network namespace without a route, and a relay. */
import { spawn } from "node:child_process";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";

/** How a command ended. */
export interface Ended {
  readonly status: number | null;
  readonly text: string;
}

/**
 * Runs in the namespace: what connects to a port of its loopback gets to the socket of that number, which is a file, and
 * leads out of it. Then the command.
 */
const INSIDE = `
const { createServer, connect } = require("node:net");
const { spawn } = require("node:child_process");
const [folder, ports, ...command] = process.argv.slice(1);
const listening = ports.split(",").filter(Boolean).map((port) => new Promise((done) => {
  const server = createServer((from) => {
    const to = connect(folder + "/" + port);
    from.pipe(to).pipe(from);
    for (const one of [from, to]) one.on("error", () => { from.destroy(); to.destroy(); });
  });
  server.unref();
  server.listen(Number(port), "127.0.0.1", done);
}));
Promise.all(listening).then(() => {
  const child = spawn(command[0], command.slice(1), { stdio: "inherit" });
  child.on("exit", (code, signal) => process.exit(signal ? 1 : code));
});
`;

/** The way to ports of this machine's loopback. */
export class OnlyWay {
  private readonly servers: Server[] = [];

  /** @param folder an empty one, with a path that is short enough for a socket */
  constructor(
    private readonly folder: string,
    private readonly ports: readonly number[] = [],
  ) {}

  /** Listens for the namespaces. */
  async open(): Promise<void> {
    for (const port of this.ports) {
      const server = createServer((from) => {
        const to = connect(port, "127.0.0.1");
        from.pipe(to).pipe(from);
        for (const one of [from, to]) {
          one.on("error", () => {
            from.destroy();
            to.destroy();
          });
        }
      });
      this.servers.push(server);
      await new Promise<void>((done) => server.listen(join(this.folder, String(port)), done));
    }
  }

  /** Ends the way. */
  async close(): Promise<void> {
    await Promise.all(this.servers.splice(0).map((server) => new Promise((done) => server.close(done))));
  }

  /** Runs a command that has no other way; fails where there is a route. */
  run(folder: string, env: NodeJS.ProcessEnv, ...command: string[]): Promise<Ended> {
    const shell = 'test -z "$(tail -n +2 /proc/net/route)" && ip link set lo up && exec "$@"';
    const relay = [process.execPath, "-e", INSIDE, this.folder, this.ports.join(","), ...command];
    const args = ["--map-root-user", "--net", "sh", "-c", shell, "sh", ...relay];
    const child = spawn("unshare", args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        text += chunk;
      });
    }
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status) => resolve({ status, text }));
    });
  }
}
