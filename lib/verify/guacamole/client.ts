/**
 * A Guacamole client that does to an instance what VISA does: connects to its guacd in plain TCP, asks for RDP to the
 * instance's own address, logs in with a token, and watches the desktop.
 */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { VisaImageError } from "../../errors";
import { type FrameStatistics, GuacamoleDisplay } from "./display";
import { encodeInstruction, type Instruction, InstructionParser } from "./protocol";

/** Options of {@link connectDesktop}. */
export interface DesktopOptions {
  /** Where guacd listens. */
  readonly host: string;
  /** @default 4822 */
  readonly port?: number;
  /** Where guacd finds xrdp: VISA says the instance's own address, never localhost. @default `host` */
  readonly rdpHost?: string;
  /** @default 3389 */
  readonly rdpPort?: number;
  /** The owner's login. @default none: xrdp shows its login window */
  readonly user?: string;
  /** A token, or a password. @default none */
  readonly password?: string;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Dots per inch. @default 96 */
  readonly dpi?: number;
  /** Guacamole's name of the keyboard layout, as VISA's `keyboardLayout`. @default "en-gb-qwerty" */
  readonly layout?: string;
  /** Other parameters of guacd's RDP plugin, or other values than VISA's. @default VISA's: `ignore-cert`, `color-depth` 16 */
  readonly parameters?: Readonly<Record<string, string>>;
  /** For the connection, until something is on the screen. */
  readonly timeoutSeconds: number;
}

/** How long the parts of a connection took, from the first packet. */
export interface DesktopTimings {
  /** Until guacd said `ready`. */
  readonly readySeconds: number;
  /** Until the first picture. */
  readonly firstPictureSeconds: number;
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

/** What guacd's status codes mean. @see https://guacamole.apache.org/doc/gug/protocol-reference.html#status-codes */
const STATUS: Readonly<Record<number, string>> = {
  256: "unsupported",
  512: "server error",
  513: "server busy",
  514: "the RDP server did not answer in time",
  515: "the RDP server failed or broke the connection",
  516: "not found",
  517: "in use or locked",
  518: "closed",
  519: "no RDP server can be reached there",
  520: "the RDP server refuses connections",
  521: "the session conflicts with another",
  522: "the session was idle for too long",
  523: "the RDP server ended the session",
  768: "bad request",
  769: "wrong user or password",
  771: "not allowed",
  776: "guacd heard nothing from the client",
  781: "too much data",
  783: "bad type of data",
  797: "too many connections",
};

/** guacd said `error`, or broke off. */
export class GuacamoleError extends VisaImageError {
  /** guacd's status code; 0 where it closed the connection without one. */
  readonly code: number;

  constructor(what: string, code = 0) {
    super(what);
    this.name = "GuacamoleError";
    this.code = code;
  }
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

/** A desktop that is shown to this client. {@link Desktop.close} it, or use `await using`. */
export class Desktop implements AsyncDisposable {
  private readonly display = new GuacamoleDisplay();
  private readonly parser = new InstructionParser();
  private readonly started = performance.now();
  private readonly where: string;
  private socket: Socket | undefined;
  private failure: VisaImageError | undefined;
  private readonly waiting = new Set<() => void>();
  /** Text that the desktop is putting on the clipboard, by stream. */
  private readonly clipboards = new Map<string, Buffer[]>();
  private clipboardText: string | undefined;
  private nextStream = 0;
  private id: string | undefined;
  private readySeconds: number | undefined;
  private firstPictureSeconds: number | undefined;
  private offered: readonly string[] = [];
  private sizeTold = false;
  private readonly messages: string[] = [];

  /** @internal use {@link connectDesktop} */
  constructor(private readonly options: DesktopOptions) {
    this.where = `guacd at ${options.host}:${options.port ?? 4822}`;
  }

  /** guacd's name of the connection, such as `$260d01da-779b-4ee9-afc1-c16bae885cc7`. */
  get connectionId(): string {
    return this.id ?? "";
  }

  /** The parameters that guacd's RDP plugin takes, the protocol's version first. */
  get parameters(): readonly string[] {
    return this.offered;
  }

  /** How long it took. */
  get timings(): DesktopTimings {
    return { readySeconds: this.readySeconds ?? 0, firstPictureSeconds: this.firstPictureSeconds ?? 0 };
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

  /** The text that was last copied on the desktop; undefined where nothing was. */
  get clipboard(): string | undefined {
    return this.clipboardText;
  }

  /** Why the connection ended; undefined while it is open, and after {@link Desktop.close}. */
  get error(): VisaImageError | undefined {
    return this.failure;
  }

  /** What guacd logged to its client. */
  get log(): readonly string[] {
    return this.messages;
  }

  /** Drawing instructions that came and could not be drawn; a screenshot is not exact then. */
  get unsupported(): readonly string[] {
    return [...this.display.unsupported];
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
      const when = this.id ? "after `ready`" : said ? "in the handshake" : "without a word; has it the RDP plugin?";
      this.fail(new GuacamoleError(`${this.where} closed the connection ${when}`));
    });
    this.send("select", "rdp");
    await this.until("picture", timeoutSeconds, () => this.firstPictureSeconds !== undefined);
  }

  /**
   * Waits until the screen is still, and returns the seconds since the connection began until it last moved.
   *
   * @throws VisaImageError when time is up, or the connection ends
   */
  async waitForStillness(options: StillnessOptions): Promise<number> {
    const { quietSeconds = 3, tolerance = 0.002, minColours = 2, maxBlack = 1, timeoutSeconds } = options;
    const history: { time: number; drawn: number }[] = [];
    const end = performance.now() + timeoutSeconds * 1000;
    let moved = performance.now();
    for (;;) {
      if (this.failure) throw this.failure;
      const now = performance.now();
      const { width, height } = this.size;
      history.push({ time: now, drawn: this.display.drawnPixels });
      while ((history[1]?.time ?? now) <= now - quietSeconds * 1000) history.shift();
      const first = history[0] ?? { time: now, drawn: 0 };
      const quiet = this.display.drawnPixels - first.drawn <= width * height * tolerance;
      if (!quiet) moved = now;
      const still = quiet && now - first.time >= quietSeconds * 1000;
      const shown = still ? this.statistics() : undefined;
      if (shown && shown.colours >= minColours && shown.black <= maxBlack) {
        return (Math.min(moved, first.time) - this.started) / 1000;
      }
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

  /**
   * Waits until what the desktop copies to its clipboard satisfies `wanted`, and returns it.
   *
   * @throws VisaImageError when time is up, or the connection ends
   */
  async waitForClipboard(wanted: (text: string) => boolean, timeoutSeconds: number): Promise<string> {
    await this.until("text on the clipboard", timeoutSeconds, () => wanted(this.clipboardText ?? ""));
    return this.clipboardText ?? "";
  }

  /** Puts text on the clipboard of the desktop. */
  sendClipboard(text: string): void {
    const stream = this.nextStream++;
    this.send("clipboard", stream, "text/plain");
    const data = Buffer.from(text);
    // guacd refuses instructions of more than 8 KiB.
    for (let at = 0; at < data.length; at += 4096) {
      this.send("blob", stream, data.subarray(at, at + 4096).toString("base64"));
    }
    this.send("end", stream);
  }

  /** Presses or releases a key, by its X11 keysym. */
  key(keysym: number, pressed: boolean): void {
    this.send("key", keysym, pressed ? 1 : 0);
  }

  /** Presses a key and releases it, while others are held down. */
  press(keysym: number, ...held: readonly number[]): void {
    for (const key of held) this.key(key, true);
    this.key(keysym, true);
    this.key(keysym, false);
    for (const key of [...held].reverse()) this.key(key, false);
  }

  /** Types text; a line break is the Return key. */
  type(text: string): void {
    for (const character of text) this.press(keysymOf(character));
  }

  /** Moves the pointer; `buttons` is the sum of 1 (left), 2 (middle), 4 (right), 8 (wheel up), 16 (wheel down). */
  mouse(x: number, y: number, buttons = 0): void {
    this.send("mouse", x, y, buttons);
  }

  /** Clicks once. */
  click(x: number, y: number, buttons = 1): void {
    this.mouse(x, y);
    this.mouse(x, y, buttons);
    this.mouse(x, y);
  }

  /** Ends the connection; the session on the instance goes on. */
  close(): void {
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
    this.socket?.destroy();
    this.wake();
  }

  private wake(): void {
    for (const check of this.waiting) check();
  }

  /** Resolves as soon as `done` holds, which is looked at after each packet. */
  private until(what: string, timeoutSeconds: number, done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (error?: VisaImageError) => {
        this.waiting.delete(check);
        clearTimeout(timer);
        if (error) reject(error);
        else resolve();
      };
      const check = () => {
        if (done()) finish();
        else if (this.failure) finish(this.failure);
      };
      const timer = setTimeout(() => {
        const stage = this.id ? "`ready` came" : this.offered.length > 0 ? "`args` came" : "it said nothing";
        finish(new VisaImageError(`no ${what} from ${this.where} within ${timeoutSeconds} s; ${stage}`));
      }, timeoutSeconds * 1000);
      this.waiting.add(check);
      check();
    });
  }

  private receive(data: Buffer): void {
    try {
      for (const instruction of this.parser.push(data)) this.handle(instruction);
    } catch (error) {
      this.fail(error as VisaImageError);
    }
    this.wake();
  }

  private handle(instruction: Instruction): void {
    const { opcode, args } = instruction;
    if (opcode === "size" && args[0] === "0") this.sizeTold = true;
    if (opcode !== "blob" && opcode !== "end" && this.display.draw(instruction)) return;
    switch (opcode) {
      case "args":
        this.answerArgs(args);
        return;
      case "ready":
        this.id = args[0] ?? "";
        this.readySeconds = this.elapsed();
        return;
      case "sync":
        this.send("sync", args[0] ?? "");
        // Until xrdp has answered there is only the pointer, which lies on a buffer of its own.
        if (this.display.drawnPixels > 0) this.firstPictureSeconds ??= this.elapsed();
        return;
      case "blob":
      case "end":
        this.receiveStream(instruction);
        return;
      case "clipboard":
        this.clipboards.set(args[0] ?? "", []);
        this.acknowledge(args[0] ?? "");
        return;
      // Streams that this client has no use for; without an answer guacd would go on sending.
      case "audio":
      case "video":
      case "file":
      case "pipe":
      case "body":
        this.send("ack", args[0] ?? "", "not wanted", 256);
        return;
      case "log":
      case "msg":
        if (this.messages.length < 1000) this.messages.push(args.join(" ").slice(0, 1000));
        return;
      case "required":
        throw new GuacamoleError(`${this.where} asks for ${args.join(", ")}`, 769);
      case "error": {
        const code = Number(args[1] ?? 0) || 0;
        const meaning = STATUS[code] ? `: ${STATUS[code]}` : "";
        throw new GuacamoleError(`${this.where} says "${args[0] ?? ""}" (${code}${meaning})`, code);
      }
      case "disconnect":
        throw new GuacamoleError(`${this.where} ended the connection`);
      default:
        // `nop`, `name`, `mouse`, `argv` and what later versions add.
        return;
    }
  }

  /** The second half of the handshake: what this client can show, and a value for each parameter. */
  private answerArgs(names: readonly string[]): void {
    if (this.offered.length > 0) throw new VisaImageError(`${this.where} sent \`args\` twice`);
    this.offered = names;
    const { host, rdpHost = host, rdpPort = 3389, user = "", password = "", width, height } = this.options;
    const values: Readonly<Record<string, string>> = {
      hostname: rdpHost,
      port: `${rdpPort}`,
      username: user,
      password,
      "ignore-cert": "true",
      "color-depth": "16",
      "server-layout": this.options.layout ?? "en-gb-qwerty",
      ...this.options.parameters,
    };
    const missing = Object.keys(values).filter((name) => !names.includes(name));
    if (missing.length > 0)
      throw new VisaImageError(`${this.where} takes no parameter "${missing.join('", "')}" for RDP`);
    const version = negotiate(names[0]);
    this.display.draw({ opcode: "size", args: ["0", `${width}`, `${height}`] });
    this.send("size", width, height, this.options.dpi ?? 96);
    this.send("audio");
    this.send("video");
    this.send("image", "image/png");
    if (version !== "VERSION_1_0_0") this.send("timezone", "Etc/UTC");
    this.send("connect", ...names.map((name) => (name.startsWith("VERSION_") ? version : (values[name] ?? ""))));
  }

  private receiveStream(instruction: Instruction): void {
    const [stream = "", data = ""] = instruction.args;
    const parts = this.clipboards.get(stream);
    if (!parts) {
      this.display.draw(instruction);
      return;
    }
    if (instruction.opcode === "blob") {
      if (parts.length >= 4096) throw new VisaImageError(`${this.where} sends a clipboard that does not end`);
      parts.push(Buffer.from(data, "base64"));
      this.acknowledge(stream);
    } else {
      this.clipboards.delete(stream);
      this.clipboardText = Buffer.concat(parts).toString("utf8");
    }
  }

  private acknowledge(stream: string): void {
    this.send("ack", stream, "OK", 0);
  }

  private elapsed(): number {
    return (performance.now() - this.started) / 1000;
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

/** The X11 keysym of a character. */
function keysymOf(character: string): number {
  if (character === "\n") return 0xff0d;
  if (character === "\t") return 0xff09;
  const codePoint = character.codePointAt(0) ?? 0;
  // Latin-1 stands for itself, the rest of Unicode begins at 0x01000000.
  return codePoint < 0x100 ? codePoint : 0x0100_0000 + codePoint;
}
