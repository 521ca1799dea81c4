/** Plans that Terraform made of this project's own constructs: make-plans.ts makes them anew. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PlanReview } from "../../lib/review/model";
import { readPlan } from "../../lib/review/plan";
import { reviewPlan } from "../../lib/review/review";

/** The path of a plan's JSON. */
export const planFile = (name: string) => join(__dirname, "..", "fixtures", "plans", `${name}.json`);

// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
type Json = any;

/** The review of a plan, changed before where that is asked for. */
export function reviewOf(
  name: string,
  allowed: readonly string[] = [],
  change: (json: Json) => void = () => {},
): PlanReview {
  const json = JSON.parse(readFileSync(planFile(name), "utf8"));
  change(json);
  return reviewPlan(readPlan(Buffer.from(JSON.stringify(json)), name), new Set(allowed));
}
