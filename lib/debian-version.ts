/**
 * Versions of Debian packages, in the order of dpkg: `[epoch:]upstream[-revision]`, deb-version(7).
 *
 * dpkg itself takes a process for each pair, and there are thousands of them. Of npm's libraries the one that is kept
 * calls "1.00" older than "1.0" (docs/dependencies.md).
 */

/** Negative where `a` is older than `b`, positive where it is newer, 0 where dpkg takes them for the same. */
export function compareDebianVersions(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [parse(a), parse(b)];
  return (
    left.epoch - right.epoch ||
    compareParts(left.upstream, right.upstream) ||
    compareParts(left.revision, right.revision)
  );
}

interface Version {
  readonly epoch: number;
  readonly upstream: string;
  /** Empty where there is none, which is the same as "0". */
  readonly revision: string;
}

function parse(version: string): Version {
  const colon = version.indexOf(":");
  const rest = version.slice(colon + 1);
  const hyphen = rest.lastIndexOf("-");
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)),
    upstream: hyphen < 0 ? rest : rest.slice(0, hyphen),
    revision: hyphen < 0 ? "" : rest.slice(hyphen + 1),
  };
}

/** By turns what is no digit, character by character, and a number. */
function compareParts(a: string, b: string): number {
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
      const difference = order(a, i) - order(b, j);
      if (difference !== 0) return difference;
      i++;
      j++;
    }
    const [endA, endB] = [endOfNumber(a, i), endOfNumber(b, j)];
    // Numbers may have more digits than a double.
    const [left, right] = [digits(a, i, endA), digits(b, j, endB)];
    if (left.length !== right.length) return left.length - right.length;
    if (left !== right) return left < right ? -1 : 1;
    [i, j] = [endA, endB];
  }
  return 0;
}

/** "~" before the end, the end (and a number, which ends such a part) before letters, letters before all else. */
function order(text: string, index: number): number {
  if (index >= text.length || isDigit(text, index)) return 0;
  const code = text.charCodeAt(index);
  if (code === 0x7e) return -1;
  const letter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
  return letter ? code : code + 256;
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0x30 && code <= 0x39;
}

function endOfNumber(text: string, start: number): number {
  let end = start;
  while (isDigit(text, end)) end++;
  return end;
}

function digits(text: string, start: number, end: number): string {
  let first = start;
  while (first < end && text[first] === "0") first++;
  return text.slice(first, end);
}
