/** The checksum of a disk: of its contents, however its file is sparse. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestDisk, type Extent } from "../../../lib/runner/cache/disk-digest";

const BLOCK = 65_536;
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "visa-images-test-"));
  file = join(folder, "disk");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A disk with data in these extents, and its bytes. */
function disk(size: number, extents: readonly Extent[]): Buffer {
  const bytes = Buffer.alloc(size);
  for (const { start, length } of extents) bytes.fill("x", start, start + length);
  writeFileSync(file, bytes);
  return bytes;
}

/** The same by the letter of its description. */
function expected(bytes: Buffer): string {
  const hash = createHash("sha256");
  const number = (value: number) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigUInt64BE(BigInt(value));
    return buffer;
  };
  for (let at = 0; at < bytes.length; at += BLOCK) {
    const block = bytes.subarray(at, at + BLOCK);
    if (block.some((byte) => byte !== 0)) hash.update(number(at)).update(block);
  }
  return hash.update(number(bytes.length)).digest("hex");
}

test.each<[string, number, Extent[]]>([
  ["data in the middle", 5_000_000, [{ start: 1_048_576, length: 4096 }]],
  [
    "data at both ends",
    3_000_001,
    [
      { start: 0, length: 100 },
      { start: 2_900_000, length: 100_001 },
    ],
  ],
  [
    "two extents in one chunk",
    4 << 20,
    [
      { start: 1_100_000, length: 10 },
      { start: 1_900_000, length: 400_000 },
    ],
  ],
  ["nothing but zeros", 3 << 20, []],
  ["no zero", 1000, [{ start: 0, length: 1000 }]],
  ["no byte", 0, []],
])("of a disk with %s is that of its blocks, whether its holes are known or not", async (_, size, extents) => {
  const bytes = disk(size, extents);
  await expect(digestDisk(file)).resolves.toBe(expected(bytes));
  await expect(digestDisk(file, extents)).resolves.toBe(expected(bytes));
});

test("changes with a bit of the data, one of the zeros, a block's place, and the size", async () => {
  const bytes = disk(4 << 20, [{ start: 1 << 20, length: BLOCK }]);
  const digests = [await digestDisk(file)];
  const changed = async (changes: Buffer) => {
    writeFileSync(file, changes);
    digests.push(await digestDisk(file));
  };
  await changed(Buffer.from(bytes).fill("y", (1 << 20) + 5, (1 << 20) + 6));
  await changed(Buffer.from(bytes).fill(1, (3 << 20) - 1, 3 << 20));
  await changed(Buffer.alloc(4 << 20).fill("x", 2 << 20, (2 << 20) + BLOCK));
  await changed(Buffer.concat([bytes, Buffer.alloc(1)]));
  expect(new Set(digests).size).toBe(5);
  writeFileSync(file, bytes);
  expect(await digestDisk(file)).toBe(digests[0]);
});

test("of a disk that is not there fails", async () => {
  await expect(digestDisk(join(folder, "none"))).rejects.toThrow("ENOENT");
});
