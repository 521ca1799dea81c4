/**
 * The last line of a test run: `N passed, N failed`, from jest's JSON report and the outcome of the other checks.
 *
 * Usage: `test-summary.ts REPORT JEST_EXIT_STATUS CHECKS_PASSED CHECKS_FAILED`; prints the line, and exits with 1 where
 * anything failed or nothing ran.
 */
import { readFileSync } from "node:fs";

/** The part of jest's JSON report that counts. */
export interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  /** Suites that could not even be loaded: their tests are in no other number. */
  readonly numRuntimeErrorTestSuites: number;
}

/** What is counted. */
export interface Summary {
  readonly passed: number;
  readonly failed: number;
}

/**
 * @param report jest's, or `undefined` where it left none
 * @param exitStatus jest's; a failure that no test shows (a coverage threshold, a crash, a signal) still counts as one
 */
export function summarize(report: JestReport | undefined, exitStatus: number, checks: Summary): Summary {
  const passed = report?.numPassedTests ?? 0;
  let failed = (report?.numFailedTests ?? 0) + (report?.numRuntimeErrorTestSuites ?? 0);
  if (failed === 0 && (exitStatus !== 0 || report === undefined || passed === 0)) failed = 1;
  return { passed: passed + checks.passed, failed: failed + checks.failed };
}

/** The line itself. */
export function summaryLine({ passed, failed }: Summary): string {
  return `${passed} passed, ${failed} failed`;
}

function read(file: string): JestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as JestReport;
  } catch {
    return undefined;
  }
}

if (require.main === module) {
  const [file = "", exitStatus, passed, failed] = process.argv.slice(2);
  const summary = summarize(read(file), Number(exitStatus), { passed: Number(passed), failed: Number(failed) });
  console.log(summaryLine(summary));
  process.exitCode = summary.failed > 0 ? 1 : 0;
}
