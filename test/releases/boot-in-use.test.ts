import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootInUse } from "../../lib/releases/boot-in-use";
import { releaseFolder } from "../../lib/releases/release-files";
import { formatLock, type Release } from "../../lib/releases/release-lock";
import { bootReport } from "../../lib/verify/boot-report";
import { scratchFolder } from "../support/scratch";

const BOOT = bootReport(2, new Map(), { owner: { seconds: 60, own: 60 } });

/** A lock of two releases, of which the second is in use, with the report that is kept of that. */
function lockWith(report?: string): string {
  const lockFile = join(scratchFolder(), "visa-images.lock.json");
  const release = (digits: string): Release => ({
    ...{ release: digits, fingerprint: "ab".repeat(32), template: "t", name: "n", diskFormat: "raw" },
    ...{ imageId: "i", sha512: "00", sizeBytes: 1, registered: "2026-11-28T10:00:00Z" },
  });
  const images = { "images/desktop": [release("111111111111"), release("222222222222")] };
  writeFileSync(lockFile, formatLock({ version: 1, images }));
  if (report !== undefined) {
    mkdirSync(releaseFolder(lockFile, "222222222222"), { recursive: true });
    writeFileSync(join(releaseFolder(lockFile, "222222222222"), "report.json"), report);
  }
  return lockFile;
}

test("the last release of the lock is in use, and its report says how it boots", () => {
  const lockFile = lockWith(JSON.stringify({ accelerator: "tcg", boot: BOOT }));
  expect(bootInUse(lockFile, "images/desktop")).toEqual({ release: "222222222222", accelerator: "tcg", boot: BOOT });
});

test.each<[string, string | undefined, string, RegExp]>([
  ["an image without a release", undefined, "images/other", /^"images\/other" has no release in use/],
  ["a release without a report", undefined, "images/desktop", /\(222222222222\) boots: there is no .*report\.json$/],
  ["a report that is cut off", "{", "images/desktop", /there is no/],
  ["a report of before", "{}", "images/desktop", /report\.json is of an earlier version$/],
])("of %s the reason is told", (_, report, image, reason) => {
  expect(bootInUse(lockWith(report), image)).toMatch(reason);
});
