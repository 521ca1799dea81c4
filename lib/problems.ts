import { ExitCode, VisaImageError } from "./errors";

/** More than these are not read at once. */
const MOST_TOLD = 25;

/** What is wrong in several places of what a person gave, told at once. */
export class SeveralErrors extends VisaImageError {
  /** @param problems each once, in the order in which they were found */
  constructor(readonly problems: readonly VisaImageError[]) {
    const [first] = problems;
    const told = problems.slice(0, MOST_TOLD).map(({ message }) => message);
    const more = problems.length - told.length;
    super(
      [
        `${problems.length} things have to be put right:`,
        ...told,
        ...(more > 0 ? [`… and ${more} more, once these are`] : []),
      ].join("\n"),
      { location: undefined, exitCode: ExitCode.USAGE, cause: first },
    );
    this.name = "SeveralErrors";
  }
}

/** All errors that one tells of: itself, or several. */
export function problemsOf(error: VisaImageError): readonly VisaImageError[] {
  return error instanceof SeveralErrors ? error.problems : [error];
}

/**
 * Collects what is wrong with the input, so that a person hears of all of it and not of one thing after the other.
 * Only errors in what was given (exit code 2) are kept; any other one is thrown at once.
 */
export class Problems {
  private readonly found = new Map<string, VisaImageError>();

  /** Does something; undefined where the input was wrong. */
  attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof VisaImageError) || error.exitCode !== ExitCode.USAGE) throw error;
      this.add(error);
      return undefined;
    }
  }

  /** Keeps an error for later. One that is there already, since two things depend on one place, is kept once. */
  add(error: VisaImageError): void {
    for (const problem of problemsOf(error)) this.found.set(problem.message, problem);
  }

  /** Throws what was found: one error as it is, several as one. */
  throwAny(): void {
    const all = [...this.found.values()];
    if (all.length > 1) throw new SeveralErrors(all);
    if (all[0]) throw all[0];
  }
}

/** `items.map(work)`, which tells what is wrong with all of the items. */
export function mapAll<T, R>(items: Iterable<T>, work: (item: T, index: number) => R): R[] {
  const problems = new Problems();
  const results = [...items].map((item, index) => problems.attempt(() => work(item, index)));
  problems.throwAny();
  return results as R[];
}
