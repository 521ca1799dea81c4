/** How much slower than the release in use a new one may boot: what a stack says, and what the gate is told. */
import { ExitCode, VisaImageError } from "./errors";
import { suggestion } from "./nearest";

/** What a boot is measured by, in the order in which it comes. */
export const BOOT_STEPS = ["owner", "ports", "firstPicture"] as const;

/** One of them. */
export type BootStep = (typeof BOOT_STEPS)[number];

/**
 * How much slower than the release in use a new one may be, each as a share: 0.25 is a quarter. What is left out is not
 * looked at. Times are compared as multiples of a yardstick that is measured in the same boot, so that a busy machine is
 * no slow image (docs/verifying.md).
 */
export interface BootBudget {
  /** From the kernel's start until the owner exists. */
  readonly owner?: number;
  /** From the kernel's start until xrdp and guacd both listen (3389, 4822). */
  readonly ports?: number;
  /** From the log-in through guacd until the desktop's first picture. */
  readonly firstPicture?: number;
}

const EXAMPLE = "bootBudget: { owner: 0.25, ports: 0.25, firstPicture: 0.5 }";
/** More than that is no budget; a percentage may be meant. */
const MOST = 10;

/** @throws VisaImageError for a step that there is none of, or a share that is none */
export function checkBootBudget(budget: BootBudget): void {
  const shares = Object.entries(budget).filter(([, share]) => share !== undefined);
  if (shares.length === 0) throw wrong('"bootBudget" is empty: nothing would be looked at', EXAMPLE);
  for (const [step, share] of shares) {
    if (!(BOOT_STEPS as readonly string[]).includes(step)) {
      throw wrong(
        `"bootBudget.${step}" is nothing that a boot is measured by`,
        suggestion(step, [...BOOT_STEPS], "steps"),
      );
    }
    if (typeof share === "number" && share > 0 && share <= MOST) continue;
    throw wrong(
      `"bootBudget.${step}" is ${share}, expected a share above 0 and up to ${MOST}: 0.25 is a quarter`,
      EXAMPLE,
    );
  }
}

/** In the words of the command line, and of a plan: `owner=0.25,firstPicture=0.5`. */
export function bootBudgetText(budget: BootBudget): string {
  return BOOT_STEPS.flatMap((step) => (budget[step] === undefined ? [] : [`${step}=${budget[step]}`])).join(",");
}

/** Reads {@link bootBudgetText} again. @throws VisaImageError as {@link checkBootBudget} */
export function parseBootBudget(text: string): BootBudget {
  const shares = text.split(",").map((part) => {
    const [step = "", share = ""] = part.split("=").map((word) => word.trim());
    return [step, share === "" ? Number.NaN : Number(share)] as const;
  });
  const budget: BootBudget = Object.fromEntries(shares);
  checkBootBudget(budget);
  return budget;
}

function wrong(problem: string, fix: string): VisaImageError {
  return new VisaImageError(problem, { fix, exitCode: ExitCode.USAGE });
}
