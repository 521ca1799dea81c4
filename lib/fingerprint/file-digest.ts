import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** What of a file is an input: its bytes, and whether it can be executed. */
export interface FileDigest {
  /**
   * 0o755 or 0o644. As in Git only the owner's execute bit counts: the others differ with the umask of whoever checked
   * out, and the runner gives the staged file exactly this mode.
   */
  readonly mode: number;
  /** Hex SHA-256 of its bytes. */
  readonly sha256: string;
}

const CHUNK = 1 << 20;
const cache = new Map<string, { state: string; digest: FileDigest }>();
let buffer: Buffer | undefined;

/** Reads a file once: as long as its size, times and identity stay, what was read before is returned. */
export function digestFile(path: string): FileDigest {
  const file = openSync(path, "r");
  try {
    const stat = fstatSync(file, { bigint: true });
    if (!stat.isFile()) throw new Error("not a regular file");
    const state = [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(" ");
    const known = cache.get(path);
    if (known?.state === state) return known.digest;
    const hash = createHash("sha256");
    buffer ??= Buffer.allocUnsafe(CHUNK);
    for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) {
      hash.update(buffer.subarray(0, length));
    }
    const digest = { mode: (stat.mode & 0o100n) === 0n ? 0o644 : 0o755, sha256: hash.digest("hex") };
    cache.set(path, { state, digest });
    return digest;
  } finally {
    closeSync(file);
  }
}
