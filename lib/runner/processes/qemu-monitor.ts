/** QEMU's monitor (QMP) over a Unix socket: one command at a time. */
import { connect, type Socket } from "node:net";
import { VisaImageError } from "../../errors";
import { readMessages } from "../output/lines";

/** In bytes; QEMU's answers are much shorter. */
const LONGEST_ANSWER = 1 << 20;

/** QEMU said no, in its own words. */
export class MonitorRefusal extends VisaImageError {}

/** What QEMU says unasked: `SHUTDOWN`, `RESET` and their like. */
export interface MonitorEvent {
  readonly event: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** A connection to the monitor of a running QEMU. */
export class Monitor {
  private waiting: ((answer: Record<string, unknown>) => void) | undefined;

  private constructor(private readonly socket: Socket) {}

  /**
   * @param onEvent called with what QEMU says unasked
   * @throws VisaImageError where nothing answers at the socket
   */
  static async connect(path: string, onEvent: (event: MonitorEvent) => void = () => {}): Promise<Monitor> {
    const socket = connect(path);
    await new Promise<void>((done, fail) => {
      socket.once("connect", done);
      socket.once("error", (cause) => fail(new VisaImageError(`QEMU's monitor does not answer: ${cause.message}`)));
    });
    socket.on("error", () => {});
    const monitor = new Monitor(socket);
    socket.once("close", () => monitor.waiting?.({ error: { desc: "it has closed the connection" } }));
    readMessages(socket, {
      longest: LONGEST_ANSWER,
      onLine(line) {
        const message = JSON.parse(line) as Record<string, unknown>;
        // Events and the greeting are nobody's answer.
        if ("return" in message || "error" in message) monitor.waiting?.(message);
        else if ("event" in message) onEvent(message as unknown as MonitorEvent);
      },
    });
    await monitor.execute("qmp_capabilities");
    return monitor;
  }

  /** @throws MonitorRefusal with QEMU's own words where it refuses, or answers nothing for 30 seconds */
  async execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const answer = await new Promise<Record<string, unknown>>((done) => {
      const timer = setTimeout(() => done({ error: { desc: "no answer" } }), 30_000);
      this.waiting = (message) => {
        clearTimeout(timer);
        done(message);
      };
      this.socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    });
    this.waiting = undefined;
    const { error } = answer as { error?: { desc: string } };
    if (error) throw new MonitorRefusal(`QEMU refuses "${command}": ${error.desc}`);
    return answer.return;
  }

  /** Calls back once the connection is closed, by whomever. */
  onClose(callback: () => void): void {
    this.socket.once("close", callback);
  }

  /** Closes the connection; QEMU runs on. */
  close(): void {
    this.socket.destroy();
  }
}
