import { distance } from "fastest-levenshtein";

/** The candidate that a misspelled name most likely meant, if one is near enough to be worth a suggestion. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const d = distance(name.toLowerCase(), candidate.toLowerCase());
    if (d < least) {
      least = d;
      best = candidate;
    }
  }
  return best;
}

/** `did you mean "x"?`, or else what there is to choose from. */
export function suggestion(name: string, candidates: Iterable<string>, what: string): string {
  const all = [...candidates].sort();
  const near = nearest(name, all);
  if (near !== undefined) return `did you mean "${near}"?`;
  return all.length > 0 ? `known ${what}: ${all.join(", ")}` : `there are no ${what}`;
}
