/**
 * Images that must not pass: whatever a mutation spoils is caught by the assertions that it is for, and what is put back
 * passes. `npm test` does a third of them, on the image of test/e2e.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownerScript } from "../../lib/owner-script";
import { packageRoot } from "../../lib/package-root";
import { chooseAccelerator } from "../../lib/runner/host/accelerator";
import { FULL } from "../support/full";
import { MUTATIONS } from "../verify/mutations/all-mutations";
import { runMutations } from "../verify/mutations/run-mutations";

jest.setTimeout(120 * 60_000);

const root = packageRoot();
const scratch = mkdtempSync(join(tmpdir(), "visa-gate-"));
/** Kept: the next run finds the image there, and the demo's layers are. */
const cache = process.env.VISA_IMAGE_CACHE ?? join(root, ".embedded", "cache");
// Apache's server cannot be reached from everywhere.
const settings = { guacd_source: "older-suite", apps: "", disk_size_gb: "5" };
const environment = { VISA_BUILD_CA: "host", ...process.env, VISA_IMAGE_CACHE: cache, ...settings };

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Builds the shipped chain where the cache does not have it, and returns its raw disk. */
function builtDisk(): string {
  const command = ["dist/lib/cli/main.js", "build", "visa-apps", "--format", "raw"];
  const printed = execFileSync("node", command, { cwd: root, env: environment, encoding: "utf8" });
  return printed.trim().split("\n").at(-1) ?? "";
}

const whenFull = FULL ? test : test.skip;

whenFull("every mutation is caught, and passes when it is put back", async () => {
  const { name: accelerator } = await chooseAccelerator("auto", scratch, cache);
  const outcomes = await runMutations(MUTATIONS, {
    ...{ disk: builtDisk(), format: "raw", bootCommand: ownerScript(), accelerator, scratch, reports: scratch },
  });
  expect(outcomes.filter(({ problem }) => problem !== undefined)).toEqual([]);
});

whenFull("fails with exit code 1, and says what for, where a boot command fails", () => {
  const bootCommand = join(scratch, "boot-command");
  writeFileSync(bootCommand, "#!/bin/bash\nexit 1\n");
  const { status, stdout } = spawnSync(
    "node",
    [
      ...["dist/lib/cli/main.js", "verify", "--disk", builtDisk(), "--profile", "gate", "--contract", "boot hygiene"],
      ...["--boot-command", bootCommand, "--reports", scratch],
    ],
    { cwd: root, env: environment, encoding: "utf8" },
  );
  expect(status).toBe(1);
  expect(stdout).toMatch(/^ +2 {2}FAIL {2}cloud-init ends well with a config drive alone \(cloud-init's errors: /m);
  expect(stdout.match(/FAIL/g)).toHaveLength(1);
});
