/**
 * Hides secrets in whatever is shown or written.
 *
 * Packer hides single-line sensitive variables in its normal output only: not multi-line ones, not in PACKER_LOG, and
 * not what a script prints of them in another form.
 */
import { credentialsOf } from "../../build-machine";

/** What stands in place of a secret. */
export const MASK = "****";

/** Shorter values are not masked: they would hide half of every line and tell more than they hide. */
export const MIN_SECRET_LENGTH = 4;

/** Replaces secrets in a line. */
export interface Masker {
  mask(line: string): string;
  /** Length of the longest form that is looked for. */
  readonly longest: number;
}

/**
 * Makes a masker of secret values: each as it is, each of its lines, and how it looks in base64, in a URL, in JSON and
 * in a shell's quotes. Of a value that is a URL (a proxy) the user, password and both together are secret, not the host.
 */
export function createMasker(values: Iterable<string>): Masker {
  const forms = new Set<string>();
  for (const value of values) {
    for (const secret of isUrl(value) ? secretsIn(value) : [value]) {
      for (const part of [secret, secret.trim(), ...secret.split(/\r?\n/).map((line) => line.trim())]) {
        for (const form of formsOf(part)) if (form.length >= MIN_SECRET_LENGTH) forms.add(form);
      }
    }
  }
  const sorted = [...forms].sort((a, b) => b.length - a.length);
  if (sorted.length === 0) return { mask: (line) => line, longest: 0 };
  // One pass, longest first: a secret inside another one does not leave the rest of it in clear.
  const pattern = new RegExp(sorted.map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g");
  return { mask: (line) => line.replace(pattern, MASK), longest: sorted[0]?.length ?? 0 };
}

function formsOf(value: string): string[] {
  if (value.length < MIN_SECRET_LENGTH) return [];
  return [
    value,
    encodeURIComponent(value),
    encodeURI(value),
    new URLSearchParams({ v: value }).toString().slice(2),
    JSON.stringify(value).slice(1, -1),
    value.replaceAll("'", "'\\''"),
    value.replaceAll("'", `'"'"'`),
    ...base64Forms(value),
  ];
}

/**
 * In base64 the last character or two depend on what follows (a line end, mostly): the part before them is looked for.
 */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value);
  const stable = bytes.subarray(0, bytes.length - (bytes.length % 3));
  return [bytes.toString("base64"), bytes.toString("base64url"), stable.toString("base64")].filter(
    (form) => form.length >= 6,
  );
}

function isUrl(value: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(value.trim());
}

function secretsIn(value: string): string[] {
  const userinfo = credentialsOf(value);
  if (userinfo === undefined) return [];
  const decoded = decode(userinfo);
  const colon = userinfo.indexOf(":");
  const password = colon < 0 ? userinfo : userinfo.slice(colon + 1);
  return [userinfo, decoded, password, decode(password)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
