import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { relayAddress, relaySsh, type SshAnswer, type SshRelay } from "../../../lib/runner/packer/ssh-relay";

const ADDRESS = relayAddress();
const GREETING = "SSH-2.0-guest\r\n";
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A guest behind QEMU's port, which does with each connection what it is told last. */
async function guest(): Promise<{
  port: number;
  behave: (now: (socket: Socket) => void) => void;
  sockets: Set<Socket>;
}> {
  let behaviour: (socket: Socket) => void = () => {};
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    behaviour(socket);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  ends.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as { port: number }).port, behave: (now) => (behaviour = now), sockets };
}

async function relay(
  port: number,
  unansweredMs?: number,
): Promise<{ answers: SshAnswer[]; errors: Error[]; relay: SshRelay }> {
  const answers: SshAnswer[] = [];
  const errors: Error[] = [];
  const opened = relaySsh(port, {
    address: ADDRESS,
    onAnswer: (answer) => answers.push(answer),
    onError: (error) => errors.push(error),
    unansweredMs,
  });
  ends.push(() => opened.close());
  await sleep(50);
  return { answers, errors, relay: opened };
}

function packer(port: number): { socket: Socket; said: () => string; closed: Promise<void> } {
  const socket = connect({ host: ADDRESS, port });
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  socket.on("error", () => {});
  const closed = new Promise<void>((done) => socket.once("close", () => done()));
  socket.write("SSH-2.0-packer\r\n");
  return { socket, said: () => text, closed };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await sleep(50);
  expect(condition()).toBe(true);
}

const echo = (socket: Socket) => {
  socket.write(GREETING);
  socket.on("data", (chunk) => socket.write(`<${chunk}>`));
};

test("holds Packer until the guest greets, and then hands over everything both ways", async () => {
  const { port, behave, sockets } = await guest();
  const { answers } = await relay(port);
  behave((socket) => socket.destroy());
  const { socket, said, closed } = packer(port);
  await until(() => answers.length >= 2);
  expect(new Set(answers)).toEqual(new Set(["refused"]));
  expect(said()).toBe("");
  behave(echo);
  await until(() => said().includes("packer"));
  expect(said()).toBe(`${GREETING}<SSH-2.0-packer\r\n>`);
  expect(answers.at(-1)).toBe("greets");
  socket.write("more");
  await until(() => said().endsWith("<more>"));
  expect(sockets.size).toBe(1);
  for (const own of sockets) own.end();
  await closed;
});

test("does not wait for a connection that was made before the guest was on the network", async () => {
  const { port, behave } = await guest();
  const { answers } = await relay(port);
  const { said } = packer(port);
  await sleep(200);
  behave(echo);
  await until(() => said().startsWith(GREETING));
  expect(answers).toEqual(["greets"]);
});

test("stops looking when Packer has gone, and leaves nothing open when it is closed", async () => {
  const { port, behave, sockets } = await guest();
  const opened = await relay(port);
  const first = packer(port);
  await until(() => sockets.size === 1);
  first.socket.destroy();
  await until(() => sockets.size === 0);
  await sleep(1700);
  expect(sockets.size).toBe(0);
  behave(echo);
  const second = packer(port);
  await until(() => second.said().includes("packer"));
  opened.relay.close();
  await second.closed;
  await until(() => sockets.size === 0);
  expect(opened.errors).toEqual([]);
});

test("says so where its port is taken", async () => {
  const { port } = await guest();
  const { errors } = await relay(port);
  const other = await relay(port);
  expect(errors).toEqual([]);
  expect(other.errors[0]?.message).toContain("EADDRINUSE");
});

test("each run has an address of its own, on loopback", () => {
  const addresses = Array.from({ length: 50 }, relayAddress);
  expect(new Set(addresses).size).toBeGreaterThan(45);
  for (const address of addresses) expect(address).toMatch(/^127\.\d+\.\d+\.\d+$/);
  expect(addresses).not.toContain("127.0.0.1");
});

describe("a guest that has started anew", () => {
  /** Takes what it is sent, and answers nothing: as what was taken in by a system that is no more. */
  const swallow = (socket: Socket) => {
    socket.write(GREETING);
    socket.resume();
  };

  test("is known by QEMU: the connection that it has forgotten is ended, and the next one gets through", async () => {
    const { port, behave } = await guest();
    const { relay: opened } = await relay(port);
    behave(swallow);
    const first = packer(port);
    await until(() => first.said() === GREETING);
    behave(echo);
    opened.restarted();
    await first.closed;
    const second = packer(port);
    await until(() => second.said().includes("packer"));
    opened.restarted();
    await second.closed;
  });

  test("does not cost the connection that waits for its greeting", async () => {
    const { port, behave, sockets } = await guest();
    const { relay: opened } = await relay(port);
    const { said } = packer(port);
    await until(() => sockets.size === 1);
    behave(echo);
    opened.restarted();
    await until(() => said().includes("packer"));
    expect(sockets.size).toBe(1);
  });

  test("is known by itself: what was sent stays unanswered, and another connection is greeted", async () => {
    const { port, behave, sockets } = await guest();
    await relay(port, 300);
    behave(swallow);
    const first = packer(port);
    await until(() => first.said() === GREETING);
    await first.closed;
    await until(() => sockets.size === 0);
  });

  test("is not taken for one that says nothing for a while: a guest that greets nobody keeps its connection", async () => {
    const { port, behave } = await guest();
    await relay(port, 300);
    let answer = () => {};
    behave((socket) => {
      socket.write(GREETING);
      socket.once("data", () => {
        answer = () => socket.write("late");
      });
    });
    const { said, socket } = packer(port);
    await until(() => said() === GREETING);
    behave((refused) => refused.destroy());
    await sleep(1500);
    expect(socket.destroyed).toBe(false);
    answer();
    await until(() => said().endsWith("late"));
    behave(swallow);
    await sleep(800);
    // It has answered: there is nothing to look for.
    expect(socket.destroyed).toBe(false);
  });
});
