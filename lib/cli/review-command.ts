/** `visa-image review`: a plan as a person has to judge it. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { ExitCode, VisaImageError } from "../errors";
import { nearest } from "../nearest";
import { withKnownHere } from "../review/known-here";
import { readPlan } from "../review/plan";
import { printMarkdown, printText } from "../review/print";
import { reviewPlan, unnamedLosses } from "../review/review";
import { cacheRoot } from "../runner/cache/cache";
import { warn } from "./inputs";

/** Options of the command. */
export interface ReviewCommandOptions {
  /** Addresses of what may be destroyed or replaced. */
  readonly allow: readonly string[];
  /** cdktf's output folder. */
  readonly output: string;
  readonly cache?: string;
  readonly markdown?: true;
  readonly json?: true;
}

/** Runs the command. @param file with the plan's JSON; `-` for what is piped in */
export async function runReview(file: string, options: ReviewCommandOptions): Promise<void> {
  const plan = readPlan(read(file), file === "-" ? "standard input" : file);
  const made = reviewPlan(plan, new Set(options.allow));
  const lost = made.losses.map(({ address }) => address);
  for (const address of options.allow) {
    if (lost.includes(address)) continue;
    const near = nearest(address, lost);
    warn(`--allow "${address}" names nothing that is lost${near ? `; did you mean "${near}"?` : ""}`);
  }
  const cache = options.cache ? resolve(options.cache) : cacheRoot();
  const review = await withKnownHere(made, { output: resolve(options.output), cache });
  if (options.json) process.stdout.write(`${JSON.stringify(review, undefined, 2)}\n`);
  else process.stdout.write(options.markdown ? printMarkdown(review) : printText(review));
  if (unnamedLosses(review).length > 0) process.exitCode = ExitCode.LOSES;
}

function read(file: string): Buffer {
  try {
    return readFileSync(file === "-" ? 0 : file);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const what = code === "ENOENT" ? `there is no file "${file}"` : `"${file}" cannot be read: ${message}`;
    throw new VisaImageError(what, {
      fix: "terraform plan -out=PLAN && terraform show -json PLAN > PLAN.json",
      exitCode: ExitCode.USAGE,
      cause,
    });
  }
}
