/** What the lock says of layers that nobody is to build on any more. Pure: synth asks it too. */
import { ExitCode, VisaImageError } from "../errors";
import { short } from "../fingerprint/digest";
import type { ReleaseLock, Revocation } from "./release-lock";

/** What is asked of the lock. */
export interface RevocationQuestion {
  /** The fingerprints of a chain, or of a release and what it stands on. */
  readonly fingerprints: readonly string[];
  /** What is to be made or used, for the message. */
  readonly what: string;
  /** The lock's path, for the message. */
  readonly lockFile: string;
}

/**
 * Does nothing where none of them is revoked.
 *
 * @throws VisaImageError (exit code 4) for the first that is
 */
export function refuseRevoked(lock: Pick<ReleaseLock, "revoked">, question: RevocationQuestion): void {
  const { fingerprints, what, lockFile } = question;
  const revoked = fingerprints.find((each) => lock.revoked?.[each]);
  const revocation = revoked === undefined ? undefined : lock.revoked?.[revoked];
  if (revoked === undefined || !revocation) return;
  const root = revocation.because ?? revoked;
  throw new VisaImageError(
    `${what} stands on ${short(root)}, which was revoked on ${revocation.date.slice(0, 10)}: ${revocation.reason}`,
    {
      location: { file: lockFile },
      fix: `change the layer, or build it anew (cacheBuster: "${revocation.date.slice(0, 10)}"); or go back to a release that is not revoked (release: "…"); or take the revocation back: npx visa-image revoke ${short(root)} --undo`,
      exitCode: ExitCode.CHANGED,
    },
  );
}

/** The lock with a revocation, and those of what stands on it. What is revoked already stays as it is. */
export function withRevoked(
  lock: ReleaseLock,
  root: string,
  { reason, date }: Pick<Revocation, "reason" | "date">,
  above: readonly string[],
): ReleaseLock {
  const own = above.filter((each) => each !== root).map((each) => [each, { reason, date, because: root }] as const);
  return { ...lock, revoked: { ...Object.fromEntries(own), ...lock.revoked, [root]: { reason, date } } };
}

/**
 * The lock without a revocation, and without those of what stands on it alone.
 *
 * @param below what a fingerprint stands on
 * @throws VisaImageError where it is not revoked, or only for what it stands on
 */
export function withoutRevoked(
  lock: ReleaseLock,
  root: string,
  below: (fingerprint: string) => readonly string[],
  file: string,
): ReleaseLock {
  const { [root]: own, ...others } = lock.revoked ?? {};
  if (!own || own.because) {
    throw new VisaImageError(
      own
        ? `${short(root)} is revoked for ${short(own.because ?? "")}, on which it stands`
        : `${short(root)} is not revoked`,
      {
        location: { file },
        fix: own
          ? `npx visa-image revoke ${short(own.because ?? "")} --undo`
          : `revoked are: ${Object.keys(others).map(short).join(", ") || "none"}`,
        exitCode: ExitCode.USAGE,
      },
    );
  }
  const roots = Object.keys(others).filter((each) => !others[each]?.because);
  const left = Object.entries(others).flatMap(([fingerprint, revocation]) => {
    if (revocation.because !== root) return [[fingerprint, revocation] as const];
    const other = roots.find((each) => below(fingerprint).some((digits) => each.startsWith(digits)));
    const { reason, date } = (other && others[other]) || revocation;
    return other ? [[fingerprint, { reason, date, because: other }] as const] : [];
  });
  const { revoked: _, ...rest } = lock;
  return left.length > 0 ? { ...rest, revoked: Object.fromEntries(left) } : rest;
}

/** A revoked image, by what is written on it. */
export interface MarkedImage {
  readonly fingerprint: string;
  /** First digits of the fingerprints that it stands on, the nearest first. */
  readonly below: readonly string[];
  /** The day and the reason. */
  readonly mark: string;
}

/** The lock with the revocations that images are marked with: one that was lost has them again. Others stay as they are. */
export function withMarks(lock: ReleaseLock, images: readonly MarkedImage[]): ReleaseLock {
  if (images.length === 0) return lock;
  const found = images.map(({ fingerprint, below, mark }): [string, Revocation] => {
    const [date = "", ...words] = mark.split(" ");
    // The lowest in its chain was revoked itself.
    const marked = below.map((digits) => images.find((each) => each.fingerprint.startsWith(digits))?.fingerprint);
    const because = marked.findLast((each) => each !== undefined);
    return [fingerprint, { reason: words.join(" "), date, ...(because && { because }) }];
  });
  return { ...lock, revoked: { ...Object.fromEntries(found), ...lock.revoked } };
}
