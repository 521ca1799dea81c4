import { planReleases } from "../../lib/releases/plan-releases";
import type { Release } from "../../lib/releases/release-lock";

function release(digits: string): Release {
  return {
    ...{ release: digits, fingerprint: digits.padEnd(64, "0"), template: "visa-apps", name: "x", diskFormat: "raw" },
    ...{ imageId: `image ${digits}`, sha512: "ab", sizeBytes: 1, registered: "2026-11-01T00:00:00Z" },
  };
}

const question = { image: "images/desktop", lockFile: "visa-images.lock.json" };

/** Releases by one letter: those that the lock has in the order of their use, and what is asked of it. */
test.each<
  [string, string, { newest: string; release?: string; retain?: number }, [string, boolean, string?], string, string]
>([
  // what, the lock; newest, asked for, retain; in use, known, of the past; kept; forgotten
  ["the first release", "", { newest: "a" }, ["a", false], "", ""],
  ["the same again", "a", { newest: "a" }, ["a", true], "", ""],
  ["a second one", "a", { newest: "b" }, ["b", false], "a", ""],
  ["a third one", "ab", { newest: "c" }, ["c", false], "b", "a"],
  ["none is kept", "ab", { newest: "c", retain: 0 }, ["c", false], "", "ba"],
  ["more are kept than there are", "ab", { newest: "c", retain: 5 }, ["c", false], "ba", ""],
  ["a rollback", "abc", { newest: "c", release: "b" }, ["b", true, "b"], "c", "a"],
  ["a rollback, with other templates by now", "abc", { newest: "d", release: "b" }, ["b", true, "b"], "c", "a"],
  ["the rollback again, once the lock has it last", "acb", { newest: "d", release: "b" }, ["b", true, "b"], "c", "a"],
  ["forward from a rollback", "acb", { newest: "c" }, ["c", true], "b", "a"],
  ["a new release after a rollback hides what was in use", "acb", { newest: "d" }, ["d", false], "b", "ca"],
  ["the one asked for is the newest", "ab", { newest: "b", release: "b" }, ["b", true], "a", ""],
  ["the newest is asked for, and is yet to come", "a", { newest: "b", release: "b" }, ["b", false], "a", ""],
])("%s", (_, lock, asked, [inUse, known, again], kept, forgotten) => {
  const plan = planReleases([...lock].map(release), { ...question, ...asked });
  const letters = (all: readonly Release[]) => all.map((each) => each.release).join("");
  expect({ ...plan, again: plan.again?.release, kept: letters(plan.kept), forgotten: letters(plan.forgotten) }).toEqual(
    { release: inUse, known, again, kept, forgotten },
  );
});

test("fails for a release that the lock does not know, with those that it does", () => {
  const asked = { ...question, newest: "c", release: "x" };
  expect(() => planReleases(["a", "b"].map(release), asked)).toThrow(
    'visa-images.lock.json: the lock has no release "x" of "images/desktop"\n  fix: choose one of: a (2026-11-01), b (2026-11-01)',
  );
  expect(() => planReleases([], asked)).toThrow("where the lock has lost it: npx visa-image lock sync");
});

test("fails for a release that is retired and would be in use; as one of the past it is kept as before", () => {
  const releases = ["a", "b", "c"].map(release);
  const retired = { b: "2026-11-28T10:00:00Z" };
  expect(planReleases(releases, { ...question, newest: "c", retired })).toEqual(
    planReleases(releases, { ...question, newest: "c" }),
  );
  expect(() => planReleases(releases, { ...question, newest: "c", release: "b", retired })).toThrow(
    /release "b" of "images\/desktop" was retired on 2026-11-28.*\n {2}fix: name another one, or .* retire b --undo/,
  );
  expect(() => planReleases(releases, { ...question, newest: "b", retired })).toThrow(/the templates make it again/);
});
