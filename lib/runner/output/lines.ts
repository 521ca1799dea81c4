/** Cuts streams of bytes into lines without ever holding more than one. Who sends them may be a guest, and is not trusted. */
import type { Readable } from "node:stream";
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

/** Options of {@link readMessages}. */
export interface MessageOptions {
  /** In bytes; what is longer is dropped. */
  readonly longest: number;
  /** Called with each line, without its end. */
  readonly onLine: (line: string) => void;
  /** Called where one begins to be dropped. */
  readonly onTooLong?: () => void;
}

/** Reads messages of a line each, up to its `\n`; holds at most the longest that there may be. Errors are the stream's owner's. */
export function readMessages(stream: Readable, { longest, onLine, onTooLong }: MessageOptions): void {
  let pieces: Buffer[] = [];
  let bytes = 0;
  let dropping = false;
  stream.on("data", (chunk: Buffer) => {
    let start = 0;
    for (let end = chunk.indexOf(10); ; end = chunk.indexOf(10, start)) {
      const piece = chunk.subarray(start, end < 0 ? chunk.length : end);
      bytes += piece.length;
      if (bytes > longest) {
        if (!dropping) onTooLong?.();
        dropping = true;
        pieces = [];
      } else if (piece.length > 0) pieces.push(piece);
      if (end < 0) return;
      if (!dropping) onLine(Buffer.concat(pieces).toString("utf8"));
      [pieces, bytes, dropping, start] = [[], 0, false, end + 1];
    }
  });
}
