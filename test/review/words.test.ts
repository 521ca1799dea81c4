import type { ChangedInput, LayerReview, PlanReview } from "../../lib/review/model";
import { printText } from "../../lib/review/print";
import { wordsOf } from "../../lib/review/words";
import { reviewOf } from "./support";

const headline = (review: PlanReview) => wordsOf(review).headline;

test.each([
  ["nothing", [], "Nothing to do: the plan changes nothing."],
  [
    "first",
    [],
    "Nothing to judge: 1 new release, 3 layers built, VISA is told, 1 other change; nothing is destroyed or replaced.",
  ],
  ["renamed", [], "Nothing to judge: 1 image changed in place, VISA is told; nothing is destroyed or replaced."],
  ["unprotected", [], "TO BE JUDGED: 2 releases are no longer PROTECTED in Glance."],
  ["instance-gone", [], "TO BE JUDGED: 1 instance is DESTROYED, not named by --allow."],
  ["instance-gone", ["openstack_compute_instance_v2.trial_6BBBC3DD"], "Named by --allow: 1 instance is DESTROYED."],
  [
    "destroy",
    ["openstack_compute_instance_v2.trial_6BBBC3DD"],
    "TO BE JUDGED: 2 images are DESTROYED, 1 VISA entry is HIDDEN, not named by --allow.",
  ],
])("the first line of %s, with %j allowed, says whether anything is to be judged", (name, allowed, line) => {
  expect(headline(reviewOf(name, allowed))).toBe(line);
});

/** The review of a new release, whose layer is another one. */
function withLayer(layer: Partial<LayerReview>): PlanReview {
  const review = reviewOf("release");
  return { ...review, layers: review.layers.map((each) => ({ ...each, ...layer })) };
}

/** How one changed input is told. */
function told(input: Partial<ChangedInput>): string {
  const text = printText(
    withLayer({ changed: [{ name: "a.sh", before: "0123456789ab 0644", after: "0123456789ac 0644", ...input }] }),
  );
  return /^ {4}(a\.sh.*)$/m.exec(text)?.[1] ?? text;
}

const commit = { hash: "3fa1c0f", author: "Ada", date: "2026-11-27", subject: "Jupyter 4.2" };

test("a file is told with what Git says of it", () => {
  expect(told({})).toBe("a.sh 0123456789ab -> 0123456789ac");
  expect(told({ after: "0123456789ab 0755" })).toBe("a.sh mode 0644 -> 0755");
  expect(told({ before: undefined })).toBe("a.sh new");
  expect(told({ after: undefined })).toBe("a.sh no input any more");
  const git = (...files: ChangedInput["files"] & object) => told({ files }).replace(/^.*?: /, "");
  expect(git({ path: "a.sh", git: { state: "committed", commit } })).toBe("3fa1c0f by Ada, 2026-11-27: Jupyter 4.2");
  expect(git({ path: "a.sh", git: { state: "committed", commit, shallow: true } })).toMatch(
    /this clone has no older commit\)$/,
  );
  expect(git({ path: "a.sh", git: { state: "modified", commit } })).toMatch(/^NOT COMMITTED, after 3fa1c0f/);
  expect(git({ path: "a.sh", git: { state: "untracked" } })).toBe("NOT COMMITTED");
  expect(git({ path: "a.sh", git: { state: "outside" } })).toBe("in no repository of git");
  expect(git({ path: "a.sh", package: "cdktf-visa-images" })).toBe("of the package cdktf-visa-images");
});

test("what is not committed is in the first line", () => {
  const files = [{ path: "a.sh", git: { state: "modified" as const, commit } }];
  expect(headline(withLayer({ changed: [{ name: "a.sh", files }] }))).toContain("1 changed file is NOT COMMITTED");
});

test("a layer is told with the time of its last build, and one that the cache has is not built", () => {
  const lastBuild = { seconds: 453, at: "2026-11-20T08:00:00.000Z" };
  const built = withLayer({ lastBuild });
  expect(headline(built)).toContain("1 layer built (last time 7 min 33 s)");
  expect(printText(built)).toContain("visa-apps bd4cebc973fd, last time 7 min 33 s, on 2026-11-20");
  const cached = withLayer({ cached: true, lastBuild });
  expect(headline(cached)).not.toContain("built");
  expect(printText(cached)).toContain("in this machine's cache: nothing is left to build");
});

test("long lists are cut, and say so", () => {
  const changed = Array.from({ length: 25 }, (_, i) => ({ name: `variable v${i}`, before: "1", after: "2" }));
  const text = printText(withLayer({ changed }));
  expect(text).toContain("variable v9: 1 -> 2\n    and 15 more: --json has all");
});
