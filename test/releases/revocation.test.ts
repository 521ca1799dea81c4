import { type ReleaseLock, readLock } from "../../lib/releases/release-lock";
import { refuseRevoked, withMarks, withoutRevoked, withRevoked } from "../../lib/releases/revocation";

const [base, desktop, apps, other] = ["a", "b", "c", "d"].map((digit) => digit.repeat(64)) as [
  string,
  string,
  string,
  string,
];
const EMPTY: ReleaseLock = readLock("/none");
const why = (reason: string) => ({ reason, date: "2026-11-28T10:00:00Z" });
const BELOW: Record<string, string[]> = { [apps]: [desktop.slice(0, 12), base.slice(0, 12)] };
const below = (fingerprint: string) => BELOW[fingerprint] ?? [];

test("what stands on a revoked layer is revoked for its sake, and goes with it", () => {
  const lock = withRevoked(EMPTY, base, why("bad key"), [base, apps]);
  expect(lock.revoked).toEqual({ [base]: why("bad key"), [apps]: { ...why("bad key"), because: base } });
  expect(withoutRevoked(lock, base, below, "lock")).toEqual(EMPTY);
});

test("what stands on two revoked layers stays revoked for the other one, whichever goes first", () => {
  const both = withRevoked(withRevoked(EMPTY, base, why("one"), [apps]), desktop, why("two"), [apps]);
  expect(withoutRevoked(both, base, below, "lock").revoked).toEqual({
    [desktop]: why("two"),
    [apps]: { ...why("two"), because: desktop },
  });
  expect(withoutRevoked(both, desktop, below, "lock").revoked).toEqual({
    [base]: why("one"),
    [apps]: { ...why("one"), because: base },
  });
});

test("what was revoked itself is not freed by what it stands on", () => {
  const lock = withRevoked(withRevoked(EMPTY, apps, why("own"), []), base, why("below"), [apps]);
  expect(withoutRevoked(lock, base, below, "lock").revoked).toEqual({ [apps]: why("own") });
});

test("fails to take back what is not revoked, or stands on what is", () => {
  const lock = withRevoked(EMPTY, base, why("bad key"), [apps]);
  expect(() => withoutRevoked(lock, other, below, "lock")).toThrow(/dddddddddddd is not revoked\n {2}fix: revoked are/);
  expect(() => withoutRevoked(lock, apps, below, "lock")).toThrow(
    /is revoked for aaaaaaaaaaaa, on which it stands\n {2}fix: npx visa-image revoke aaaaaaaaaaaa --undo/,
  );
});

test("fails for a chain with a revoked layer, and says which, since when, why and what to do", () => {
  const lock = withRevoked(EMPTY, base, why("bad key"), [apps]);
  const ask = (...fingerprints: string[]) => refuseRevoked(lock, { fingerprints, what: '"images/x"', lockFile: "l" });
  expect(() => ask(desktop, other)).not.toThrow();
  const message =
    /l: "images\/x" stands on aaaaaaaaaaaa, which was revoked on 2026-11-28: bad key\n {2}fix: .*cacheBuster.*release:.*--undo/;
  expect(() => ask(other, base)).toThrow(message);
  expect(() => ask(apps)).toThrow(message);
  expect(() => ask(apps)).toThrow(expect.objectContaining({ exitCode: 4 }));
});

test("a lock that was lost has them again from the marks of images, and one that is there keeps its own", () => {
  const image = (fingerprint: string) => ({ fingerprint, below: below(fingerprint), mark: "2026-11-28 bad key" });
  const revoked = { reason: "bad key", date: "2026-11-28" };
  const lock = withMarks(EMPTY, [base, apps].map(image));
  expect(lock.revoked).toEqual({ [base]: revoked, [apps]: { ...revoked, because: base } });
  const own = withRevoked(EMPTY, other, why("own"), [base]);
  expect(withMarks(own, [image(base)])).toEqual(own);
  expect(withMarks(EMPTY, [])).toEqual(EMPTY);
});
