/** Terraform is stopped in every way there is, while a build of its local-exec runs: the build ends with it. */

import { type ChildProcess, execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Ended, startProcess } from "../integration/runner-support";
import { FULL } from "../support/full";
import { expectSuccess, FaultWorkspace, type Stage } from "./support";

jest.setTimeout(300_000);

let workspace: FaultWorkspace;
let args: string[];
let folder: string;

beforeAll(async () => {
  workspace = await FaultWorkspace.create();
  args = workspace.specify(workspace.layer());
  folder = join(workspace.folder, "terraform");
  mkdirSync(folder);
  const command = workspace
    .commandLine(...args)
    .map((word) => `'${word}'`)
    .join(" ");
  writeFileSync(
    join(folder, "main.tf.json"),
    JSON.stringify({ resource: { terraform_data: { build: { provisioner: { "local-exec": { command } } } } } }),
  );
  execFileSync("terraform", ["init", "-no-color"], { cwd: folder, env: environment(), stdio: "ignore" });
});
afterAll(() => workspace.remove());
afterEach(() => workspace.release());

function environment(): NodeJS.ProcessEnv {
  return { ...workspace.environment, CHECKPOINT_DISABLE: "1" };
}

function apply(): ChildProcess & { ended: Promise<Ended> } {
  const options = { detached: true, directory: folder };
  return startProcess("terraform", ["apply", "-auto-approve", "-no-color"], environment(), options);
}

type Case = readonly [signal: NodeJS.Signals, to: "alone" | "with its process group", stage: Stage];

const CASES: readonly Case[] = [
  ["SIGTERM", "alone", "flattening"],
  ["SIGINT", "with its process group", "provisioning"],
  ["SIGKILL", "alone", "provisioning"],
];

const ALL: readonly Case[] = (
  ["base", "starting", "provisioning", "shutdown", "finishing", "flattening"] as const
).flatMap((stage) =>
  (["SIGINT", "SIGTERM", "SIGKILL"] as const).flatMap((signal): Case[] => [
    [signal, "alone", stage],
    [signal, "with its process group", stage],
  ]),
);

/**
 * @fault stopped: SIGINT, SIGTERM or SIGKILL of Terraform, alone or with its process group, at every stage
 * @then the build ends with it; the next apply goes on
 */
test.each(FULL ? ALL : CASES)("%s to Terraform %s ends the build, at the stage: %s", async (signal, to, stage) => {
  workspace.forget("held", stage);
  workspace.hold(stage);
  const terraform = apply();
  await workspace.untilHeld(stage);
  process.kill(to === "alone" ? (terraform.pid as number) : -(terraform.pid as number), signal);
  expect((await terraform.ended).code).not.toBe(0);
  await workspace.expectNothingLeft();
});

test("the next deploy succeeds", async () => {
  workspace.release();
  expectSuccess(await apply().ended);
  await workspace.expectNothingLeft();
});
