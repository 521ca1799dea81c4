/** What a report of before is worth by a budget of now: the same disk is not booted twice, and a budget is not hidden. */
import { bootReport } from "../../lib/verify/boot-report";
import { judgedAnew } from "../../lib/verify/verify";
import { findingsOf, type VerifyReport } from "../../lib/verify/verify-report";

const boot = bootReport(2, new Map(), { owner: { seconds: 60, own: 60 } });
const quick = {
  release: "5c329d84cf97",
  accelerator: "tcg",
  boot: bootReport(2, new Map(), { owner: { seconds: 40, own: 40 } }),
};
const report: VerifyReport = {
  ...{ version: 2, verifier: "3", template: "t", fingerprint: "ab", profile: "gate", parts: ["boot"], digest: "ab" },
  ...{ accelerator: "tcg", startedAt: "2026-11-29T00:00:00Z", seconds: 61, passed: true, boot },
  findings: findingsOf([{ number: 63, name: "it", verdict: "pass", detail: "of before", seconds: 1 }], ["boot"]),
};

const judged = (given: Partial<VerifyReport>, budget?: number) => {
  const standard = budget === undefined ? undefined : { budget: { owner: budget }, inUse: quick };
  const { passed, findings } = judgedAnew({ ...report, ...given }, standard);
  expect(findings).toHaveLength(63);
  return [passed, findings[62]?.number, findings[62]?.verdict, findings[62]?.detail];
};

test("without a budget it stays as it is", () => {
  expect(judged({})).toEqual([true, 63, "not applicable", "no budget is set (bootBudget)"]);
});

test("a budget that it keeps is kept without another boot", () => {
  expect(judged({}, 0.6)).toEqual([true, 63, "pass", expect.stringContaining("(+50 %, allowed +60 %)")]);
});

test("fails by a budget that is narrower now", () => {
  expect(judged({}, 0.4)).toEqual([false, 63, "fail", expect.stringContaining("(+50 %, allowed +40 %)")]);
});

test("fails where it says nothing of its boot, so that there is another one", () => {
  expect(judged({ boot: undefined }, 9)).toEqual([false, 63, "fail", "nothing is kept of its boot"]);
  expect(judged({ boot: undefined })).toEqual([true, 63, "not applicable", expect.any(String)]);
});

test("one that does not pass for another reason does not pass now", () => {
  expect(judged({ passed: false }, 0.6).slice(0, 3)).toEqual([false, 63, "pass"]);
});
