/** Images that somebody else deleted or changed, that cannot be deleted, and a cloud that is another one. */

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildSpecification } from "../../lib/specification";
import { FULL } from "../support/full";
import { CloudDeployment, errorsOf, UPLOAD } from "./support/cloud-deployment";

jest.setTimeout(240_000);

const deployment = new CloudDeployment();
const first = deployment.nextInputs();
const second = deployment.nextInputs();
let lastGood: string;
let past: string;

const DELETE = /^DELETE \/v2\/images\//;

beforeAll(async () => {
  await deployment.startCloud();
  past = await deployment.expectDeploy(first);
  lastGood = await deployment.expectDeploy(second);
});
afterAll(() => deployment.stop());

/** A deploy that would fail if it uploaded anything. */
async function expectDeployWithoutUpload(inputs: BuildSpecification): Promise<string> {
  deployment.glance.inject({ on: UPLOAD, answer: 500 });
  const id = await deployment.expectDeploy(inputs);
  deployment.glance.heal();
  return id;
}

/**
 * @fault cloud: the image was changed by hand: name, visibility, a property, hidden
 * @then the plan shows it, the deploy puts it right in place
 * @says the plan
 */
test("an image that was changed by hand is shown in the plan, and put right without an upload", async () => {
  const glance = await deployment.glanceClient();
  await glance.update(lastGood, { name: "by hand", visibility: "public", os_hidden: true, hw_disk_bus: "ide" });
  const { text } = await deployment.plan(second);
  expect(text).toMatch(/name += "by hand" -> "visa-apps"/);
  expect(text).toMatch(/hidden += true -> false/);
  expect(text).toMatch(/visibility += "public" -> "private"/);
  expect(text).toMatch(/"hw_disk_bus" += "ide" -> "virtio"/);
  expect(await expectDeployWithoutUpload(second)).toBe(lastGood);
});

/**
 * @fault cloud: Glance does not let an image go (409)
 * @then `prune` keeps it, protected as before. What a failed upload left* is tried again by the next deploy
 * @says `kept: Glance says that it is in use (409)`
 */
test("a past image that Glance does not let go (409) is not pruned, and as protected as before", async () => {
  deployment.glance.inject({ on: DELETE, answer: 409 });
  const kept = await deployment.visaImage("prune", "--retain", "0", "--force");
  deployment.glance.heal();
  expect([kept.status, kept.text]).toEqual([0, expect.stringContaining("kept: Glance says that it is in use (409)")]);
  expect((await deployment.images()).find(({ id }) => id === past)).toMatchObject({ protected: true, os_hidden: true });
  await deployment.expectSafe(lastGood);
});

/**
 * @fault cloud: a past image was deleted by hand
 * @then the deploy fails until the lock forgets it
 * @says `the past release … is no longer in Glance: run 'npx visa-image lock sync' and deploy again`
 */
test("fails where a past image was deleted by hand, and says which command forgets it", async () => {
  const glance = await deployment.glanceClient();
  await glance.update(past, { protected: false });
  await glance.delete(past);
  const { status, text } = await deployment.deploy(second);
  expect(status).toBe(1);
  expect(text).toContain("is no longer in Glance: run 'npx visa-image lock sync' and deploy again");
  expect(text).not.toContain("Invalid function argument");
  await deployment.expectSafe(lastGood);

  expect((await deployment.visaImage("lock", "sync")).status).toBe(0);
  expect(await expectDeployWithoutUpload(second)).toBe(lastGood);
});

if (FULL) {
  /**
   * @fault cloud: Glance does not let an image go (409)
   */
  test("fails where Glance does not let go what a failed upload left, until it does", async () => {
    const third = deployment.nextInputs();
    deployment.glance.inject({ on: UPLOAD, answer: 500 });
    expect((await deployment.deploy(third)).status).toBe(1);
    deployment.glance.inject({ on: DELETE, answer: 409 });
    const { status, text } = await deployment.deploy(third);
    deployment.glance.heal();
    expect([status, text]).toEqual([1, expect.stringMatching(/Error deleting.*409/s)]);
    await deployment.expectSafe(lastGood);
    lastGood = await deployment.expectDeploy(third);
  });

  /**
   * @fault cloud: another cloud in the place of this one*
   * @then the image is uploaded there; the past ones, which it lacks, are forgotten by `npx visa-image lock sync`
   * @says as for a past image
   */
  test("another cloud gets the image anew, and the past one, which it lacks, is forgotten by hand", async () => {
    const inputs = deployment.nextInputs();
    lastGood = await deployment.expectDeploy(inputs);
    await deployment.startCloud();
    const { status, text } = await deployment.deploy(inputs);
    expect(status).toBe(1);
    expect(text).toContain("is no longer in Glance: run 'npx visa-image lock sync' and deploy again");
    expect((await deployment.visaImage("lock", "sync")).status).toBe(0);
    expect(await deployment.expectDeploy(inputs)).not.toBe(lastGood);
  });
}

/**
 * @fault cloud: the disk was changed between the gate and the upload
 * @then the image stays hidden and is not registered; once it is deleted and the disk as it was, the next deploy uploads it
 * @says `the image … in Glance is not the disk that was verified`, with both checksums
 */
test("fails where the disk was swapped between the gate and the upload, and shows nothing of it", async () => {
  const inputs = deployment.nextInputs();
  const disk = join(deployment.folder, "images", `visa-apps-${inputs.layers.at(-1)?.fingerprint.slice(0, 12)}.raw`);
  deployment.glance.inject({
    on: /^POST \/v2\/images$/,
    times: 1,
    before: async () => {
      renameSync(disk, `${disk}.verified`);
      // Of the same size: only the checksum tells.
      writeFileSync(disk, readFileSync(`${disk}.verified`, "utf8").replaceAll("0", "1"));
    },
  });
  const errors = errorsOf(await deployment.deploy(inputs));
  deployment.glance.heal();
  expect(errors).toMatch(
    /is not the disk that was verified: its SHA-512 is .* stays hidden fix: .*openstack image delete/,
  );
  await deployment.expectSafe(lastGood);
  expect(deployment.releases.map(({ fingerprint }) => fingerprint)).not.toContain(inputs.layers.at(-1)?.fingerprint);

  renameSync(`${disk}.verified`, disk);
  const [, wrong = ""] = /openstack image delete ([0-9a-f-]+)/.exec(errors) ?? [];
  await (await deployment.glanceClient()).delete(wrong);
  lastGood = await deployment.expectDeploy(inputs);
});
