/** Brings about in VISA what a stack wants: one mutation after the other, each looked at before the next. */
import { setTimeout as sleep } from "node:timers/promises";
import { VisaImageError, withoutFix } from "../errors";
import type { Step } from "./entry-changes";
import type { Found } from "./fields";
import { VisaError } from "./graphql";
import type { VisaClient } from "./visa-client";

/** What {@link carryOut} is told. */
export interface CarryOutOptions {
  readonly client: VisaClient;
  /** What is left to do, by what VISA has. */
  readonly plan: (found: Found) => readonly Step[];
  /** Told of each step that is done. */
  readonly onStep?: (says: string) => void;
  /** How long is waited before each look at VISA after an answer that did not come, in milliseconds. */
  readonly pauses?: readonly number[];
}

/** More changes than any registration takes: something undoes them as they are made. */
const MOST_STEPS = 200;

/** How often a step is sent again. */
const MOST_AGAIN = 2;

const PAUSES = [500, 1000, 2000, 4000, 8000];

/**
 * Does what is left until nothing is. What VISA has is read anew after each step, so that a run that was stopped, or whose
 * answer was lost, is gone on with where it is, by this run or the next one.
 *
 * @returns how many changes were made
 * @throws VisaImageError which says what is left to do
 */
export async function carryOut(options: CarryOutOptions): Promise<number> {
  const { client, plan, onStep = () => {} } = options;
  await client.checkRole();
  let again = 0;
  let left: readonly Step[] = [];
  for (let count = 0; ; ) {
    const found = await client.read().catch((error) => {
      throw stopped(error, left);
    });
    const steps = plan(found);
    const [step] = steps;
    left = steps.slice(1);
    if (!step) return count;
    if (count >= MOST_STEPS) throw stopped(new Error("VISA's entries change while they are changed"), steps);
    try {
      await client.change(step.mutation);
    } catch (error) {
      if (!(await wasDone(step, error, options))) {
        again += 1;
        if (again > MOST_AGAIN || !maySendAgain(step, error)) throw stopped(error, steps);
        continue;
      }
    }
    again = 0;
    count += 1;
    onStep(step.says);
  }
}

/** Whether a step whose answer was an error has been done after all. What was lost may be done only in a moment. */
async function wasDone(step: Step, error: unknown, { client, plan, pauses = PAUSES }: CarryOutOptions) {
  if (!(error instanceof VisaError) || error.outcome === "unauthorised") return false;
  for (const pause of error.outcome === "answered" ? [0] : pauses) {
    await sleep(pause);
    try {
      const [next] = plan(await client.read());
      if (JSON.stringify(next) !== JSON.stringify(step)) return true;
    } catch (again) {
      // Still away: the first error says why.
      if (!(again instanceof VisaError)) throw again;
    }
  }
  return false;
}

/**
 * Whether sending it once more does no harm. Where nobody knows what became of it, an entry that is made late (VISA may
 * wait for Glance longer than we do for VISA) would be there twice: then the next run looks again.
 */
function maySendAgain({ mutation }: Step, error: unknown): boolean {
  const { outcome } = error as VisaError;
  return outcome === "not sent" || (outcome === "lost" && !mutation.name.startsWith("create"));
}

/** The error, and what it leaves. */
function stopped(error: unknown, left: readonly Step[]): VisaImageError {
  const { message, fix, exitCode } = error as VisaImageError;
  const what = withoutFix(message);
  const steps = left.map(({ says }) => `\n  left to do in VISA: ${says}`).join("");
  return new VisaImageError(`${what}${steps}`, { fix, exitCode, cause: error });
}
