/** What of a chain of items is missing. It asks the cache, and changes nothing. */
import type { ArtifactManifest, ArtifactState, Cache, CheckDepth } from "./cache/cache";
import type { Item } from "./context";

/** The questions that are asked of a cache. */
export type CacheAnswers = Pick<Cache, "check" | "foundation">;

/** What was found, as indexes of the chain. */
export interface Resolution {
  /** Where the chain starts that counts: at the base, or at an item that stands on nothing. */
  readonly start: number;
  /** The first item that is not usable as it is; the chain's length where all are. */
  readonly missing: number;
}

/** What a build does not take as the cache has it. */
export interface Refusals {
  /** Whether it counts as missing, for it is to be built anew. */
  readonly rebuilt: (fingerprint: string) => boolean;
  /** Why it counts as stale; nothing where it does not. */
  readonly reasonAgainst: (manifest: ArtifactManifest) => string | undefined;
}

/** The answers of a cache of which some items are not taken. */
export function answersWithout(cache: CacheAnswers, { rebuilt, reasonAgainst }: Refusals): CacheAnswers {
  return {
    async check(fingerprint, parent, depth) {
      if (rebuilt(fingerprint)) return { kind: "missing" };
      const state = await cache.check(fingerprint, parent, depth);
      const reason = state.kind === "intact" ? reasonAgainst(state.manifest) : undefined;
      return reason === undefined ? state : { kind: "stale", reason };
    },
    // An item that is built anew gets all that it stands on.
    foundation: async (fingerprints) => (fingerprints.some(rebuilt) ? 0 : cache.foundation(fingerprints)),
  };
}

/** Looks through a chain, from what it stands on upwards. */
export async function findMissing(chain: readonly Item[], cache: CacheAnswers, depth: CheckDepth): Promise<Resolution> {
  const start = await cache.foundation(chain.map(({ fingerprint }) => fingerprint));
  let parent: ArtifactManifest | undefined;
  for (let i = start; i < chain.length; i++) {
    const state = await cache.check((chain[i] as Item).fingerprint, parent, depth);
    if (state.kind !== "intact") return { start, missing: i };
    parent = state.manifest;
  }
  return { start, missing: chain.length };
}

/** Why an item is built, in words for a person. @param last whether nothing else stands on it */
export function reasonToBuild(state: ArtifactState, rebuild: boolean, last: boolean): string {
  if (rebuild) return "asked for, whatever the cache has";
  if (state.kind === "damaged" || state.kind === "stale") return `${state.kind}: ${state.reason}`;
  return last ? "not in the cache" : "not in the cache, and what stands on it must be built";
}
