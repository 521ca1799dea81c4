/**
 * A Guacamole client that does to an instance what VISA does: connects to its guacd in plain TCP, asks for RDP to the
 * instance's own address, logs in with a token, and watches the desktop.
 */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { VisaImageError } from "../../errors";
import { type FrameStatistics, GuacamoleDisplay } from "./display";
import { GuacamoleError, meaningOf } from "./guacamole-error";
import { encodeInstruction, type Instruction, InstructionParser } from "./protocol";

/** Options of {@link connectDesktop}. */
export interface DesktopOptions {
  /** Where guacd listens. */
  readonly host: string;
  /** @default 4822 */
  readonly port?: number;
  /** Where guacd finds xrdp: VISA says the instance's own address, never localhost. @default `host` */
  readonly rdpHost?: string;
  /** The owner's login. @default none: xrdp shows its login window */
  readonly user?: string;
  /** A token, or a password. @default none */
  readonly password?: string;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Guacamole's name of the keyboard layout, as VISA's `keyboardLayout`. @default "en-gb-qwerty" */
  readonly layout?: string;
  /** Bits of a pixel, as VISA asks for. @default 16 */
  readonly colorDepth?: 16 | 24;
  /** For the connection, until something is on the screen. */
  readonly timeoutSeconds: number;
}

/** Options of {@link Desktop.waitForStillness}. */
export interface StillnessOptions {
  /** How long nothing may move. @default 3 */
  readonly quietSeconds?: number;
  /** The share of the screen that may be drawn in that time (a clock, a cursor that blinks). @default 0.002 */
  readonly tolerance?: number;
  /** How many colours a desktop has at least: an empty screen is still too. @default 2 */
  readonly minColours?: number;
  /** The share of black (0 to 1) above which the background is still to come. @default 1 */
  readonly maxBlack?: number;
  readonly timeoutSeconds: number;
}

/** Versions of the protocol that this client speaks, newest first. They differ in what comes before `connect`. */
const VERSIONS = ["VERSION_1_5_0", "VERSION_1_3_0", "VERSION_1_1_0", "VERSION_1_0_0"];

/**
 * Connects as VISA does, and returns when guacd has drawn something.
 *
 * @throws GuacamoleError with guacd's code where it refuses
 * @throws VisaImageError where nothing answers, what answers is not guacd, or time is up
 */
export async function connectDesktop(options: DesktopOptions): Promise<Desktop> {
  const desktop = new Desktop(options);
  try {
    await desktop.open();
    return desktop;
  } catch (error) {
    desktop.close();
    throw error;
  }
}

/**
 * guacd ends a connection that it has heard nothing from for 15 s (776). It asks for an answer with each picture, and
 * there is none while xrdp makes a session: Apache's own client says `nop` this often, in milliseconds.
 */
const KEEP_ALIVE_MS = 5000;

/** A desktop that is shown to this client. {@link Desktop.close} it, or use `await using`. */
export class Desktop implements AsyncDisposable {
  private readonly display = new GuacamoleDisplay();
  private readonly parser = new InstructionParser();
  /** When the connection was begun, by `performance.now()`. */
  readonly started = performance.now();
  private readonly where: string;
  private socket: Socket | undefined;
  private failure: VisaImageError | undefined;
  private keepAlive: NodeJS.Timeout | undefined;
  /** Called after each packet, and when the connection ends. */
  private onChange = () => {};
  private ready = false;
  private pictureAfterSeconds: number | undefined;
  private offered: readonly string[] = [];
  private sizeTold = false;

  /** @internal use {@link connectDesktop} */
  constructor(private readonly options: DesktopOptions) {
    this.where = `guacd at ${options.host}:${options.port ?? 4822}`;
  }

  /** The parameters that guacd's RDP plugin takes, the protocol's version first. */
  get parameters(): readonly string[] {
    return this.offered;
  }

  /** How long it took until the first picture, from the first packet. */
  get firstPictureSeconds(): number {
    return this.pictureAfterSeconds ?? 0;
  }

  /** The size of the remote screen. */
  get size(): { readonly width: number; readonly height: number } {
    return this.display.size;
  }

  /**
   * Whether guacd has told the size of the screen. 1.3 sends it to nobody where its RDP thread is faster than the one
   * that lets the user in (seen in one of three connections on a busy machine); the size asked for is assumed then, but
   * a browser shows nothing.
   */
  get announcedSize(): boolean {
    return this.sizeTold;
  }

  /** Why the connection ended; undefined while it is open, and after {@link Desktop.close}. */
  get error(): VisaImageError | undefined {
    return this.failure;
  }

  /** The screen as a PNG file. */
  screenshot(): Buffer {
    return this.display.screenshot();
  }

  /** How many colours the screen has. */
  statistics(): FrameStatistics {
    return this.display.statistics();
  }

  /** @internal */
  async open(): Promise<void> {
    const { host, port = 4822, timeoutSeconds } = this.options;
    const socket = connect({ host, port, noDelay: true });
    this.socket = socket;
    let said = false;
    socket.on("data", (data) => {
      said = true;
      this.receive(data);
    });
    socket.on("error", (cause: NodeJS.ErrnoException) => {
      this.fail(new VisaImageError(`${this.where} cannot be reached: ${cause.code ?? cause.message}`, { cause }));
    });
    socket.on("close", () => {
      const when = this.ready ? "after `ready`" : said ? "in the handshake" : "without a word; has it the RDP plugin?";
      this.fail(new GuacamoleError(`${this.where} closed the connection ${when}`));
    });
    this.send("select", "rdp");
    await this.waitForPicture(timeoutSeconds);
  }

  /**
   * Waits until the screen is still, and shows enough.
   *
   * @throws VisaImageError when time is up, or the connection ends
   */
  async waitForStillness(options: StillnessOptions): Promise<void> {
    const { quietSeconds = 3, tolerance = 0.002, minColours = 2, maxBlack = 1, timeoutSeconds } = options;
    const history: { time: number; drawn: number }[] = [];
    const end = performance.now() + timeoutSeconds * 1000;
    for (;;) {
      if (this.failure) throw this.failure;
      const now = performance.now();
      const { width, height } = this.size;
      history.push({ time: now, drawn: this.display.drawnPixels });
      while ((history[1]?.time ?? now) <= now - quietSeconds * 1000) history.shift();
      const first = history[0] ?? { time: now, drawn: 0 };
      const quiet = this.display.drawnPixels - first.drawn <= width * height * tolerance;
      const still = quiet && now - first.time >= quietSeconds * 1000;
      const shown = still ? this.statistics() : undefined;
      if (shown && shown.colours >= minColours && shown.black <= maxBlack) return;
      if (now > end) {
        const { colours, black } = this.statistics();
        throw new VisaImageError(
          `the screen (${width}x${height}) was not still within ${timeoutSeconds} s ` +
            `(${colours} colours; ${minColours} are a desktop; ${Math.round(black * 100)} % black)`,
        );
      }
      await sleep(100);
    }
  }

  /** Ends the connection; the session on the instance goes on. */
  close(): void {
    clearInterval(this.keepAlive);
    const socket = this.socket;
    if (!socket || socket.destroyed) return;
    socket.removeAllListeners("close");
    // guacd may have broken off already: there is nothing to tell it then.
    socket.removeAllListeners("error").on("error", () => {});
    if (socket.writable) socket.end(encodeInstruction("disconnect"));
    // guacd closes its end at once; if not, this process must not wait for it.
    const timer = setTimeout(() => socket.destroy(), 1000);
    timer.unref();
    socket.once("close", () => clearTimeout(timer));
    socket.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  private send(opcode: string, ...args: readonly (string | number)[]): void {
    if (this.socket?.writable) this.socket.write(encodeInstruction(opcode, ...args));
  }

  private fail(error: VisaImageError): void {
    // The first reason is the reason: the connection closes after an error.
    this.failure ??= error;
    clearInterval(this.keepAlive);
    this.socket?.destroy();
    this.onChange();
  }

  private waitForPicture(timeoutSeconds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const stage = this.ready ? "`ready` came" : this.offered.length > 0 ? "`args` came" : "it said nothing";
        reject(new VisaImageError(`no picture from ${this.where} within ${timeoutSeconds} s; ${stage}`));
      }, timeoutSeconds * 1000);
      this.onChange = () => {
        if (this.pictureAfterSeconds === undefined && !this.failure) return;
        clearTimeout(timer);
        if (this.failure) reject(this.failure);
        else resolve();
      };
    });
  }

  private receive(data: Buffer): void {
    try {
      for (const instruction of this.parser.push(data)) this.handle(instruction);
    } catch (error) {
      this.fail(error as VisaImageError);
    }
    this.onChange();
  }

  private handle(instruction: Instruction): void {
    const { opcode, args } = instruction;
    if (opcode === "size" && args[0] === "0") this.sizeTold = true;
    if (this.display.draw(instruction)) return;
    switch (opcode) {
      case "args":
        this.answerArgs(args);
        return;
      case "ready":
        this.ready = true;
        this.keepAlive = setInterval(() => this.send("nop"), KEEP_ALIVE_MS).unref();
        return;
      case "sync":
        this.send("sync", args[0] ?? "");
        // Until xrdp has answered there is only the pointer, which lies on a buffer of its own.
        if (this.display.drawnPixels > 0) this.pictureAfterSeconds ??= (performance.now() - this.started) / 1000;
        return;
      // Streams that this client has no use for; without an answer guacd would go on sending.
      case "audio":
      case "video":
      case "clipboard":
      case "file":
      case "pipe":
      case "body":
        this.send("ack", args[0] ?? "", "not wanted", 256);
        return;
      case "required":
        throw new GuacamoleError(`${this.where} asks for ${args.join(", ")}`, 769);
      case "error": {
        const code = Number(args[1] ?? 0) || 0;
        throw new GuacamoleError(`${this.where} says "${args[0] ?? ""}" (${meaningOf(code)})`, code);
      }
      case "disconnect":
        throw new GuacamoleError(`${this.where} ended the connection`);
      default:
        // `nop`, `log`, `name`, `mouse`, `argv` and what later versions add.
        return;
    }
  }

  /** The second half of the handshake: what this client can show, and a value for each parameter. */
  private answerArgs(names: readonly string[]): void {
    if (this.offered.length > 0) throw new VisaImageError(`${this.where} sent \`args\` twice`);
    this.offered = names;
    const { host, rdpHost = host, user = "", password = "", width, height } = this.options;
    const values: Readonly<Record<string, string>> = {
      hostname: rdpHost,
      port: "3389",
      username: user,
      password,
      "ignore-cert": "true",
      "color-depth": `${this.options.colorDepth ?? 16}`,
      "server-layout": this.options.layout ?? "en-gb-qwerty",
    };
    const missing = Object.keys(values).filter((name) => !names.includes(name));
    if (missing.length > 0)
      throw new VisaImageError(`${this.where} takes no parameter "${missing.join('", "')}" for RDP`);
    const version = negotiate(names[0]);
    this.display.draw({ opcode: "size", args: ["0", `${width}`, `${height}`] });
    this.send("size", width, height, 96);
    this.send("audio");
    this.send("video");
    this.send("image", "image/png");
    if (version !== "VERSION_1_0_0") this.send("timezone", "Etc/UTC");
    this.send("connect", ...names.map((name) => (name.startsWith("VERSION_") ? version : (values[name] ?? ""))));
  }
}

/** The newest version that both sides speak: each side's newest, whichever is older. */
function negotiate(offered: string | undefined): string {
  const numbers = /^VERSION_(\d+)_(\d+)_(\d+)$/.exec(offered ?? "");
  if (!numbers) return "VERSION_1_0_0";
  const rank = (version: string) =>
    version
      .split("_")
      .slice(1)
      .reduce((sum, part) => sum * 1000 + Number(part), 0);
  return VERSIONS.find((version) => rank(version) <= rank(offered ?? "")) ?? "VERSION_1_0_0";
}
