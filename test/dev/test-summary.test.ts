import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failedTests, summarize, summaryLine } from "../../dev/test-summary";

const report = { numPassedTests: 5, numFailedTests: 0, numRuntimeErrorTestSuites: 0, testResults: [] };

describe("the summary of a test run", () => {
  it("adds tests and checks", () => {
    expect(summarize(report, 0, { passed: 3, failed: 0 })).toEqual({ passed: 8, failed: 0 });
    expect(summarize({ ...report, numFailedTests: 2 }, 1, { passed: 2, failed: 1 })).toEqual({ passed: 7, failed: 3 });
  });

  it("counts a suite that could not run", () => {
    expect(summarize({ ...report, numRuntimeErrorTestSuites: 1 }, 1, { passed: 0, failed: 0 }).failed).toBe(1);
  });

  it("counts a failure that no test shows", () => {
    expect(summarize(report, 1, { passed: 0, failed: 0 }).failed).toBe(1);
    expect(summarize(undefined, 0, { passed: 3, failed: 0 })).toEqual({ passed: 3, failed: 1 });
    expect(summarize({ ...report, numPassedTests: 0 }, 0, { passed: 3, failed: 0 }).failed).toBe(1);
  });

  it("names what failed: tests, and files that could not be loaded", () => {
    const testResults = [
      { name: "a.test.ts", status: "passed", assertionResults: [{ fullName: "goes", status: "passed" }] },
      {
        name: "b.test.ts",
        status: "failed",
        assertionResults: [
          { fullName: "goes", status: "passed" },
          { fullName: "does not", status: "failed" },
        ],
      },
      { name: "c.test.ts", status: "failed", assertionResults: [] },
    ];
    expect(failedTests({ ...report, testResults })).toEqual(["b.test.ts: does not", "c.test.ts"]);
    expect(failedTests(undefined)).toEqual([]);
  });

  it("is one line of a fixed form", () => {
    expect(summaryLine({ passed: 12, failed: 0 })).toBe("12 passed, 0 failed");
  });

  it("is a command that fails with the tests", () => {
    const folder = mkdtempSync(join(tmpdir(), "summary-"));
    const file = join(folder, "jest.json");
    const project = join(__dirname, "../..");
    const run = (...args: string[]) =>
      execFileSync(
        "node",
        ["--import", join(project, "node_modules/tsx/dist/loader.mjs"), "dev/test-summary.ts", ...args],
        {
          cwd: project,
          encoding: "utf8",
        },
      );
    try {
      writeFileSync(file, JSON.stringify(report));
      expect(run(file, "0", "3")).toBe("8 passed, 0 failed\n");
      expect(() => run(file, "0", "2", "format and lint")).toThrow(
        expect.objectContaining({ status: 1, stdout: "failed: format and lint\n7 passed, 1 failed\n" }),
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
