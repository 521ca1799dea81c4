/** A guest's serial console, as QEMU writes it to a file. The guest may write without end, and is not trusted. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { LineSplitter } from "./lines";
import type { Masker } from "./masking";

/** So much is read at once, in bytes. */
const PIECE_BYTES = 64 << 10;
/** So much of what was added since the last look is looked at: its end. */
const LOOK_BYTES = 4 << 20;
/** So many of its last lines are kept, and so much of each. */
const TAIL = 200;
const TAIL_LINE = 1024;

/** Text of a console without what moves the cursor and colours it. */
export function plainText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: consoles are full of escape sequences
  return text.replace(/\u001b(?:\[[0-9;?]*[A-Za-z]|[()][A-Za-z0-9]|[=>78])|[\u0000-\u0008\u000e-\u001f]|\r/g, "");
}

/** The one reader of a console: whoever wants to know of its lines is told of each once, masked. */
export class GuestConsole {
  private readonly splitter: LineSplitter;
  private readonly listeners: ((line: string) => void)[] = [];
  private readonly last: string[] = [];
  private position = 0;

  /** @param file it need not be there yet */
  constructor(
    private readonly file: string,
    masker: Masker,
  ) {
    this.splitter = new LineSplitter(masker, (line) => {
      const text = plainText(line).trimEnd();
      if (text) this.tell(text);
    });
  }

  /** Calls back for each line from now on, without escape sequences; empty ones are left out. */
  onLine(listener: (line: string) => void): void {
    this.listeners.push(listener);
  }

  /** Takes in what was added since the last look. */
  look(): void {
    let file: number;
    try {
      file = openSync(this.file, "r");
    } catch {
      return;
    }
    try {
      const { size } = fstatSync(file);
      if (size - this.position > LOOK_BYTES) {
        this.splitter.end();
        this.tell(`(${size - LOOK_BYTES - this.position} bytes of the console are left out)`);
        this.position = size - LOOK_BYTES;
      }
      const buffer = Buffer.alloc(Math.min(PIECE_BYTES, size - this.position));
      while (this.position < size) {
        const length = readSync(file, buffer, 0, Math.min(buffer.length, size - this.position), this.position);
        if (length === 0) return;
        this.position += length;
        this.splitter.write(buffer.subarray(0, length));
      }
    } finally {
      closeSync(file);
    }
  }

  /** Looks for the last time: what stands after the last line end is a line too. */
  end(): void {
    this.look();
    this.splitter.end();
  }

  /** The last lines, oldest first. */
  tail(count: number = TAIL): string[] {
    return this.last.slice(-count);
  }

  private tell(line: string): void {
    // A copy: a piece of a text holds on to the whole of it.
    this.last.push(Buffer.from(line.slice(0, TAIL_LINE)).toString());
    if (this.last.length > TAIL) this.last.shift();
    for (const listener of this.listeners) listener(line);
  }
}
