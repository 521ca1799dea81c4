/** Images that somebody else deleted or changed, that cannot be deleted, and a cloud that is another one. */
import type { BuildSpecification } from "../../lib/specification";
import { CloudDeployment, FULL, IMAGE, UPLOAD } from "./support/cloud-deployment";

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

test("a past image that Glance does not let go (409) stays, protected, and is pruned once it may go", async () => {
  deployment.glance.inject({ on: DELETE, answer: 409 });
  const kept = await deployment.visaImage("prune", "--retain", "0", "--force");
  expect([kept.status, kept.text]).toEqual([0, expect.stringContaining("kept: Glance says that it is in use (409)")]);
  expect((await deployment.images()).find(({ id }) => id === past)).toMatchObject({ protected: true, os_hidden: true });
  await deployment.expectSafe(lastGood);
  deployment.glance.heal();
});

test("a past image that was deleted by hand", async () => {
  const glance = await deployment.glanceClient();
  await glance.update(past, { protected: false });
  await glance.delete(past);
  const { status, text } = await deployment.deploy(second);
  console.log(status, text);
  const sync = await deployment.visaImage("lock", "sync");
  console.log(sync.text);
  expect(await expectDeployWithoutUpload(second)).toBe(lastGood);
});

test("another cloud", async () => {
  await deployment.startCloud();
  const { status, text } = await deployment.deploy(second);
  console.log(status, text);
  const sync = await deployment.visaImage("lock", "sync");
  console.log(sync.text);
  console.log(IMAGE, FULL);
});
