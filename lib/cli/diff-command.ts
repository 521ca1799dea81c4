/** `visa-image diff`: what differs between two images, from what is written down of each. */
import { resolve } from "node:path";
import { compareSides } from "../diff/compare";
import { compareWithDeploy, toBeBuiltWords } from "../diff/deploy";
import { findSide, lastTwo } from "../diff/find-side";
import { differenceMarkdown, differenceText } from "../diff/render";
import { usageError } from "../errors";
import { wordingMarkdown, wordingText } from "../review/print";
import { Cache, cacheRoot } from "../runner/cache/cache";

/** Options of the command. */
export interface DiffCommandOptions {
  readonly cache?: string;
  readonly lockFile: string;
  readonly deploy?: true;
  /** With `deploy`. */
  readonly output?: string;
  readonly markdown?: true;
  readonly json?: true;
}

/** Runs the command. @param b left out: `a` is an image of the lock, whose last two releases are compared */
export async function runDiff(a: string, b: string | undefined, options: DiffCommandOptions): Promise<void> {
  const { lockFile, deploy, output = "cdktf.out", markdown, json } = options;
  const places = { cache: new Cache(options.cache ? resolve(options.cache) : cacheRoot()), lockFile };
  if (deploy && b !== undefined) {
    throw usageError("--deploy compares with the release in use", undefined, `visa-image diff ${a} --deploy`);
  }
  const difference = deploy ? await compareWithDeploy(a, { ...places, output }) : await compareNamed();
  if (json) process.stdout.write(`${JSON.stringify(difference, undefined, 2)}\n`);
  else if ("sections" in difference) {
    process.stdout.write(markdown ? differenceMarkdown(difference) : differenceText(difference));
  } else {
    const words = toBeBuiltWords(difference);
    process.stdout.write(markdown ? wordingMarkdown(words) : wordingText(words));
  }

  async function compareNamed() {
    const [before, after] = b === undefined ? lastTwo(a, lockFile) : [a, b];
    return compareSides(await findSide(before, places), await findSide(after, places));
  }
}
