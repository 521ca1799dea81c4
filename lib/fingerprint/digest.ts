import { createHash } from "node:crypto";

/** Digits of a short hash, where a person reads it. */
export const SHORT_DIGITS = 12;

/**
 * SHA-256 over a list of fields, each framed by its length in bytes: no two different lists have the same input.
 * Text is taken as UTF-8.
 */
export function framedDigest(fields: Iterable<string | Uint8Array>): string {
  const hash = createHash("sha256");
  const length = Buffer.alloc(8);
  for (const field of fields) {
    const bytes = typeof field === "string" ? Buffer.from(field, "utf8") : field;
    length.writeBigUInt64BE(BigInt(bytes.length));
    hash.update(length).update(bytes);
  }
  return hash.digest("hex");
}

/** Hex SHA-256 of a text (as UTF-8) or of bytes. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** The first digits of a hash. */
export function short(digest: string): string {
  return digest.slice(0, SHORT_DIGITS);
}

/** JSON with sorted keys: the same text for the same value, however it was put together. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, own) =>
    typeof own === "object" && own !== null && !Array.isArray(own)
      ? Object.fromEntries(Object.entries(own).sort(([a], [b]) => compare(a, b)))
      : own,
  );
}

/** Order by code units: the same everywhere, unlike that of a locale. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
