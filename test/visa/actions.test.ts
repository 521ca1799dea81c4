/** What a person, `prune` and `doctor` ask of VISA. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { examine } from "../../lib/cli/doctor-command";
import { prune } from "../../lib/releases/prune";
import { formatLock, type Release, readLock } from "../../lib/releases/release-lock";
import { adoptInVisa, hideInVisa, registerInVisa, visaStatus } from "../../lib/visa/actions";
import { imageUse } from "../../lib/visa/image-use";
import { CloudStandIn } from "../releases/cloud-stand-in";
import { compileCommand } from "../runner/support/command";
import { scratchFolder } from "../support/scratch";
import { VisaStandIn } from "../support/visa-stand-in";
import { IMAGES, KEY, RELEASES, wantedOf } from "./support";

jest.setTimeout(30_000);

const IMAGE = "images/visa-apps";
const visa = new VisaStandIn();
const cloud = new CloudStandIn();
let folder: string;
let lockFile: string;
let wanted: string;

beforeAll(async () => {
  await visa.start();
  await cloud.start();
});
afterAll(async () => {
  await visa.stop();
  await cloud.stop();
});

beforeEach(() => {
  visa.images.length = 0;
  visa.plans.length = 0;
  visa.mutations.length = 0;
  visa.instances.clear();
  folder = scratchFolder();
  lockFile = join(folder, "visa-images.lock.json");
  const releases = [release("a"), release("b")];
  writeFileSync(lockFile, formatLock({ version: 1, images: { [IMAGE]: releases }, retain: { [IMAGE]: 0 } }));
  const staged = join(folder, "cdktf.out", "stacks", "images", "visa");
  mkdirSync(staged, { recursive: true });
  wanted = join(staged, "general.json");
  writeFileSync(wanted, JSON.stringify(wantedOf({ image: IMAGE, release: RELEASES.b })));
  cloud.nova = { servers: {}, administrator: true };
  for (const id of Object.values(IMAGES)) {
    const own = { protected: true, visa_protected_by: "visa-image", visibility: "private", visa_image: IMAGE };
    cloud.images.set(id, { id, status: "active", os_hidden: id !== IMAGES.b, ...own });
  }
});

function release(name: "a" | "b"): Release {
  return {
    ...{
      release: RELEASES[name],
      fingerprint: name,
      template: "t",
      name: "n",
      diskFormat: "raw",
      imageId: IMAGES[name],
    },
    ...{ sha512: "", sizeBytes: 1, registered: "2026-11-01T00:00:00Z" },
  };
}

const options = () => ({
  environment: { ...visa.environment, ...cloud.environment, VISA_IMAGE_CACHE: folder },
  lockFile,
  pauses: [0],
});
const status = () => visaStatus({ ...options(), output: join(folder, "cdktf.out") });

test("registers the release in use by the lock, and writes onto the image that VISA has an entry of it", async () => {
  expect(await registerInVisa({ ...options(), wanted })).toBe(2);
  expect(visa.images).toMatchObject([{ computeId: IMAGES.b, visible: true }]);
  expect(cloud.images.get(IMAGES.b)).toMatchObject({ visa_entry: "true" });
  expect((await status()).registrations).toMatchObject([{ key: KEY, left: [], differs: [] }]);
});

test.each(["queued", "deactivated"])("fails for an image that is %s, and tells VISA nothing", async (state) => {
  cloud.images.set(IMAGES.b, { ...cloud.images.get(IMAGES.b), id: IMAGES.b, status: state });
  await expect(registerInVisa({ ...options(), wanted })).rejects.toThrow(`is ${state}, not active`);
  await expect(registerInVisa({ ...options(), wanted, imageId: "gone" })).rejects.toThrow("not in Glance");
  expect(visa.mutations).toEqual([]);
});

test("status says which release each entry is of, its plans, and what differs, with the fix", async () => {
  await registerInVisa({ ...options(), wanted });
  const [entry] = visa.images;
  if (!entry) throw new Error("no entry");
  visa.addPlan(entry.id, 21, true);
  visa.addEntry({ name: "old", computeId: IMAGES.a, visible: false });
  visa.instances.set(entry.id, 3);
  entry.bootCommand = "edited with a s3cret";
  const { version, entries, registrations } = await status();
  expect(version).toBe("3.8.2");
  expect(entries).toMatchObject([
    { name: "VISA desktop", key: KEY, release: RELEASES.b, plans: ["Small*"], instances: 3, visible: true },
    { name: "old", release: RELEASES.a, plans: [], instances: 0, visible: false },
  ]);
  expect(registrations).toMatchObject([
    {
      differs: ["boot command"],
      left: [expect.stringContaining("change boot command")],
      fix: expect.stringContaining(wanted),
    },
  ]);
  expect(JSON.stringify(registrations)).not.toContain("s3cret");
});

test("an entry made by hand is adopted, and the next registration takes its plans over", async () => {
  const byHand = visa.addEntry({ name: "VISA desktop", computeId: IMAGES.a, description: "ours" });
  visa.addPlan(byHand.id);
  await expect(registerInVisa({ ...options(), wanted })).rejects.toThrow(`visa adopt ${KEY} ${byHand.id}`);
  await adoptInVisa(KEY, byHand.id, options());
  expect(byHand.description).toBe(`ours\n\n[visa-images ${KEY} ${RELEASES.a}]`);
  await registerInVisa({ ...options(), wanted });
  expect(visa.images.map(({ visible }) => visible)).toEqual([false, true]);
  expect(visa.offered()).toHaveLength(1);
});

test("fails to adopt what is another's, is not there, or has no room for the mark", async () => {
  const other = visa.addEntry({ description: "[visa-images other/one]" });
  await expect(adoptInVisa(KEY, other.id, options())).rejects.toThrow('is "other/one"');
  await expect(adoptInVisa(KEY, 999, options())).rejects.toThrow("no entry 999");
  const full = visa.addEntry({ description: "x".repeat(2500) });
  await expect(adoptInVisa(KEY, full.id, options())).rejects.toThrow("at most 2500");
});

test("hides an entry by its number, and all of a registration by its key; otherwise they stay as they are", async () => {
  await registerInVisa({ ...options(), wanted });
  const byHand = visa.addEntry();
  const before = { ...visa.images[0] };
  expect(await hideInVisa(String(byHand.id), options())).toBe(1);
  expect(await hideInVisa(KEY, options())).toBe(1);
  expect(visa.images[0]).toEqual({ ...before, visible: false });
  expect(await hideInVisa(KEY, options())).toBe(0);
  await expect(hideInVisa("999", options())).rejects.toThrow("no entry 999");
});

describe("prune", () => {
  const run = async () => {
    const { environment } = options();
    const results = await prune({ file: lockFile, environment, visa: imageUse(environment) });
    return results.map(({ release: { imageId }, outcome, reason }) => `${imageId}: ${reason ?? outcome}`);
  };
  const mark = `[visa-images ${KEY} ${RELEASES.a}]`;

  test("keeps what VISA shows, has instances of, or has by hand", async () => {
    const entry = visa.addEntry({ computeId: IMAGES.a, description: mark });
    expect(await run()).toEqual([expect.stringContaining("VISA shows it: entry")]);
    entry.visible = false;
    visa.instances.set(entry.id, 2);
    expect(await run()).toEqual([expect.stringContaining("2 instances")]);
    visa.instances.clear();
    entry.description = "";
    expect(await run()).toEqual([expect.stringContaining("made by hand")]);
    expect(cloud.images.has(IMAGES.a)).toBe(true);
  });

  test("takes it out of VISA before Glance deletes it", async () => {
    const entry = visa.addEntry({ computeId: IMAGES.a, description: mark, visible: false });
    visa.onMutation = () => expect(cloud.images.has(IMAGES.a)).toBe(true);
    expect(await run()).toEqual([`${IMAGES.a}: deleted`]);
    visa.onMutation = () => {};
    expect(entry.deleted).toBe(true);
    expect(readLock(lockFile).images[IMAGE]).toHaveLength(1);
  });

  test("fails for an image that VISA has an entry of, where VISA cannot be asked", async () => {
    cloud.images.set(IMAGES.a, { ...cloud.images.get(IMAGES.a), id: IMAGES.a, visa_entry: "true" });
    const { environment } = options();
    await expect(prune({ file: lockFile, environment })).rejects.toThrow("VISA has an entry of the image");
    expect(await prune({ file: lockFile, environment, force: true })).toMatchObject([{ outcome: "deleted" }]);
  });
});

describe("doctor", () => {
  const finding = async (environment: Record<string, string>) =>
    (await examine({ PATH: process.env.PATH, ...environment }, folder)).find(({ name }) => name === "VISA");

  test("says version, who one is, and whether the role is enough", async () => {
    expect(await finding(visa.environment)).toMatchObject({
      status: "ok",
      found: "VISA 3.8.2, as Ada Admin (ADMIN, STAFF)",
    });
    expect(await finding({ ...visa.environment, VISA_API_TOKEN: "staff" })).toMatchObject({
      status: "warning",
      found: expect.stringMatching(/^VISA 3\.8\.2, as Stan Staff: .*STAFF/),
    });
    expect(await finding({ ...visa.environment, VISA_API_TOKEN: "unknown" })).toMatchObject({ status: "warning" });
    expect(await finding({})).toBeUndefined();
  });
});

test("the command prints what it did, and no token", async () => {
  const env = { ...process.env, ...options().environment };
  const args = ["visa", "register", "--wanted", wanted, "--lock-file", lockFile];
  const child = spawn(process.execPath, [compileCommand(), ...args], { env });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      text += chunk;
    });
  await new Promise((done) => child.once("close", done));
  expect(text).toContain('VISA: make the entry "VISA desktop" 1, hidden\nVISA: show entry');
  expect(text).not.toContain("Bearer");
});
