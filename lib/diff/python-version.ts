/** Versions of Python's packages in the order of PEP 440: https://packaging.python.org/specifications/version-specifiers. */

const PATTERN =
  /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[._-]?(a|b|c|rc|alpha|beta|pre|preview)[._-]?(\d*))?(?:-(\d+)|[._-]?(post|rev|r)[._-]?(\d*))?(?:[._-]?(dev)[._-]?(\d*))?(?:\+([a-z0-9]+(?:[._-][a-z0-9]+)*))?$/;

const PHASES: Readonly<Record<string, number>> = { a: 1, alpha: 1, b: 2, beta: 2, c: 3, rc: 3, pre: 3, preview: 3 };

/** Negative where `a` is older than `b`, 0 where both are the same; undefined where one of them is no version. */
export function comparePythonVersions(a: string, b: string): number | undefined {
  const [left, right] = [parse(a), parse(b)];
  if (!left || !right) return undefined;
  return (
    left.epoch - right.epoch ||
    compareLists(left.release, right.release, 0) ||
    compareLists(left.phase, right.phase, 0) ||
    compareLocal(left.local, right.local)
  );
}

function parse(version: string) {
  const match = PATTERN.exec(version.trim().toLowerCase());
  if (!match) return undefined;
  const [, epoch = "0", release = "", pre, preNumber, implicitPost, post, postNumber, dev, devNumber, local] = match;
  const hasPost = post !== undefined || implicitPost !== undefined;
  // A development release of the version itself is older than its first alpha.
  const phase = pre ? (PHASES[pre] as number) : dev && !hasPost ? 0 : 4;
  return {
    epoch: Number(epoch),
    release: release.split(".").map(Number),
    phase: [
      phase,
      Number(preNumber || 0),
      hasPost ? Number(implicitPost || postNumber || 0) : -1,
      dev ? Number(devNumber || 0) : Number.POSITIVE_INFINITY,
    ],
    local: local?.split(/[._-]/),
  };
}

function compareLists(a: readonly number[], b: readonly number[], missing: number): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i] ?? missing, b[i] ?? missing];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

/** Numbers after words, and more parts after fewer. */
function compareLocal(a: readonly string[] = [], b: readonly string[] = []): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i], b[i]];
    if (left === right) continue;
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
    const numbers = [left, right].map((part) => /^\d+$/.test(part));
    if (numbers[0] && numbers[1]) return Number(left) - Number(right);
    if (numbers[0] !== numbers[1]) return numbers[0] ? 1 : -1;
    return left < right ? -1 : 1;
  }
  return 0;
}
