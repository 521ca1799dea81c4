/** What changed between two releases, for those who choose between them: as far as this machine's cache knows. */
import type { Release } from "../releases/release-lock";
import { Cache, cacheRoot } from "../runner/cache/cache";
import { chainOf } from "../runner/cache/chain";
import type { Environment } from "./api-token";

/** In characters: the rest of a long list is told by its number. */
const LONGEST = 400;

/** Inputs that change with every other one, and say nothing. */
const NOT_TOLD = new Set(["parent", "packer", "base"]);

/**
 * A line that names the inputs which differ from the release before; nothing where there is none, or the cache does not
 * have both.
 *
 * @param releases of one image, in the order of their use
 */
export async function changesBetween(
  releases: readonly Release[],
  imageId: string,
  environment: Environment = process.env,
): Promise<string | undefined> {
  const current = releases.find((each) => each.imageId === imageId);
  const before = releases.findLast((each) => each.imageId !== imageId);
  if (!current || !before) return undefined;
  const cache = new Cache(cacheRoot(environment as NodeJS.ProcessEnv));
  const after = await inputsOf(cache, current.fingerprint);
  const earlier = await inputsOf(cache, before.fingerprint);
  if (!after || !earlier) return undefined;
  const names = [...new Set([...after.keys(), ...earlier.keys()])].filter(
    (name) => after.get(name) !== earlier.get(name),
  );
  if (names.length === 0) return undefined;
  return changesLine(before.registered.slice(0, 10), names.sort());
}

/** The line itself. */
export function changesLine(date: string, names: readonly string[]): string {
  const told: string[] = [];
  for (const name of names) {
    if ([...told, name].join(", ").length > LONGEST) break;
    told.push(name);
  }
  const more = names.length - told.length;
  return `Changed since ${date}: ${told.join(", ")}${more > 0 ? ` and ${more} more` : ""}.`;
}

/** The inputs of a layer and of those below it. */
async function inputsOf(cache: Cache, fingerprint: string): Promise<Map<string, string> | undefined> {
  const inputs = new Map<string, string>();
  const chain = await chainOf(cache, fingerprint);
  for (const manifest of chain) {
    for (const [name, value] of Object.entries(manifest.inputs)) {
      // A file's mode is not what users ask for.
      if (!NOT_TOLD.has(name)) inputs.set(`${manifest.template}: ${name.replace(/^variable /, "")}`, value);
    }
  }
  return chain.length > 0 ? inputs : undefined;
}
