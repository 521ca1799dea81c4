/** The checksum of a disk that is mostly zeros. */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";

/** A part of a file, in bytes. */
export interface Extent {
  readonly start: number;
  readonly length: number;
}

/** Read at once, in bytes. */
const CHUNK = 1 << 20;
/** Left out where it is nothing but zeros, in bytes; a divisor of {@link CHUNK}. */
const BLOCK = 1 << 16;
const ZEROS = Buffer.alloc(BLOCK);

/**
 * Hex SHA-256 of what a file holds beside zeros: of each block of 64 KiB that is not all zeros its place and its bytes,
 * and of the file's size. It is the same wherever the file has its holes, and changes with each bit. SHA-256 over all
 * bytes takes as long for zeros as for others, and three quarters of a fresh disk are zeros.
 *
 * @param extents all that may hold data, in order: the rest is not even read. @default - the whole file
 */
export async function digestDisk(file: string, extents?: readonly Extent[]): Promise<string> {
  const hash = createHash("sha256");
  const number = Buffer.alloc(8);
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    for await (const [start, chunk] of readAhead(handle, chunkStarts(extents ?? [{ start: 0, length: size }]))) {
      for (let at = 0; at < chunk.length; at += BLOCK) {
        const block = chunk.subarray(at, at + BLOCK);
        if (block.equals(ZEROS.subarray(0, block.length))) continue;
        number.writeBigUInt64BE(BigInt(start + at));
        hash.update(number).update(block);
      }
    }
    number.writeBigUInt64BE(BigInt(size));
    return hash.update(number).digest("hex");
  } finally {
    await handle.close();
  }
}

/** Where the chunks start that these extents touch, each once. */
function* chunkStarts(extents: readonly Extent[]): Generator<number> {
  let next = 0;
  for (const { start, length } of extents) {
    next = Math.max(next, start - (start % CHUNK));
    for (; next < start + length; next += CHUNK) yield next;
  }
}

/** Reads each chunk while the one before it is looked at; a chunk holds until the next one is asked for. */
async function* readAhead(handle: FileHandle, starts: Iterable<number>): AsyncGenerator<[number, Buffer]> {
  let [buffer, other] = [Buffer.allocUnsafe(CHUNK), Buffer.allocUnsafe(CHUNK)];
  let before: { start: number; chunk: Promise<Buffer> } | undefined;
  for (const start of starts) {
    const reading = { start, chunk: readChunk(handle, buffer, start) };
    // Looked at below; until then it is nobody's.
    reading.chunk.catch(() => {});
    if (before) yield [before.start, await before.chunk];
    before = reading;
    [buffer, other] = [other, buffer];
  }
  if (before) yield [before.start, await before.chunk];
}

/** Fills a buffer from a place of a file, up to the file's end. */
async function readChunk(handle: FileHandle, buffer: Buffer, start: number): Promise<Buffer> {
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, start + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
