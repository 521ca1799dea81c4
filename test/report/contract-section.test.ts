import { renderContract, verdictOf } from "../../lib/report/contract-section";
import type { Finding } from "../../lib/verify/verify-report";
import { verification } from "./sample-page";

const failing: Finding = { number: 8, name: "the key arrives", verdict: "fail", detail: "none\nat all", seconds: 1 };
const failed = { ...verification, passed: false, findings: [...verification.findings, failing] };

test("one line says whether anything has to be done", () => {
  expect(verdictOf(verification).text).toBe("Nothing has to be done: all 2 checks of profile gate hold.");
  expect(verdictOf(failed)).toMatchObject({ kind: "fail", text: expect.stringContaining("1 of 3 checks fail") });
  expect(verdictOf(undefined)).toMatchObject({ kind: "unknown" });
});

test("assertions stand below their part, own checks below theirs, and verdicts are words", () => {
  const text = renderContract(verification)?.text ?? "";
  expect([...text.matchAll(/scope="rowgroup" colspan="3">([^<]+)/g)].map(([, part]) => part)).toEqual([
    ...["boot", "jupyter", "the template&#39;s own checks"],
  ]);
  expect([...text.matchAll(/<td class="word (\w+)">([^<]+)/g)].map(([, kind, word]) => [kind, word])).toEqual([
    ["pass", "pass"],
    ["soft", "n/a"],
    ["pass", "pass"],
  ]);
  expect(text).toContain("2 pass, 0 fail, 1 not applicable or not looked at (2026-11-28 16:37:15 UTC");
});

test("what fails comes first, with all of its detail", () => {
  const text = renderContract(failed)?.text ?? "";
  expect(text.indexOf("What fails")).toBeLessThan(text.indexOf("2 pass, 1 fail"));
  expect(text.match(/FAIL/g)).toHaveLength(2);
  expect(text).toContain('<span class="detail">none\nat all</span>');
});
