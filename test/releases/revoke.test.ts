/** `visa-image revoke`, and what refuses a revoked release afterwards, on a cloud that has it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { addRelease } from "../../lib/releases/command";
import { glanceSource } from "../../lib/releases/glance-source";
import { formatLock, type Release, readLock } from "../../lib/releases/release-lock";
import { runCommand } from "../cli/run-command";
import { chain } from "../constructs/support";
import { scratchFolder } from "../support/scratch";
import { CloudStandIn } from "./cloud-stand-in";

const cloud = new CloudStandIn();
const specification = chain();
const [system, base, apps] = specification.layers.map(({ fingerprint }) => fingerprint) as [string, string, string];
const short = (fingerprint: string) => fingerprint.slice(0, 12);
let folder: string;
let file: string;
let environment: Record<string, string | undefined>;

beforeAll(() => cloud.start());
afterAll(() => cloud.stop());
beforeEach(() => {
  cloud.images.clear();
  folder = scratchFolder();
  file = join(folder, "visa-images.lock.json");
  environment = { ...cloud.environment, PATH: process.env.PATH, VISA_IMAGE_CACHE: join(folder, "cache") };
  const release = (digit: string, fingerprint: string): Release => ({
    ...{ release: digit.repeat(12), fingerprint, template: "t", name: `n${digit}`, diskFormat: "raw", imageId: digit },
    ...{ sha512: "", sizeBytes: 1, registered: "2026-11-01T00:00:00Z" },
  });
  const images = {
    "images/base": [release("1", base)],
    "images/apps": [release("2", "f".repeat(64)), release("3", apps)],
  };
  writeFileSync(file, formatLock({ version: 1, images }));
  register("1", base, short(system));
  register("2", "f".repeat(64), "000000000000", true);
  register("3", apps, `${short(base)} ${short(system)}`);
  // Another checkout's, whose lock is elsewhere; and one of before this property.
  register("4", "e".repeat(64), `${short(base)} ${short(system)}`);
  register("5", "9".repeat(64), undefined);
  Object.assign(register("6", apps, short(base)), { image_type: "snapshot" });
});

function register(id: string, fingerprint: string, parents: string | undefined, hidden = false) {
  const own = { visa_fingerprint: fingerprint, ...(parents && { visa_parents: parents }), visa_template: "t" };
  const image = { id, name: `n${id}`, status: "active", disk_format: "raw", os_hidden: hidden, owner: "p", ...own };
  cloud.images.set(id, { ...image, created_at: "2026-11-01T00:00:00Z", os_hash_algo: "sha512", os_hash_value: "ab" });
  return cloud.images.get(id) as object;
}

const run = (...args: string[]) => runCommand(args, folder, environment);
const revoke = () => run("revoke", "1".repeat(12), "--reason", "its key leaked");
/** Ids of images that are hidden, and of those that are marked. */
const state = () =>
  (["os_hidden", "visa_revoked"] as const).map((name) =>
    [...cloud.images.values()].flatMap((each) => (each[name] ? [each.id] : [])).join(""),
  );

test("it and all that stands on it are hidden and marked, also another checkout's; the rest is left alone", async () => {
  const before = JSON.stringify([...cloud.images].filter(([id]) => !["1", "3", "4"].includes(id)));
  const { status, stdout, stderr } = await revoke();
  expect(status).toBe(0);
  expect(stdout).toContain("111111111111 is revoked, with 3 images: commit visa-images.lock.json");
  expect(stdout).toContain('  3 "n3" (t, stands on it): hidden');
  expect(stderr).toMatch(/^warning: nobody knows here what these images stand on;.*: 5\n$/);
  expect(state()).toEqual(["1234", "134"]);
  expect(cloud.images.get("3")?.visa_revoked).toMatch(/^\d{4}-\d\d-\d\d its key leaked$/);
  expect(JSON.stringify([...cloud.images].filter(([id]) => !["1", "3", "4"].includes(id)))).toBe(before);
  expect(readLock(file).revoked).toMatchObject({
    [base]: { reason: "its key leaked" },
    [apps]: { reason: "its key leaked", because: base },
    ["e".repeat(64)]: { because: base },
  });
});

test("--undo takes it back: what is in use is shown, the marks are gone, and the lock is as before", async () => {
  const before = readLock(file);
  await revoke();
  expect(await run("revoke", "3", "--undo")).toMatchObject({ status: 2, stderr: expect.stringMatching(/stands/) });
  const { status, stdout } = await run("revoke", "1", "--undo");
  expect(status).toBe(0);
  expect(stdout).toContain('  1 "n1" (t): shown again');
  expect(stdout).toContain('  4 "n4" (t, stands on it): hidden still');
  expect(state()).toEqual(["24", ""]);
  expect(readLock(file)).toEqual(before);
});

test("a lock that was lost is made anew with what is revoked", async () => {
  for (const image of cloud.images.values()) image.visa_image = image.id === "1" ? "images/base" : "images/apps";
  await revoke();
  writeFileSync(file, "{");
  expect((await run("lock", "sync")).status).toBe(0);
  expect(readLock(file).revoked).toMatchObject({ [base]: { reason: "its key leaked" }, [apps]: { because: base } });
});

test("a build by hand refuses it as a parent, before anything starts", async () => {
  await revoke();
  const job = join(folder, "specification.json");
  writeFileSync(job, JSON.stringify(specification));
  const { status, stderr } = await run("build", "--specification", job);
  expect(status).toBe(4);
  expect(stderr).toMatch(/the template "visa-apps" stands on [0-9a-f]{12}, which was revoked on .*: its key leaked/);
});

test("a layer from Glance is refused by its mark alone, where the lock is another one", async () => {
  await revoke();
  const source = await glanceSource(join(folder, "none.json"), environment);
  await expect(source.find(apps)).rejects.toThrow(/the image "3" was revoked: .* its key leaked/);
  await expect((await glanceSource(file, environment)).find(base)).rejects.toThrow(/which was revoked on/);
});

test("a registration that was planned before shows nothing of it", async () => {
  await revoke();
  const register = (lock: string) =>
    addRelease({
      ...{ file: lock, image: "images/apps", release: "3".repeat(12), fingerprint: apps, template: "t", imageId: "3" },
      ...{ protected: true, visible: true, environment },
    });
  await expect(register(file)).rejects.toThrow(/which was revoked on/);
  await expect(register(join(folder, "none.json"))).rejects.toThrow(/the image "3" was revoked: .* its key leaked/);
  expect(cloud.images.get("3")?.os_hidden).toBe(true);
});

test("fails for what the lock does not know, and without a reason", async () => {
  const { status, stderr } = await run("revoke", "0".repeat(12), "--reason", "r");
  expect([status, stderr.split("\n")[0]]).toEqual([
    2,
    'visa-image: visa-images.lock.json: the lock has no release "000000000000"',
  ]);
  expect((await run("revoke", "1".repeat(12))).status).toBe(2);
  expect(state()).toEqual(["2", ""]);
});
