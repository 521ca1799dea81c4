/** Cuts a stream of bytes into masked lines without ever holding more than one. */
import { StringDecoder } from "node:string_decoder";
import type { Masker } from "./masking";

/** Longer lines are cut, so that a stream without line ends does not fill the memory. */
const MAX_LINE = 64 * 1024;

/**
 * Calls `onLine` for each line, masked. `\n`, `\r\n` and `\r` (which progress bars print) end one; a character, a line
 * or a secret that is split over two chunks comes out whole.
 */
export class LineSplitter {
  private readonly decoder = new StringDecoder("utf8");
  private rest = "";

  constructor(
    private readonly masker: Masker,
    private readonly onLine: (line: string) => void,
  ) {}

  /** Takes the next chunk. */
  write(chunk: Buffer): void {
    const parts = (this.rest + this.decoder.write(chunk)).split(/\r\n|\n|\r(?=[^\n])/);
    this.rest = parts.pop() ?? "";
    for (const part of parts) this.onLine(this.masker.mask(part));
    if (this.rest.length > MAX_LINE + this.masker.longest) {
      // What may be the beginning of a secret is kept for the next piece.
      const masked = this.masker.mask(this.rest);
      const cut = masked.length - this.masker.longest;
      this.onLine(masked.slice(0, cut));
      this.rest = masked.slice(cut);
    }
  }

  /** Hands over what stands after the last line end. */
  end(): void {
    const last = (this.rest + this.decoder.end()).replace(/\r$/, "");
    this.rest = "";
    if (last) this.onLine(this.masker.mask(last));
  }
}
