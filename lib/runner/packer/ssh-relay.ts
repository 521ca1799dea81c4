/**
 * Stands between Packer and a guest's SSH, and lets Packer through as soon as the guest answers. Packer 1.6.6 by itself
 * looks every seven seconds, and QEMU takes its connection whether there is a guest behind it or not.
 */
import { connect, createServer, type Socket } from "node:net";

/** Where Packer finds the relay: loopback too, and not the address at which QEMU forwards the same port. */
export const RELAY_ADDRESS = "127.0.0.2";
/** How long after one that was refused the next connection is tried. */
const REFUSED_MS = 200;
/** How long after one that is silent; it is kept, for an emulated guest may take its time to greet. */
const SILENT_MS = 1500;
const GREETING_MS = 6000;

/**
 * What the guest does with a connection: one that is not on the network leaves it open and silent, one that refuses it has
 * it closed.
 */
export type SshAnswer = "silent" | "refused" | "greets";

/** A relay that is open. */
export interface SshRelay {
  /** Ends it, with all its connections. */
  close(): void;
}

/**
 * Opens a relay to a port of 127.0.0.1 at the same port of its own address.
 *
 * @param onAnswer called with each answer of the guest
 * @param onError called where the port cannot be had
 */
export function relaySsh(
  port: number,
  onAnswer: (answer: SshAnswer) => void,
  onError: (error: Error) => void,
): SshRelay {
  const open = new Set<Socket>();
  const keep = (socket: Socket) => {
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => open.delete(socket));
    return socket;
  };
  const server = createServer((client) => {
    keep(client);
    const said: Buffer[] = [];
    const listen = (chunk: Buffer) => said.push(chunk);
    client.on("data", listen);
    const search = findGuest(
      () => keep(connect({ host: "127.0.0.1", port })),
      onAnswer,
      (guest) => {
        client.off("data", listen);
        for (const chunk of said) guest.write(chunk);
        client.pipe(guest);
        guest.pipe(client);
        client.once("close", () => guest.destroy());
        guest.once("close", () => client.destroy());
      },
    );
    client.once("close", search.stop);
  });
  server.on("error", onError);
  server.listen(port, RELAY_ADDRESS);
  return {
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Connects again and again until the guest greets. */
function findGuest(
  dial: () => Socket,
  onAnswer: (answer: SshAnswer) => void,
  onFound: (guest: Socket) => void,
): { stop(): void } {
  const tried = new Set<Socket>();
  let next: NodeJS.Timeout | undefined;
  const stop = () => {
    clearTimeout(next);
    for (const socket of tried) socket.destroy();
    tried.clear();
  };
  const again = (ms: number) => {
    clearTimeout(next);
    next = setTimeout(attempt, ms);
  };
  const attempt = () => {
    const socket = dial();
    tried.add(socket);
    again(SILENT_MS);
    const failed = (answer: SshAnswer) => {
      if (!tried.delete(socket)) return;
      socket.destroy();
      onAnswer(answer);
      if (answer === "refused") again(REFUSED_MS);
    };
    socket.setTimeout(GREETING_MS, () => failed("silent"));
    socket.once("end", () => failed("refused"));
    socket.once("close", () => failed("refused"));
    socket.once("data", (greeting) => {
      tried.delete(socket);
      socket.setTimeout(0);
      socket.pause();
      socket.unshift(greeting);
      stop();
      onAnswer("greets");
      onFound(socket);
    });
  };
  attempt();
  return { stop };
}
