/**
 * The shipped chain on Debian 13, which promises what it does on Debian 12. Part of `npm run test:faults`: a second
 * desktop takes the most of an hour without KVM. docs/contract.md has the table of such a run.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONTRACT } from "../../lib/contract";
import { packageRoot } from "../../lib/package-root";
import type { VerifyReport } from "../../lib/verify/verify-report";
import { FULL } from "../support/full";

jest.setTimeout(180 * 60_000);

const root = packageRoot();
const scratch = mkdtempSync(join(tmpdir(), "visa-debian-13-"));
const reports = process.env.VISA_TEST_REPORTS ?? join(scratch, "reports");
const environment: NodeJS.ProcessEnv = {
  VISA_BUILD_CA: "host",
  // Apache's server cannot be reached from everywhere: guacd_source=source where it can, or guacd_source_url is a copy.
  guacd_source: "older-suite",
  ...process.env,
  // Kept: the next run finds the layers there.
  VISA_IMAGE_CACHE: process.env.VISA_IMAGE_CACHE ?? join(root, ".embedded", "cache"),
  ...{ debian_suite: "trixie", apps: "", disk_size_gb: "7" },
};

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

(FULL ? test : test.skip)("Debian 13 keeps VISA's whole contract", () => {
  const command = ["dist/lib/cli/main.js", "verify", "visa-apps", "--profile", "full", "--json", "--reports", reports];
  const { stdout, stderr } = spawnSync("node", command, {
    ...{ cwd: root, encoding: "utf8", env: environment, maxBuffer: 64 << 20 },
  });
  if (!stdout.startsWith("{")) throw new Error(stderr.slice(-20_000));
  const { findings } = JSON.parse(stdout) as VerifyReport;
  expect(findings.filter(({ verdict }) => verdict === "fail")).toEqual([]);
  const passed = findings.flatMap(({ number, verdict }) => (verdict === "pass" && number ? [number] : []));
  // 63 compares with a release in use, and here is none.
  const ofImage = [...CONTRACT.values()]
    .filter(({ part, number }) => part !== "cloud" && number !== 63)
    .map(({ number }) => number);
  expect(passed.sort((a, b) => a - b)).toEqual(ofImage);
});
