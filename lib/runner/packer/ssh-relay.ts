/**
 * Stands between Packer and a guest's SSH, and lets Packer through as soon as the guest answers. Packer 1.6.6 by itself
 * looks every seven seconds, and QEMU takes its connection whether there is a guest behind it or not.
 */
import { randomInt } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";

/**
 * An address for a relay: loopback too, and not the one at which QEMU forwards the same port. Another one for each run,
 * since Packer takes whoever answers for its guest: no other user of this machine can wait at all of them.
 */
export function relayAddress(): string {
  return `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`;
}

/** How long after one that was refused the next connection is tried. */
const REFUSED_MS = 200;
/** How long after one that is silent; it is kept, for an emulated guest may take its time to greet. */
const SILENT_MS = 1500;
const GREETING_MS = 6000;
/**
 * How long the guest may leave what Packer sent unanswered before it is looked for anew. Packer asks for a sign of life
 * every five seconds by itself, and waits for ever for the answer.
 */
const UNANSWERED_MS = 60_000;

/**
 * What the guest does with a connection: one that is not on the network leaves it open and silent, one that refuses it has
 * it closed.
 */
export type SshAnswer = "silent" | "refused" | "greets";

/** A relay that is open. */
export interface SshRelay {
  /** The guest starts anew: ends the connections that it has forgotten, so that Packer makes new ones. */
  restarted(): void;
  /** Ends it, with all its connections. */
  close(): void;
}

/** Options of {@link relaySsh}. */
export interface SshRelayOptions {
  /** Its own: {@link relayAddress}. */
  readonly address: string;
  /** Called with each answer of the guest. */
  readonly onAnswer: (answer: SshAnswer) => void;
  /** Called where the port cannot be had. */
  readonly onError: (error: Error) => void;
  /** In milliseconds, for tests. @default 60000 */
  readonly unansweredMs?: number;
}

/** Opens a relay to a port of 127.0.0.1 at the same port of its own address. */
export function relaySsh(port: number, options: SshRelayOptions): SshRelay {
  const { address, onAnswer, onError, unansweredMs = UNANSWERED_MS } = options;
  const open = new Set<Socket>();
  /** What to do, for each client of Packer's, where the guest starts anew. */
  const restarts = new Map<Socket, () => void>();
  const keep = (socket: Socket) => {
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => open.delete(socket));
    return socket;
  };
  const dial = () => keep(connect({ host: "127.0.0.1", port }));
  const server = createServer((client) => {
    keep(client);
    const said: Buffer[] = [];
    const listen = (chunk: Buffer) => said.push(chunk);
    client.on("data", listen);
    const search = findGuest(dial, onAnswer, (guest) => {
      client.off("data", listen);
      restarts.set(client, () => client.destroy());
      const stop = watchSilence(client, guest, dial, unansweredMs);
      for (const chunk of said) guest.write(chunk);
      client.pipe(guest);
      guest.pipe(client);
      client.once("close", () => guest.destroy());
      guest.once("close", () => {
        stop();
        client.destroy();
      });
    });
    restarts.set(client, search.again);
    client.once("close", () => {
      restarts.delete(client);
      search.stop();
    });
  });
  server.on("error", onError);
  server.listen(port, address);
  return {
    restarted() {
      for (const restart of restarts.values()) restart();
    },
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/**
 * Ends a client's connection that the guest knows nothing of any more: what was sent stays unanswered, while the guest
 * greets on a new one. A guest that was started anew without QEMU's doing (kexec) tells nobody, and where it had taken
 * all that was sent before, nothing is sent again that it could refuse.
 *
 * @returns a function that ends the watch
 */
function watchSilence(client: Socket, guest: Socket, dial: () => Socket, unansweredMs: number): () => void {
  let unanswered: NodeJS.Timeout | undefined;
  let search: { stop(): void } | undefined;
  const stop = () => {
    clearTimeout(unanswered);
    search?.stop();
    unanswered = search = undefined;
  };
  const look = () => {
    search = findGuest(
      dial,
      () => {},
      (another) => {
        another.destroy();
        client.destroy();
      },
    );
  };
  const sent = () => {
    unanswered ??= setTimeout(look, unansweredMs);
  };
  // Packer greets too, whoever is first.
  sent();
  client.on("data", sent);
  // The guest's greeting is no answer.
  guest.once("data", () => guest.on("data", stop));
  return stop;
}

/** Connects again and again until the guest greets. */
function findGuest(
  dial: () => Socket,
  onAnswer: (answer: SshAnswer) => void,
  onFound: (guest: Socket) => void,
): { stop(): void; again(): void } {
  const tried = new Set<Socket>();
  let next: NodeJS.Timeout | undefined;
  let ended = false;
  const forget = () => {
    clearTimeout(next);
    for (const socket of tried) socket.destroy();
    tried.clear();
  };
  const stop = () => {
    ended = true;
    forget();
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
  return {
    stop,
    /** Begins anew, with a guest that knows nothing of what was tried. */
    again() {
      if (ended) return;
      forget();
      attempt();
    },
  };
}
