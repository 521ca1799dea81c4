import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { planFile } from "../review/support";
import { scratchFolder } from "../support/scratch";
import { runCommand } from "./run-command";

const folder = scratchFolder();
const INSTANCE = "openstack_compute_instance_v2.trial_6BBBC3DD";
const review = (...args: string[]) =>
  runCommand(["review", ...args], folder, { ...process.env, VISA_IMAGE_CACHE: join(folder, "cache") });

// Its modules are compiled when the first of these runs.
jest.setTimeout(60_000);

test("ends with 5 where something is lost that nobody named, and with 0 where it is named or nothing is", async () => {
  expect(await review(planFile("release"), "--markdown")).toMatchObject({ status: 5, stderr: "" });
  expect(await review(planFile("release"), "--allow", INSTANCE)).toMatchObject({ status: 0, stderr: "" });
  expect(await review(planFile("nothing"))).toMatchObject({ status: 0, stderr: "" });
});

test("prints JSON that says the same", async () => {
  const { status, stdout } = await review(planFile("release"), "--json");
  expect(status).toBe(5);
  expect(JSON.parse(stdout)).toMatchObject({ version: 1, verdict: "judge", losses: [{ address: INSTANCE }] });
});

test("what --allow names and is not lost is told, with what is near", async () => {
  const { status, stderr } = await review(planFile("release"), "--allow", INSTANCE.replace("trial", "trail"));
  expect(status).toBe(5);
  expect(stderr).toMatch(/names nothing that is lost; did you mean "openstack_compute_instance_v2\.trial_6BBBC3DD"\?/);
});

test("fails for a file that is not there, and for one that is cut off, with the fix", async () => {
  expect(await review("nowhere.json")).toMatchObject({
    ...{ status: 2, stdout: "" },
    stderr: expect.stringMatching(/there is no file "nowhere\.json"\n {2}fix: terraform plan -out=PLAN/),
  });
  const cut = join(folder, "cut.json");
  writeFileSync(cut, readFileSync(planFile("release")).subarray(0, 1000));
  expect(await review(cut)).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/cut\.json: the plan is cut off/),
  });
});

test("fails for --markdown with --json", async () => {
  expect(await review(planFile("nothing"), "--json", "--markdown")).toMatchObject({ status: 2 });
});
