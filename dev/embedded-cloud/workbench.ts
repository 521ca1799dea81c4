/** What both sizes of the embedded cloud start their services with. */
import { appendFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { VisaImageError } from "../../lib/errors";
import { isFree } from "../../lib/verify/instance/ports";
import { call } from "./http";
import { ENVIRONMENT, execute } from "./programs";
import { Service } from "./service";

/** Neutron took four minutes to load where builds left it a tenth of a processor. What ends by itself is seen at once. */
const READY_TIMEOUT_MS = 600_000;

/** Options of {@link Workbench.run}. */
export interface RunOptions {
  /** @default - none beside those of all programs */
  readonly variables?: Readonly<Record<string, string>>;
  /** Exit statuses that are as good as 0. @default none */
  readonly accept?: readonly number[];
}

/** Somebody has taken a port between our look and the service's bind. */
export class PortTaken extends VisaImageError {}

/** Files, services and commands of one cloud's folder. */
export class Workbench {
  /** The command by which a program enters the cloud's namespaces; empty where it has none. */
  enter: readonly string[] = [];
  /** What ended one of several things that are done at a time: the others start nothing more. */
  private failed: unknown;

  constructor(
    readonly folder: string,
    readonly say: (line: string) => void,
  ) {}

  /** A service by its name, started or not. */
  service(name: string): Service {
    return new Service(name, this.folder);
  }

  /**
   * Does several things at a time, and returns when all of them have ended: where one fails, whoever stops the services has
   * nothing starting behind it.
   *
   * @throws what the first one that failed has thrown
   */
  async together<T extends readonly unknown[]>(...things: { [I in keyof T]: Promise<T[I]> }): Promise<T> {
    for (const thing of things) {
      thing.catch((error: unknown) => {
        this.failed ??= error;
      });
    }
    await Promise.allSettled(things);
    return Promise.all(things) as unknown as Promise<T>;
  }

  /** What failed is of the past: services are started anew. */
  begin(): void {
    this.failed = undefined;
  }

  private goOn(): void {
    if (this.failed !== undefined) throw this.failed;
  }

  /** Starts a service, in the cloud's namespaces where it has them. */
  async start(
    name: string,
    command: readonly string[],
    variables: Readonly<Record<string, string>> = {},
    enter = this.enter,
  ): Promise<void> {
    this.goOn();
    await this.service(name).start(command, { ...ENVIRONMENT, HOME: this.folder, ...variables }, enter);
  }

  /** Runs one of the services' own commands; its output goes to log/setup.log, and into the error where it fails. */
  async run(program: string, args: readonly string[], { variables, accept = [] }: RunOptions = {}): Promise<void> {
    this.goOn();
    const [first, ...others] = [...this.enter, program, ...args];
    const environment = { ...ENVIRONMENT, HOME: this.folder, ...variables };
    const { status, output } = await execute(first as string, others, environment);
    const log = join(this.folder, "log/setup.log");
    await appendFile(log, `$ ${program} ${args.join(" ")}\n${output}\n`, { mode: 0o600 });
    if (status !== 0 && !accept.includes(Number(status))) {
      const lines = indent(output.trimEnd().split("\n").slice(-8).join("\n"));
      throw new VisaImageError(`${program} failed (${status}); its log: ${log}\n${lines}`);
    }
  }

  /** Writes a file by rename, so that a reader sees the old or the new one, never half of one. */
  async write(path: string, text: string): Promise<void> {
    const file = join(this.folder, path);
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }

  /**
   * Waits until a service's API answers: not for its port alone, which uWSGI binds before it has loaded anything.
   *
   * @throws PortTaken where its port was taken before it could bind it
   * @throws VisaImageError where it ended, or does not answer in time
   */
  async ready(name: string, url: string): Promise<void> {
    const port = Number(new URL(url).port);
    const what = `answer on ${url}`;
    await this.until(
      name,
      what,
      async () => {
        const answer = await call("GET", url, { timeoutMs: 10_000 }).catch(() => undefined);
        return answer !== undefined && [200, 300].includes(answer.status);
      },
      // Where there are namespaces the port is the relay's, on this side of them.
      async () => this.enter.length === 0 && !(await isFree(port)),
    );
  }

  /** Waits until something holds of a service. @throws as {@link ready} */
  async until(
    name: string,
    what: string,
    holds: () => Promise<boolean>,
    portTaken: () => Promise<boolean> = async () => false,
  ): Promise<void> {
    const service = this.service(name);
    for (const deadline = Date.now() + READY_TIMEOUT_MS; ; this.goOn()) {
      const processes = await service.inspect();
      if (processes.state !== "running") {
        const lines = await service.lastLines(40);
        if (/address already in use/i.test(lines) || (await portTaken())) {
          throw new PortTaken(`${name}: its port was taken meanwhile`);
        }
        const message = processes.state === "crashed" ? processes.message : `${name} did not start`;
        throw new VisaImageError(`${message}\n${indent(await service.lastLines())}`);
      }
      if (await holds()) return;
      if (Date.now() > deadline) {
        throw new VisaImageError(
          `${name} does not ${what} after ${READY_TIMEOUT_MS / 1000} s; its log: ${service.log}\n` +
            indent(await service.lastLines()),
        );
      }
      // Each look goes through all of the machine's processes.
      await sleep(300);
    }
  }
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  | ");
}
