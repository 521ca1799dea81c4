import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { Monitor } from "../../../lib/runner/processes/qemu-monitor";
import { GuestAgent, unixSocket } from "../../../lib/verify/instance/guest-agent";
import { scratchFolder } from "../../support/scratch";

let server: Server | undefined;
let agent: GuestAgent | undefined;
afterEach(() => {
  agent?.close();
  server?.close();
});

/** A guest's end of the port. */
async function guest(onConnection: (socket: Socket) => void): Promise<string> {
  const path = join(scratchFolder(), "agent");
  server = createServer((socket) => {
    socket.on("error", () => {});
    onConnection(socket);
  });
  await new Promise<void>((done) => server?.listen(path, done));
  return path;
}

/** Sends 300 MiB without a line's end. */
async function flood(socket: Socket): Promise<void> {
  const chunk = Buffer.alloc(2 ** 20, "x");
  for (let i = 0; i < 300 && !socket.destroyed; i++) {
    if (!socket.write(chunk)) await new Promise((done) => socket.once("drain", done));
  }
}

test("fails for an answer that does not end, in little memory, and takes the next one", async () => {
  const path = await guest((socket) => {
    let asked = 0;
    socket.on("data", async () => {
      if (++asked === 1) await flood(socket);
      socket.write(`\n${JSON.stringify({ id: 2, code: 0, stdout: "fine", stderr: "" })}\n`);
    });
  });
  agent = new GuestAgent(() => unixSocket(path));
  await agent.open();
  const before = process.memoryUsage().rss;
  await expect(agent.run("one")).rejects.toThrow("the guest's answer is longer than 64 MiB");
  await expect(agent.run("two")).resolves.toMatchObject({ stdout: "fine" });
  expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(200);
});

test("fails at once where the instance ends, and for whatever is asked afterwards", async () => {
  const path = await guest((socket) => socket.on("data", () => socket.destroy()));
  agent = new GuestAgent(() => unixSocket(path));
  await agent.open();
  await expect(agent.run("halt")).rejects.toThrow("the instance has ended");
  await expect(agent.events()).rejects.toThrow("the instance has ended");
});

test("QEMU's monitor: events are nobody's answer, and a refusal has QEMU's words", async () => {
  const path = await guest((socket) => {
    socket.write('{"QMP": {}}\n{"event": "RESET"}\n');
    socket.on("data", (data) => {
      const refused = data.toString().includes("eject");
      socket.write(refused ? '{"error": {"desc": "no such device"}}\n' : '{"return": {}}\n');
    });
  });
  const monitor = await Monitor.connect(path);
  await expect(monitor.execute("cont")).resolves.toEqual({});
  await expect(monitor.execute("eject")).rejects.toThrow('QEMU refuses "eject": no such device');
  monitor.close();
});
