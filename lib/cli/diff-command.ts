/** `visa-image diff`: what differs between two images, from what is written down of each. */
import { resolve } from "node:path";
import { compareSides } from "../diff/compare";
import { findSide, lastTwo } from "../diff/find-side";
import { differenceMarkdown, differenceText } from "../diff/render";
import { Cache, cacheRoot } from "../runner/cache/cache";

/** Options of the command. */
export interface DiffCommandOptions {
  readonly cache?: string;
  readonly lockFile: string;
  readonly markdown?: true;
  readonly json?: true;
}

/** Runs the command. @param b left out: `a` is an image of the lock, whose last two releases are compared */
export async function runDiff(a: string, b: string | undefined, options: DiffCommandOptions): Promise<void> {
  const places = { cache: new Cache(options.cache ? resolve(options.cache) : cacheRoot()), lockFile: options.lockFile };
  const [before, after] = b === undefined ? lastTwo(a, options.lockFile) : [a, b];
  const difference = compareSides(await findSide(before, places), await findSide(after, places));
  if (options.json) process.stdout.write(`${JSON.stringify(difference, undefined, 2)}\n`);
  else process.stdout.write(options.markdown ? differenceMarkdown(difference) : differenceText(difference));
}
