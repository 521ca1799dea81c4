/** `visa-image verify --on-cloud` as it is called: what is missing, and what it says in the end. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "../support/scratch";
import { InstanceCloud } from "../verify/cloud/cloud-stand-in";
import { runCommand } from "./run-command";

const cloud = new InstanceCloud();
let folder: string;
beforeAll(() => cloud.start());
afterAll(() => cloud.stop());
beforeEach(() => {
  folder = scratchFolder();
});

const PLACE = ["--flavor", "m1.medium", "--network", "visa"];
const run = (...args: string[]) =>
  runCommand(["verify", ...args, "--cache", join(folder, "cache")], folder, { ...process.env, ...cloud.environment });

test("the report, and exit code 0", async () => {
  const { status, stdout, stderr } = await run("--on-cloud", "desktop", ...PLACE, "--contract", "", "--all");
  expect([status, stderr]).toEqual([0, expect.stringContaining("[visa-apps] on the cloud, by metadata-service")]);
  expect(stdout).toMatch(/ 51 +pass +Glance: active/);
  expect(stdout).toMatch(/ 56 +pass .*image-check-/);
  expect(stdout).toContain("visa-apps cdcdcdcdcdcd, on the cloud, profile gate: 2 passed, 0 failed");
  expect(cloud.left).toEqual([]);
  // No evidence of the gate's: a registration believes what begins with a fingerprint.
  expect(readdirSync(join(folder, "cache/reports"))).toEqual([expect.stringMatching(/^cloud-[0-9a-f]{12}-gate$/)]);
  expect(readdirSync(join(folder, "cache/scratch"))).toEqual([]);
});

test("fails with exit code 1, and the evidence, where an assertion does not hold", async () => {
  cloud.image.min_disk = 1;
  const { status, stdout, stderr } = await run("--on-cloud", "img", ...PLACE, "--contract", "");
  cloud.image.min_disk = 5;
  expect(status).toBe(1);
  expect(stdout).toContain("51  FAIL");
  expect(stderr).toMatch(/does not keep VISA's contract: [\s\S]*fix: see the evidence in /);
  expect(existsSync(join(folder, "cache/reports"))).toBe(true);
});

test.each<[string, string[], string]>([
  ["without a flavour", ["--on-cloud", "img", "--network", "visa"], '"--flavor" is missing'],
  ["without a network", ["--on-cloud", "img", "--flavor", "m1.medium"], '"--network" is missing'],
  ["for an image that is not there", ["--on-cloud", "other", ...PLACE], 'Glance has no image "other" of this project'],
  ["for another flavour", ["--on-cloud", "img", ...PLACE, "--flavor", "x"], 'Nova has no flavour "x"'],
  ["for no range of addresses", ["--on-cloud", "img", ...PLACE, "--from", "lab"], '"--from" is "lab"'],
])("fails %s, as a wrong call", async (_, args, message) => {
  const { status, stderr } = await run(...args, "--contract", "");
  expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  expect(stderr).toContain("fix: ");
  expect(cloud.left).toEqual([]);
});

test.each([
  ["--boot-budget <shares>", ["--boot-budget", "owner=0.25"]],
  ["--in-use <image>", ["--in-use", "images/desktop"]],
])("takes no %s: nothing on a cloud could be compared by a budget for the boot", async (option, budget) => {
  const { status, stderr } = await run("--on-cloud", "desktop", ...PLACE, "--contract", "", ...budget);
  expect([status, stderr]).toEqual([2, expect.stringContaining(`'${option}' cannot be used with`)]);
  expect(stderr).toContain("'--on-cloud <image>'");
  expect(cloud.left).toEqual([]);
});

test("fails where nobody says what an image promises", async () => {
  const { visa_template: template } = cloud.image;
  delete cloud.image.visa_template;
  const { status, stderr } = await run("--on-cloud", "img", ...PLACE);
  cloud.image.visa_template = template;
  expect([status, stderr]).toEqual([2, expect.stringContaining("nobody says what the image")]);
});
