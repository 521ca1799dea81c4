/** `visa-image retire`: what it hides and marks, what it refuses, and when `prune` takes it away. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { prune } from "../../lib/releases/prune";
import { formatLock, type Release, type ReleaseLock, readLock } from "../../lib/releases/release-lock";
import { runCommand } from "../cli/run-command";
import { scratchFolder } from "../support/scratch";
import { VisaStandIn } from "../support/visa-stand-in";
import { CloudStandIn, type StandInNova } from "./cloud-stand-in";

const KEY = "images/general";
const [OLD, PAST, NEW] = ["a".repeat(12), "b".repeat(12), "c".repeat(12)];
const cloud = new CloudStandIn();
const visa = new VisaStandIn();
const nova: StandInNova = { servers: {}, administrator: true };
let folder: string;
let file: string;

beforeAll(async () => {
  await cloud.start();
  await visa.start();
});
afterAll(async () => {
  await cloud.stop();
  await visa.stop();
});
beforeEach(() => {
  cloud.images.clear();
  cloud.changes.length = 0;
  cloud.nova = nova;
  visa.images.length = 0;
  visa.mutations.length = 0;
  folder = scratchFolder();
  file = join(folder, "visa-images.lock.json");
  write({ version: 1, images: { [KEY]: ["a", "b", "c"].map(release) }, retain: { [KEY]: 5 } });
  for (const id of ["a", "b", "c"]) {
    const own = { visa_image: KEY, visa_release: id.repeat(12), protected: true, visa_protected_by: "visa-image" };
    const image = { id, name: `n${id}`, status: "active", os_hidden: id !== "c", visibility: "private", ...own };
    cloud.images.set(id, { ...image, disk_format: "raw", created_at: `2026-11-0${"abc".indexOf(id) + 1}T00:00:00Z` });
  }
});

const write = (lock: ReleaseLock) => writeFileSync(file, formatLock(lock));

function release(id: string): Release {
  return {
    ...{ release: id.repeat(12), fingerprint: id, template: "t", name: `n${id}`, diskFormat: "raw", imageId: id },
    ...{ sha512: "", sizeBytes: 1, registered: "2026-11-01T00:00:00Z" },
  };
}

const run = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
  runCommand(args, folder, { PATH: process.env.PATH, ...cloud.environment, VISA_IMAGE_CACHE: folder, ...more });
const retire = (...args: string[]) => run(["retire", ...args]);
const pruned = async (force = false) =>
  (await prune({ file, environment: cloud.environment, force })).map(
    ({ release: { imageId }, outcome, reason }) => `${imageId}: ${reason ?? outcome}`,
  );

test("it is hidden and marked, in Glance and in the lock; nothing else changes, and doing it again changes nothing", async () => {
  Object.assign(cloud.images.get("b") ?? {}, { os_hidden: false });
  const { status, stdout } = await retire(PAST);
  expect(status).toBe(0);
  expect(stdout).toBe(`${PAST} is retired: commit visa-images.lock.json
  images/general: image b "nb" is hidden
servers that run go on (visa-image fleet ${PAST}); visa-image prune deletes it once none does
`);
  expect(cloud.images.get("b")).toMatchObject({ os_hidden: true, visa_retired: expect.stringMatching(/^\d{4}-/) });
  expect(cloud.changes).toHaveLength(1);
  const lock = readLock(file);
  expect(lock.retired).toEqual({ [PAST]: cloud.images.get("b")?.visa_retired });
  expect((await retire("b")).status).toBe(0);
  expect(readLock(file)).toEqual(lock);
  expect((await run(["lock", "show"])).stdout).toMatch(/b {2}retired\n.* c {2}in use\n$/);
});

test("prune keeps it while a server runs on it, and deletes it then, within those that the stack keeps", async () => {
  await retire(PAST);
  cloud.nova = { ...nova, servers: { b: ["s1"] } };
  expect(await pruned()).toEqual(["b: the server s1 was made from it"]);
  expect(await pruned(true)).toEqual(["b: the server s1 was made from it"]);
  cloud.nova = nova;
  expect(await pruned()).toEqual(["b: deleted"]);
  expect([...cloud.images.keys()]).toEqual(["a", "c"]);
  const { images, retired } = readLock(file);
  expect([images[KEY]?.map(({ imageId }) => imageId), retired]).toEqual([["a", "c"], undefined]);
});

test("prune leaves it alone where Nova cannot be asked, forced or not", async () => {
  await retire(PAST);
  cloud.nova = { ...nova, broken: true };
  await expect(pruned()).rejects.toThrow("Nova answered 500; nothing was deleted");
  expect(await pruned(true)).toEqual(["b: it is retired, and which servers run on it is not known: Nova answered 500"]);
  expect(cloud.images.has("b")).toBe(true);
});

test("--undo makes it a release of the past again, which is hidden still", async () => {
  const before = readLock(file);
  await retire(PAST);
  expect(await retire(PAST, "--undo")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("is no longer retired"),
  });
  expect(cloud.images.get("b")).toMatchObject({ os_hidden: true });
  expect(cloud.images.get("b")).not.toHaveProperty("visa_retired");
  expect(readLock(file)).toEqual(before);
  expect(await pruned()).toEqual([]);
  expect(await retire(OLD, "--undo")).toMatchObject({ status: 2, stderr: expect.stringMatching(/is not retired/) });
});

test("a lock that was lost is made anew with what is retired", async () => {
  await retire(PAST);
  const before = readLock(file);
  writeFileSync(file, "{");
  expect((await run(["lock", "sync"])).status).toBe(0);
  expect(readLock(file).retired).toEqual(before.retired);
});

test("all images of its digits, also in another cloud's key of the lock", async () => {
  write({
    version: 1,
    images: { [KEY]: ["b", "c"].map(release), "images/other": [{ ...release("b"), imageId: "a" }, release("c")] },
  });
  expect((await retire(PAST)).stdout).toMatch(/images\/general: image b .*\n {2}images\/other: image a /);
  expect([...cloud.images.values()].filter((each) => each.visa_retired).map(({ id }) => id)).toEqual(["a", "b"]);
});

describe("in VISA", () => {
  beforeEach(() => Object.assign(cloud.images.get("b") ?? {}, { visa_entry: "true", os_hidden: false }));

  test("its entries are hidden first", async () => {
    const entry = visa.addEntry({ computeId: "b" });
    const other = visa.addEntry({ computeId: "c" });
    let hiddenInGlance: unknown;
    visa.onMutation = () => {
      hiddenInGlance = cloud.images.get("b")?.os_hidden;
    };
    const { status, stdout } = await run(["retire", PAST], visa.environment);
    expect(status).toBe(0);
    expect(stdout).toContain('image b "nb" is hidden, and 1 entry of VISA\n');
    expect([entry.visible, other.visible, hiddenInGlance]).toEqual([false, true, false]);
  });

  test("fails where VISA has an entry and is not named, or not reached: nothing is changed", async () => {
    expect((await retire(PAST)).stderr).toContain("VISA has an entry of the image");
    const away = { VISA_API_URL: "http://127.0.0.1:1", VISA_API_TOKEN: "admin" };
    expect((await run(["retire", PAST], away)).stderr).toContain("cannot reach VISA");
    expect([cloud.changes, readLock(file).retired]).toEqual([[], undefined]);
    expect((await retire(PAST, "--force")).status).toBe(0);
  });
});

test.each([
  ["a release in use: the next deploy would show it", () => [NEW], 2, /is in use by "images\/general"/],
  ["one that the lock does not have", () => ["0".repeat(12)], 2, /the lock has no release "000000000000"/],
  [
    "one that Glance does not have",
    () => {
      cloud.images.delete("b");
      return [PAST];
    },
    1,
    /Glance has no image of release/,
  ],
])("fails for %s; nothing is changed", async (_, args, status, message) => {
  const result = await retire(...args());
  expect([result.status, message.test(result.stderr)]).toEqual([status, true]);
  expect([cloud.changes, readLock(file).retired]).toEqual([[], undefined]);
});
