/** Looks at an instance's ports from here, as VISA's API server does from its own address, and remembers when each answered first. */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type InstanceState, portOf, stateByPorts, type VisaProtocol } from "../../visa-protocols";

/** VISA looks each minute; this wants to know when. */
const PAUSE_MS = 1000;
/** What a dropped packet costs: a port that a security group shuts does not answer at all. */
const TIMEOUT_MS = 3000;

/** Whether a port takes a connection within a few seconds. */
export function answers(host: string, port: number, timeoutMs = TIMEOUT_MS): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.setTimeout(timeoutMs, () => end(false));
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}

/** A state that an instance came into. */
export interface StateSince {
  readonly state: InstanceState;
  /** Since the request. */
  readonly seconds: number;
}

/** Looks until all ports have answered, or {@link PortWatch.stop}. */
export class PortWatch {
  /** When each port answered first, in seconds since the request. */
  readonly opened = new Map<number, number>();
  /** The states that VISA would have shown. */
  readonly states: StateSince[] = [];
  private stopped = false;

  /**
   * @param since `performance.now()` of the request for the instance
   * @param look whether a port answers @default - {@link answers}
   */
  constructor(
    host: string,
    private readonly protocols: readonly VisaProtocol[],
    private readonly since: number,
    look: (host: string, port: number) => Promise<boolean> = answers,
  ) {
    this.watch((port) => look(host, port)).catch(() => {});
  }

  get state(): InstanceState {
    return this.states.at(-1)?.state ?? "STARTING";
  }

  stop(): void {
    this.stopped = true;
  }

  private async watch(look: (port: number) => Promise<boolean>): Promise<void> {
    const ports = this.protocols.map(portOf);
    this.note(() => false);
    while (!this.stopped && this.state !== "ACTIVE") {
      const open = await Promise.all(ports.map(look));
      for (const [index, port] of ports.entries()) {
        if (open[index] && !this.opened.has(port)) this.opened.set(port, this.seconds());
      }
      this.note((port) => open[ports.indexOf(port)] === true);
      await sleep(PAUSE_MS);
    }
  }

  private note(open: (port: number) => boolean): void {
    const state = stateByPorts(this.protocols, open);
    if (state !== this.states.at(-1)?.state) this.states.push({ state, seconds: this.seconds() });
  }

  private seconds(): number {
    return (performance.now() - this.since) / 1000;
  }
}
