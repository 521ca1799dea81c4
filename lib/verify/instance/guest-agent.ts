/** The other end of guest/agent.py: runs programs on a test instance, as root. */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { VisaImageError } from "../../errors";
import { assetFolder } from "../../package-root";
import { readMessages } from "../../runner/output/lines";

/** In bytes: a journal of one boot, in JSON, is a few MiB. Whatever runs on the guest may write to the port. */
const LONGEST_ANSWER = 64 << 20;

const ENDED = "the instance has ended, and answers nothing any more";

/** A way to the agent: a serial port, or a session of ssh. */
export interface AgentChannel {
  /** What the agent says; closed where its end is gone. */
  readonly output: Readable;
  /** What it is told. */
  readonly input: Writable;
  /** Closes this end. */
  close(): void;
}

/** What a program on the guest did. */
export interface GuestResult {
  /** Exit code; 124 where time was up. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of {@link GuestAgent.run}. */
export interface GuestRunOptions {
  readonly stdin?: string;
  /** @default 60 */
  readonly timeoutSeconds?: number;
}

/** When something was first seen on the guest, in seconds since its boot: `owner`, and the ports `3389`, `4822`, `8888`. */
export type GuestEvents = Readonly<Partial<Record<"owner" | "3389" | "4822" | "8888", number>>>;

/** Text of a file that `visa-image verify` brings to the guest. */
export function guestFile(name: string): string {
  return readFileSync(join(assetFolder(join("verify", "guest")), name), "utf8");
}

/**
 * Vendor data (cloud-init's word for the cloud's own user data, which leaves the image's alone) that start the agent
 * before anything else of the instance's is done.
 *
 * @param before a script that runs as root before that
 */
export function agentVendorData(before = ""): string {
  const script = `set -e
${startOfAgent()}
${before}`;
  // JSON is YAML. cloud-init runs it at each boot.
  return `#cloud-config\n${JSON.stringify({ bootcmd: [["bash", "-c", script]] })}\n`;
}

/** Shell that starts the agent, as early in the boot as it is run. @param args what the agent is told */
export function startOfAgent(...args: readonly string[]): string {
  const agent = Buffer.from(guestFile("agent.py")).toString("base64");
  return `mkdir -p /run/visa-verify
echo ${agent} | base64 --decode > /run/visa-verify/agent.py
systemd-run --quiet --no-block --collect --unit=visa-verify --property=DefaultDependencies=no \\
  ${["python3 /run/visa-verify/agent.py", ...args].join(" ")}`;
}

/** A way to the agent by a Unix socket: QEMU's end of the serial port. */
export async function unixSocket(path: string): Promise<AgentChannel> {
  const socket = connect(path);
  await new Promise<void>((done, fail) => {
    socket.once("connect", done);
    socket.once("error", fail);
  });
  return { output: socket, input: socket, close: () => socket.destroy() };
}

/** The agent of one test instance. */
export class GuestAgent {
  private readonly pending = new Map<number, (answer: Record<string, unknown> | VisaImageError) => void>();
  private channel: AgentChannel | undefined;
  private nextId = 1;
  /** The boot that the agent has said hello from; that before a reboot. */
  private boot: string | undefined;
  private before: string | undefined;
  /** When that boot began, and within how many milliseconds that is known. */
  private began: { readonly at: number; readonly within: number } | undefined;

  /**
   * @param connect opens a way to it
   * @param ended the reason of what is asked after that was closed
   */
  constructor(
    private readonly connect: () => Promise<AgentChannel>,
    private readonly ended = ENDED,
  ) {}

  /** Opens this end; the agent itself may come later. */
  async open(): Promise<void> {
    const channel = await this.connect();
    channel.output.on("error", () => {});
    channel.input.on("error", () => {});
    this.channel = channel;
    channel.output.once("close", () => {
      if (this.channel !== channel) return;
      this.channel = undefined;
      this.boot = undefined;
      this.failAll(this.ended);
    });
    readMessages(channel.output, {
      longest: LONGEST_ANSWER,
      onLine: (line) => this.receive(line),
      onTooLong: () => this.failAll(`the guest's answer is longer than ${LONGEST_ANSWER >> 20} MiB`),
    });
  }

  /** Whether there is a way to it. */
  get connected(): boolean {
    return this.channel !== undefined;
  }

  /** Whether the agent has said hello. */
  get alive(): boolean {
    return this.boot !== undefined;
  }

  /** Before a reboot: from now on only the hello of another boot counts. */
  expectHello(): void {
    this.before = this.boot;
    this.boot = undefined;
    this.began = undefined;
  }

  /** Runs a program with its arguments. A failure of the program is an answer, not an error. */
  async exec(argv: readonly string[], options: GuestRunOptions = {}): Promise<GuestResult> {
    const { timeoutSeconds = 60, stdin = "" } = options;
    const answer = await this.ask({ argv, stdin, timeout: timeoutSeconds }, timeoutSeconds + 30);
    return answer as unknown as GuestResult;
  }

  /** Runs a bash script. */
  run(script: string, options: Omit<GuestRunOptions, "stdin"> = {}): Promise<GuestResult> {
    return this.exec(["bash", "-s"], { ...options, stdin: script });
  }

  /**
   * Runs a bash script that has to succeed, and returns what it printed, trimmed.
   *
   * @throws VisaImageError with its exit code and messages
   */
  async text(script: string, options: Omit<GuestRunOptions, "stdin"> = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(script, options);
    if (code !== 0) {
      const words = (stderr.trim() || stdout.trim()).slice(-600);
      throw new VisaImageError(`exit code ${code} of "${firstLine(script)}"${words ? `: ${words}` : ""}`);
    }
    return stdout.trim();
  }

  /** What was seen since the boot. */
  async events(): Promise<GuestEvents> {
    const asked = performance.now();
    const { events, now } = (await this.ask({ events: true }, 60)) as { events: GuestEvents; now: number };
    const within = performance.now() - asked;
    // Of all answers the quickest says best when it was.
    if (within <= (this.began?.within ?? within)) this.began = { at: asked + within / 2 - now * 1000, within };
    return events;
  }

  /** When the boot began, by `performance.now()`: undefined before {@link GuestAgent.events} was asked for. */
  get bootBegan(): number | undefined {
    return this.began?.at;
  }

  /** Closes this end. */
  close(): void {
    const { channel } = this;
    this.channel = undefined;
    channel?.close();
  }

  private ask(request: Record<string, unknown>, timeoutSeconds: number): Promise<Record<string, unknown>> {
    const { channel } = this;
    if (!channel) return Promise.reject(new VisaImageError(this.ended));
    const id = this.nextId++;
    return new Promise((done, fail) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        fail(new VisaImageError(`the guest did not answer within ${timeoutSeconds} s`));
      }, timeoutSeconds * 1000);
      this.pending.set(id, (answer) => {
        clearTimeout(timer);
        this.pending.delete(id);
        if (answer instanceof VisaImageError) fail(answer);
        else done(answer);
      });
      channel.input.write(`${JSON.stringify({ id, ...request })}\n`);
    });
  }

  /** Whose answer it was that is not read is not known. */
  private failAll(why: string): void {
    for (const answer of [...this.pending.values()]) answer(new VisaImageError(why));
  }

  private receive(line: string): void {
    let message: Record<string, unknown>;
    try {
      message = JSON.parse(line);
    } catch {
      // A line that a reboot cut off.
      return;
    }
    if (typeof message.hello === "string") this.boot = message.hello === this.before ? undefined : message.hello;
    else this.pending.get(message.id as number)?.(message);
  }
}

function firstLine(script: string): string {
  return (script.trim().split("\n")[0] ?? "").slice(0, 100);
}
