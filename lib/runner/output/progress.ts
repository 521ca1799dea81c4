/** What a person sees of a build: one line that renews itself on a terminal, plain lines elsewhere. */

/** Where it is shown. */
export interface ProgressOptions {
  readonly stream: { write(text: string): unknown };
  /** A terminal: the status line renews itself. */
  readonly terminal?: boolean;
  /** Columns of the terminal. @default 80 */
  readonly columns?: number;
  /** @default false */
  readonly color?: boolean;
  /** Show every line of the tools too. @default false */
  readonly verbose?: boolean;
  /** Show nothing but warnings. @default false */
  readonly quiet?: boolean;
  /** How often a step that takes long says so, in plain lines. @default 30000 */
  readonly heartbeatMs?: number;
}

/** Shows the steps of a build. */
export class Progress {
  private readonly started = Date.now();
  private layer = "";
  private position = "";
  private layerStarted = Date.now();
  private step = 0;
  private steps = 0;
  private label = "";
  private shown = false;
  private lastLine = Date.now();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly options: ProgressOptions) {
    const { heartbeatMs = 30_000 } = options;
    this.timer = setInterval(
      () => {
        if (!this.label) return;
        if (options.terminal) this.draw();
        else if (Date.now() - this.lastLine >= heartbeatMs) this.plain();
      },
      options.terminal ? 1000 : Math.min(1000, heartbeatMs),
    );
    this.timer.unref();
  }

  /** Begins a layer of so many steps. */
  startLayer(name: string, index: number, count: number, steps: number): void {
    this.layer = name;
    this.position = count > 1 ? `layer ${index}/${count}, ` : "";
    this.layerStarted = Date.now();
    this.step = 0;
    this.steps = steps;
    this.label = "";
  }

  /** Begins the layer's next step. */
  startStep(label: string): void {
    this.step++;
    // A template may hold more uploads than its configuration lets one count.
    this.steps = Math.max(this.steps, this.step);
    this.label = label;
    if (this.options.terminal) this.draw();
    else this.plain();
  }

  /** Counts steps as done that are not done now. */
  skipSteps(count: number): void {
    this.step += count;
  }

  /** Says more about the step that runs: only on a terminal, where it costs no line. */
  detail(text: string): void {
    if (!this.options.terminal || !this.label) return;
    this.label = `${this.label.replace(/ \[.*\]$/, "")} [${text}]`;
  }

  /** A line that stays. */
  message(text: string): void {
    if (this.options.quiet) return;
    this.line(this.layer ? `[${this.layer}] ${text}` : text);
  }

  /** A line that stays, and that no wish for quiet suppresses. */
  warn(text: string): void {
    this.line(this.layer ? `[${this.layer}] ${this.paint("33", "warning:")} ${text}` : text);
  }

  /** A line of a tool. */
  toolLine(text: string): void {
    if (this.options.verbose) this.line(`  ${text}`);
  }

  /** Clears the status line. */
  stop(): void {
    clearInterval(this.timer);
    this.clear();
    this.label = "";
  }

  private line(text: string): void {
    this.clear();
    this.lastLine = Date.now();
    this.options.stream.write(`${text}\n`);
  }

  private plain(): void {
    if (this.options.quiet) return;
    this.line(`[${this.layer}] ${this.step}/${this.steps} ${this.label} (${duration(Date.now() - this.layerStarted)})`);
  }

  private draw(): void {
    if (this.options.quiet) return;
    const width = 16;
    const full = Math.round((width * Math.max(0, this.step - 1)) / Math.max(1, this.steps));
    const bar = `${"#".repeat(full)}${"-".repeat(width - full)}`;
    const text = `${bar} [${this.layer}] ${this.position}step ${this.step}/${this.steps}: ${this.label}`;
    const time = ` ${duration(Date.now() - this.layerStarted)} / ${duration(Date.now() - this.started)}`;
    const room = (this.options.columns ?? 80) - 1 - time.length;
    const cut = text.length > room ? `${text.slice(0, Math.max(0, room - 1))}…` : text;
    this.clear();
    this.options.stream.write(cut.replace(/\[[^\]]*\]/, (name) => this.paint("1", name)) + this.paint("2", time));
    this.shown = true;
  }

  private clear(): void {
    if (this.shown) this.options.stream.write("\r\u001b[2K");
    this.shown = false;
  }

  private paint(code: string, text: string): string {
    return this.options.color ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

/** A time as people say it: `42 s`, `3 min 5 s`, `1 h 2 min`. */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** A size as people say it: `843 MiB`, `4.2 GiB`. */
export function size(bytes: number): string {
  const mebibytes = bytes / (1 << 20);
  if (mebibytes < 1) return `${Math.ceil(bytes / 1024)} KiB`;
  return mebibytes < 1024 ? `${Math.round(mebibytes)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}
