/**
 * From a template into VISA's list: Terraform, the provider, Keystone, Glance and `visa-image visa` are the real ones, the
 * build is not, and what answers as VISA is a stand-in.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { App, LocalBackend, TerraformStack } from "cdktf";
import { EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import { Glance } from "../../lib/cloud/glance";
import { credentialsFrom } from "../../lib/cloud/keystone";
import type { VisaImageProps } from "../../lib/constructs/visa-image-props";
import { VisaRegistration } from "../../lib/constructs/visa-registration";
import type { VisaRegistrationProps } from "../../lib/constructs/visa-registration-props";
import { type Release, readLock } from "../../lib/releases/release-lock";
import { visaStatus } from "../../lib/visa/actions";
import { addImage, chain } from "../constructs/support";
import { VisaStandIn } from "../support/visa-stand-in";
import { cloudEnvironmentOf, TerraformFolder, type TerraformRun, useStandIn } from "./terraform-support";

jest.setTimeout(300_000);

const scratch = mkdtempSync(join(tmpdir(), "visa-images-test-"));
const cloud = new EmbeddedCloud(join(scratch, "cloud"));
const lockFile = join(scratch, "visa-images.lock.json");
const out = join(scratch, "out");
const folder = join(out, "stacks", "images");
const tokenFile = join(scratch, "token");
const visa = new VisaStandIn();
const TOKEN = "a-token-that-nobody-may-see";
const OPTIONS = ["-input=false", "-compact-warnings"];

function releaseOf(digit: string): ReturnType<typeof chain> {
  const chained = chain({ script: `${digit.repeat(12)} 0755` });
  return { ...chained, layers: chained.layers.map((layer) => ({ ...layer, contract: ["boot", "desktop", "login"] })) };
}

const specifications = { a: releaseOf("a"), b: releaseOf("b"), c: releaseOf("c"), d: releaseOf("d") };

beforeAll(async () => {
  visa.users.clear();
  visa.users.set(TOKEN, { name: "Ada Admin", roles: ["ADMIN"] });
  writeFileSync(tokenFile, TOKEN);
  await visa.start();
  await cloud.start();
});
afterAll(async () => {
  await visa.stop();
  await cloud.reset();
  rmSync(scratch, { recursive: true, force: true });
});

const said: string[] = [];

function synthesize(
  specification: keyof typeof specifications,
  props: Partial<VisaRegistrationProps> = {},
  imageProps: Partial<VisaImageProps> = {},
): TerraformFolder {
  const app = new App({ outdir: out });
  const stack = new TerraformStack(app, "images");
  new LocalBackend(stack, { path: "terraform.tfstate" });
  new OpenstackProvider(stack, "openstack");
  const options = { lockFile, imageName: "VISA desktop", retain: 3, ...imageProps };
  const image = addImage(stack, { ...options, specification: specifications[specification] });
  new VisaRegistration(stack, "general", { image, ...props });
  app.synth();
  useStandIn(folder);
  const environment = { VISA_API_URL: visa.url, VISA_API_TOKEN_FILE: tokenFile };
  return new TerraformFolder(folder, {
    ...cloudEnvironmentOf(join(scratch, "cloud")),
    ...environment,
    VISA_IMAGE_CACHE: join(scratch, "cache"),
  });
}

/** Not by spawnSync: the stand-in answers from this process. */
async function terraform(run: TerraformFolder, ...args: string[]): Promise<TerraformRun> {
  const ended = await run.start([...args, ...OPTIONS]).ended;
  said.push(ended.text);
  return ended;
}

async function apply(run: TerraformFolder): Promise<string> {
  const { status, text } = await terraform(run, "apply", "-auto-approve");
  if (status !== 0) throw new Error(text);
  return text;
}

function releases(): readonly Release[] {
  return readLock(lockFile).images["images/visa-apps"] ?? [];
}

function imageOf(specification: keyof typeof specifications): string {
  const fingerprint = specifications[specification].layers.at(-1)?.fingerprint;
  return releases().find((release) => release.fingerprint === fingerprint)?.imageId ?? "none";
}

/** The image that users are offered, and with which flavours. */
function offered(): [string, number[]][] {
  const entries = visa.images.filter(
    ({ id, deleted }) => !deleted && visa.offered().some(({ imageId }) => imageId === id),
  );
  return entries.map(({ id, computeId }) => [
    computeId,
    visa.offered().flatMap(({ imageId, flavourId }) => (imageId === id ? [flavourId] : [])),
  ]);
}

const plans = { flavours: ["Small", "Large"], preset: "Small" };

/** What Terraform printed, without the frame and the line ends that it puts into errors. */
function words({ text }: TerraformRun): string {
  return text.replaceAll(/[\s│]+/g, " ");
}

test("fails for a token that is not an administrator's, before anything is built", async () => {
  visa.users.set("staff", { name: "Sam Staff", roles: ["STAFF"] });
  writeFileSync(tokenFile, "staff");
  const failed = await terraform(synthesize("a", { plans }), "apply", "-auto-approve");
  writeFileSync(tokenFile, TOKEN);
  expect(failed.status).toBe(1);
  expect(words(failed)).toMatch(/has the role STAFF; VISA's entries take ADMIN; nothing was built fix: /);
  expect(existsSync(join(folder, "builds.log"))).toBe(false);
});

test("the first deploy ends with an entry that has plans, and its plan reads as VISA's page", async () => {
  const run = synthesize("a", { plans });
  const { text } = await terraform(run, "plan");
  expect(text).toMatch(
    /general_in_visa will be created[\s\S]*"default desktop"\s+= "GUACD"[\s\S]*plans\s+= "Small \(preset\), Large"/,
  );
  await apply(run);
  expect(offered()).toEqual([[imageOf("a"), [21, 22]]]);
  expect(visa.images[0]).toMatchObject({ name: "VISA desktop", autologin: "VISA_PAM", visible: true });
  expect(visa.images[0]?.bootCommand).toContain('echo "${owner:-}" %{x}');
});

test("a second deploy changes nothing, and asks VISA nothing", async () => {
  visa.operations.length = 0;
  const run = synthesize("a", { plans });
  expect((await terraform(run, "plan")).text).toContain("No changes.");
  await apply(run);
  expect(visa.operations).toEqual([]);
});

test("an image that somebody deactivated is refused by the plan, until it is active again", async () => {
  const glance = await Glance.connect(credentialsFrom(cloudEnvironmentOf(join(scratch, "cloud"))));
  const headers = { "x-auth-token": glance.session.token };
  const act = (action: string) =>
    fetch(`${glance.endpoint}/v2/images/${imageOf("a")}/actions/${action}`, { method: "POST", headers });
  expect((await act("deactivate")).status).toBe(204);
  const failed = await terraform(synthesize("a", { plans }), "plan");
  expect(failed.status).toBe(1);
  expect(words(failed)).toContain(`The image ${imageOf("a")} is deactivated in Glance, not active`);
  await act("reactivate");
  expect((await terraform(synthesize("a", { plans }), "plan")).text).toContain("No changes.");
});

test("a candidate is there for administrators alone, and its promotion neither builds nor uploads", async () => {
  await apply(synthesize("b", { channel: "candidate" }));
  expect(offered()).toEqual([[imageOf("a"), [21, 22]]]);
  expect(visa.images.map(({ visible }) => visible)).toEqual([true, false]);

  const run = synthesize("b");
  const { text } = await terraform(run, "plan");
  expect(text).toMatch(/channel\s+= "candidate" -> "production"/);
  expect(text).toContain("Plan: 2 to add, 0 to change, 2 to destroy.");
  await apply(run);
  expect(offered()).toEqual([[imageOf("b"), expect.arrayContaining([21, 22])]]);
});

test("a rollback is one line, and users have an image at all times", async () => {
  visa.mutations.length = 0;
  const [release] = releases();
  await apply(synthesize("b", {}, { release: release?.release }));
  expect(offered()).toEqual([[imageOf("a"), expect.arrayContaining([21, 22])]]);
  expect(visa.images).toHaveLength(2);
  expect(Math.min(...visa.mutations.map((each) => each.offered))).toBeGreaterThan(0);
});

test("killed after each change, the next deploy finishes it, and nothing is there twice", async () => {
  await apply(synthesize("b"));
  const steps: string[][] = [];
  for (let kill = 1; ; kill++) {
    // One release forward and back: every kind of change but the making of an entry, which is killed below.
    const target = kill % 2 === 1 ? releases().find(({ imageId }) => imageId === imageOf("a"))?.release : undefined;
    visa.mutations.length = 0;
    const run = synthesize("b", {}, { release: target });
    const running = run.start(["apply", "-auto-approve", ...OPTIONS]);
    visa.onMutation = (_name, count) => {
      if (count === kill) process.kill(-running.pid, "SIGKILL");
    };
    await running.ended;
    visa.onMutation = () => {};
    const killed = visa.mutations.length;
    expect(killed).toBeLessThanOrEqual(kill);
    rmSync(join(folder, ".terraform.tfstate.lock.info"), { force: true });
    await apply(synthesize("b", {}, { release: target }));
    steps.push(visa.mutations.map(({ name }) => name));
    expect(offered()).toEqual([[imageOf(target ? "a" : "b"), expect.arrayContaining([21, 22])]]);
    expect(visa.images).toHaveLength(2);
    expect(visa.plans.filter(({ deleted }) => !deleted).length).toBeLessThanOrEqual(4);
    expect(Math.min(...visa.mutations.map((each) => each.offered))).toBeGreaterThan(0);
    if (killed < kill) break;
  }
  expect(steps.length).toBeGreaterThan(2);
});

test("VISA away: the image stays in Glance, the deploy says what is left, the next one finishes", async () => {
  visa.faults.push({ at: "account", how: "502", times: 20 });
  const failed = await terraform(synthesize("c"), "apply", "-auto-approve");
  expect(failed.status).toBe(1);
  expect(failed.text).toMatch(/VISA's address answered 502/);
  expect(imageOf("c")).not.toBe("none");
  expect(offered()).not.toEqual([[imageOf("c"), expect.anything()]]);
  visa.faults.length = 0;
  expect(await apply(synthesize("c"))).not.toContain("openstack_images_image_v2.visa-apps_c: Creating");
  expect(offered()).toEqual([[imageOf("c"), expect.arrayContaining([21, 22])]]);
});

test("a token that ends in the middle: the deploy says what is left, the next one finishes", async () => {
  visa.onMutation = () => visa.users.delete(TOKEN);
  const failed = await terraform(synthesize("d"), "apply", "-auto-approve");
  expect(failed.status).toBe(1);
  expect(failed.text.replaceAll(/\s+/g, " ")).toMatch(/does not take the token.*left to do in VISA: show/);
  visa.onMutation = () => {};
  visa.users.set(TOKEN, { name: "Ada Admin", roles: ["ADMIN"] });
  await apply(synthesize("d"));
  expect(offered()).toEqual([[imageOf("d"), expect.arrayContaining([21, 22])]]);
  expect(visa.images).toHaveLength(4);
});

test("an entry that an administrator edited: no plan shows it, status does, with the fix", async () => {
  const entry = visa.images.at(-1);
  if (entry) entry.version = "edited";
  expect((await terraform(synthesize("d"), "plan")).text).toContain("No changes.");
  const environment = { VISA_API_URL: visa.url, VISA_API_TOKEN_FILE: tokenFile };
  const status = await visaStatus({ environment, lockFile, output: out });
  expect(status.registrations).toMatchObject([
    { key: "images/general", differs: ["version"], fix: expect.stringContaining("visa register --wanted") },
  ]);
});

test("fails for two entries of the image, lists both, and changes neither", async () => {
  const { id: _, ...copy } = visa.images.at(-1) as (typeof visa.images)[number];
  const second = visa.addEntry(copy);
  visa.mutations.length = 0;
  const failed = await terraform(synthesize("d", { version: "2" }), "apply", "-auto-approve");
  expect(failed.status).toBe(1);
  expect(failed.text.replaceAll(/\s+/g, " ")).toMatch(new RegExp(`several entries.*entry ${second.id} "VISA desktop"`));
  expect(visa.mutations).toEqual([]);
  second.deleted = true;
  await apply(synthesize("d", { version: "2" }));
});

test("destroyed, the entry is hidden before its image goes", async () => {
  await apply(synthesize("d", { version: "2" }, { protected: false }));
  await terraform(synthesize("d", { version: "2" }, { protected: false }), "destroy", "-auto-approve");
  expect(offered()).toEqual([]);
});

test("neither VISA's address nor the token is in a state, a specification, a plan or a log", () => {
  const files = ["terraform.tfstate", "terraform.tfstate.backup", "cdk.tf.json", join("visa", "general.json")];
  const texts = [...files.map((file) => readFileSync(join(folder, file), "utf8")), ...said];
  for (const text of texts) {
    expect(text).not.toContain(TOKEN);
    expect(text).not.toContain(new URL(visa.url).host);
  }
});
