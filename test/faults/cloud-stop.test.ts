/** Terraform, the provider, or a step of ours that is stopped while an image is verified, uploaded and registered. */
import type { BuildSpecification } from "../../lib/specification";
import type { TerraformRun } from "../integration/terraform-support";
import { FULL } from "../support/full";
import { CloudDeployment, diskOf, MIB, STATE_LOCK, UPLOAD } from "./support/cloud-deployment";

jest.setTimeout(240_000);

const deployment = new CloudDeployment();
let lastGood: string;
let inputs: BuildSpecification;

beforeAll(async () => {
  await deployment.startCloud();
  lastGood = await deployment.expectDeploy(deployment.nextInputs());
  inputs = deployment.nextInputs();
});
afterAll(() => deployment.stop());

/** The next deploy of the same inputs, and new ones after it. */
async function goOn(): Promise<void> {
  lastGood = await deployment.expectDeploy(inputs);
  inputs = deployment.nextInputs();
}

/** Does something while half of the image is with Glance, and lets the rest follow. */
async function atHalfTheUpload(action: (terraform: number) => Promise<unknown> | unknown): Promise<TerraformRun> {
  let goOn: (value?: unknown) => void = () => {};
  const waiting = new Promise((resolve) => {
    goOn = resolve;
  });
  const half = deployment.glance.inject({ on: UPLOAD, times: 1, after: 8 * MIB, midway: () => waiting });
  // More than what the sockets on the way hold.
  const running = deployment.startDeploy(inputs, diskOf(20 * MIB));
  await half;
  await action(running.pid);
  goOn();
  const ended = await running.ended;
  deployment.glance.heal();
  return ended;
}

/**
 * @fault cloud: the verification fails, or is killed
 * @then nothing is uploaded; a retry builds nothing
 * @says the verification's report
 */
test("fails where the verification is killed, and nothing is registered", async () => {
  const running = deployment.startDeploy(inputs, { ...diskOf(20 * MIB), VISA_TEST_HANG_VERIFY: "1" });
  process.kill(await deployment.processOf(/stand-in\.js verify/), "SIGKILL");
  expect((await running.ended).status).toBe(1);
  await deployment.expectSafe(lastGood);
  expect(await deployment.images()).toHaveLength(deployment.releases.length);
});

/**
 * @fault cloud: SIGTERM, SIGINT* to Terraform during the upload
 * @then the upload ends, then Terraform; the image stays hidden, and is deleted by the next deploy
 * @says `Stopping operation`
 */
test.each(FULL ? (["SIGTERM", "SIGINT"] as const) : (["SIGTERM"] as const))(
  "fails, and changes nothing, where Terraform gets a %s during the upload",
  async (signal) => {
    const { status, text } = await atHalfTheUpload((terraform) => process.kill(terraform, signal));
    expect([status, text]).toEqual([1, expect.stringContaining("Stopping operation")]);
    await deployment.expectSafe(lastGood);
    if (FULL) await goOn();
  },
);

/**
 * @fault cloud: the provider is killed during the upload
 * @then Glance drops what it has; a hidden image that no state knows is left
 * @says Terraform's `Plugin did not respond` or `Request cancelled`; later `a stopped upload left images in Glance: run 'npx visa-image prune'`
 */
test("fails, and changes nothing, where the provider is killed during the upload", async () => {
  const { status, text } = await atHalfTheUpload(async () => {
    process.kill(await deployment.processOf(/terraform-provider-openstack/), "SIGKILL");
  });
  // Which of them depends on what Terraform sees first: the connection's end, or the process's.
  const ended = /plugin (did not respond|process exited)|ApplyResourceChange request was cancelled/i;
  expect([status, text]).toEqual([1, expect.stringMatching(ended)]);
  await deployment.expectSafe(lastGood);
  if (FULL) await goOn();
});

/**
 * @fault cloud: Terraform is killed during the upload
 * @then the same. The provider ends with it. The state's lock was the kernel's and is gone; the file that names its
 *   owner is replaced by the next run
 * @says the same, by the next deploy
 * @fault cloud: an image that a stopped upload left, queued or whole
 * @then a deploy names it; `npx visa-image prune` deletes it when it is a day old, `--force` at once
 * @says `it is queued and not registered, and its upload may still run`
 */
test("Terraform that is killed during the upload leaves no lock, and an image that nobody sees and prune removes", async () => {
  const { status } = await atHalfTheUpload((terraform) => process.kill(terraform, "SIGKILL"));
  expect(status).toBeNull();
  // The file says who had the lock; the lock itself was the kernel's, and ended with Terraform.
  await deployment.expectSafe(lastGood, [STATE_LOCK]);
  await goOn();
  expect(deployment.said).toContain("a stopped upload left images in Glance: run 'npx visa-image prune'");

  const kept = await deployment.visaImage("prune", "--retain", "100");
  expect(kept.text).toContain("its upload may still run; where it does not: --force");
  const pruned = await deployment.visaImage("prune", "--retain", "100", "--force");
  expect([pruned.status, pruned.text]).toEqual([0, expect.stringContaining(": deleted")]);
  expect(await deployment.images()).toHaveLength(deployment.releases.length);
});

/**
 * @fault cloud: two deploys at once
 * @then one goes on, the other one ends at once
 * @says `Error acquiring the state lock`
 */
test("a second deploy at the same time fails at once, and the first one goes on", async () => {
  let second: TerraformRun | undefined;
  const first = await atHalfTheUpload(async () => {
    second = await deployment.deploy(inputs);
  });
  expect(second).toEqual({ status: 1, text: expect.stringContaining("Error acquiring the state lock") });
  expect(first.status).toBe(0);
  lastGood = deployment.releases.at(-1)?.imageId ?? "";
  await deployment.expectSafe(lastGood);
  inputs = deployment.nextInputs();
});

describe("a registration", () => {
  /** Kills a command of ours at its first request of this kind. */
  async function killed(command: RegExp, on: RegExp): Promise<TerraformRun> {
    const hit = deployment.glance.inject({
      on,
      times: 1,
      before: async () => process.kill(await deployment.processOf(command), "SIGKILL"),
    });
    const running = deployment.startDeploy(inputs);
    await hit;
    const ended = await running.ended;
    deployment.glance.heal();
    return ended;
  }

  /**
   * @fault cloud: the registration is killed
   * @then before the image is shown: it stays hidden; after that: it is in use. The next deploy goes on there,
   *   without an upload
   * @says `local-exec provisioner error`
   */
  test("fails where it is killed before the image is shown, and the one before stays", async () => {
    expect((await killed(/^node .*stand-in\.js lock add/, /^PATCH /)).status).toBe(1);
    await deployment.expectSafe(lastGood);
  });

  /**
   * @fault cloud: the registration is killed
   */
  test("fails where it is killed after that, and the new one stays", async () => {
    expect((await killed(/^node .*stand-in\.js lock use/, /^GET .*visa_image/)).status).toBe(1);
    lastGood = deployment.releases.at(-1)?.imageId ?? "";
    await deployment.expectSafe(lastGood);
  });

  test("is done by the next deploy, which uploads nothing", async () => {
    deployment.glance.inject({ on: UPLOAD, answer: 500 });
    await goOn();
    deployment.glance.heal();
  });
});
