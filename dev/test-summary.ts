/**
 * The end of a test run: what failed, a line each, and `N passed, N failed` as the last one, from jest's JSON report and
 * the outcome of the other checks.
 *
 * Usage: `test-summary.ts REPORT JEST_EXIT_STATUS CHECKS_PASSED [FAILED_CHECK…]`; exits with 1 where anything failed or
 * nothing ran.
 */
import { readFileSync } from "node:fs";

/** The part of jest's JSON report that counts. */
export interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  /** Suites that could not even be loaded: their tests are in no other number. */
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
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

/** The names of the tests that failed, and the files of suites that could not be loaded. */
export function failedTests(report: JestReport | undefined): string[] {
  return (report?.testResults ?? []).flatMap(({ name, status, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === "failed");
    if (status === "failed" && failed.length === 0) return [name];
    return failed.map(({ fullName }) => `${name}: ${fullName}`);
  });
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
  const [file = "", exitStatus, passed, ...failedChecks] = process.argv.slice(2);
  const report = read(file);
  const checks = { passed: Number(passed), failed: failedChecks.length };
  const summary = summarize(report, Number(exitStatus), checks);
  for (const name of [...failedChecks, ...failedTests(report)]) console.log(`failed: ${name}`);
  console.log(summaryLine(summary));
  process.exitCode = summary.failed > 0 ? 1 : 0;
}
