import type { ArtifactManifest, ArtifactState } from "../../lib/runner/cache/cache";
import { answersWithout, type CacheAnswers, findMissing, reasonToBuild } from "../../lib/runner/resolve";

const CHAIN = ["base", "system", "visa", "apps"].map((name) => ({ name, fingerprint: `fingerprint of ${name}` }));
const manifest = (fingerprint: string) => ({ fingerprint }) as ArtifactManifest;
type Kind = ArtifactState["kind"];

/** A cache with these states of the chain's items; whole ones stand on what is below them. */
function cache(kinds: readonly Kind[], foundation = 0): CacheAnswers & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    foundation: async () => foundation,
    check: async (fingerprint, parent, depth) => {
      const index = CHAIN.findIndex((item) => item.fingerprint === fingerprint);
      asked.push(`${CHAIN[index]?.name} on ${parent?.fingerprint.slice(15) ?? "nothing"}, ${depth}`);
      const kind = kinds[index] as Kind;
      return { kind, reason: "", manifest: manifest(fingerprint) } as ArtifactState;
    },
  };
}

test("nothing is missing where all is intact, each on what is below it", async () => {
  const answers = cache(["intact", "intact", "intact", "intact"]);
  await expect(findMissing(CHAIN, answers, "full")).resolves.toEqual({ start: 0, missing: 4 });
  expect(answers.asked).toEqual([
    "base on nothing, full",
    "system on base, full",
    "visa on system, full",
    "apps on visa, full",
  ]);
});

test.each<[Kind]>([["missing"], ["damaged"], ["stale"]])(
  "what stands on one that is %s is not looked at",
  async (kind) => {
    const answers = cache(["intact", kind, "intact", "intact"]);
    await expect(findMissing(CHAIN, answers, "quick")).resolves.toEqual({ start: 0, missing: 1 });
    expect(answers.asked).toHaveLength(2);
  },
);

test("what is below one that stands on nothing is not looked at", async () => {
  const answers = cache(["missing", "missing", "intact", "missing"], 2);
  await expect(findMissing(CHAIN, answers, "quick")).resolves.toEqual({ start: 2, missing: 3 });
  expect(answers.asked).toEqual(["visa on nothing, quick", "apps on visa, quick"]);
});

test("what is to be built anew is missing, with all that it stands on to be looked at", async () => {
  const answers = cache(["intact", "intact", "intact", "intact"], 2);
  const without = answersWithout(answers, {
    rebuilt: (fingerprint) => fingerprint.endsWith("visa"),
    reasonAgainst: () => undefined,
  });
  await expect(findMissing(CHAIN, without, "quick")).resolves.toEqual({ start: 0, missing: 2 });
  const untouched = answersWithout(answers, { rebuilt: () => false, reasonAgainst: () => undefined });
  await expect(findMissing(CHAIN, untouched, "quick")).resolves.toEqual({ start: 2, missing: 4 });
});

test("the reason for a build is told in words", () => {
  expect(reasonToBuild({ kind: "missing" }, false, true)).toBe("not in the cache");
  expect(reasonToBuild({ kind: "missing" }, false, false)).toBe(
    "not in the cache, and what stands on it must be built",
  );
  expect(reasonToBuild({ kind: "stale", reason: "why" }, false, true)).toBe("stale: why");
  expect(reasonToBuild({ kind: "missing" }, true, false)).toBe("asked for, whatever the cache has");
});
