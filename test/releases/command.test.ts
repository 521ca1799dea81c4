/** What `lock add` and `lock adopt` refuse, on a cloud that has it. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addRelease, adoptImage, checkLock } from "../../lib/releases/command";
import { readLock } from "../../lib/releases/release-lock";
import { scratchFolder } from "../support/scratch";
import { CloudStandIn, type StandInImage } from "./cloud-stand-in";

const KEY = "images/visa-apps";
const FINGERPRINT = "ab".repeat(32);
const sha512 = (text: string) => createHash("sha512").update(text).digest("hex");
const cloud = new CloudStandIn();
let file: string;
let cache: string;

beforeAll(() => cloud.start());
afterAll(() => cloud.stop());
beforeEach(() => {
  file = join(scratchFolder(), "visa-images.lock.json");
  cache = scratchFolder();
  cloud.images.clear();
  cloud.changes.length = 0;
});

function add(changes: Partial<StandInImage> = {}): StandInImage {
  const image = {
    ...{ id: "one", name: "n", status: "active", disk_format: "raw", size: 4, protected: false, os_hidden: true },
    ...{ os_hash_algo: "sha512", os_hash_value: sha512("disk"), created_at: "2026-11-01T00:00:00Z", ...changes },
  };
  cloud.images.set(image.id, image);
  return image;
}

function verified(text: string, changes: object = {}): void {
  const folder = join(cache, "reports", `${FINGERPRINT.slice(0, 12)}-key${sha512(text).slice(0, 4)}-gate`);
  mkdirSync(folder, { recursive: true });
  const report = { fingerprint: FINGERPRINT, passed: true, sha512: sha512(text), ...changes };
  writeFileSync(join(folder, "report.json"), JSON.stringify(report));
}

const register = (options: { gate?: string } = {}) =>
  addRelease({
    ...options,
    ...{ file, image: KEY, release: "0".repeat(12), fingerprint: FINGERPRINT, template: "visa-apps", imageId: "one" },
    ...{ protected: true, visible: true, environment: { ...cloud.environment, VISA_IMAGE_CACHE: cache } },
  });

test("what passed the gate is protected, shown and written down", async () => {
  const image = add();
  verified("another disk of these inputs");
  verified("disk");
  await register({ gate: "specifications/visa-apps.json" });
  expect(image).toMatchObject({ os_hidden: false, protected: true });
  expect(readLock(file).images[KEY]).toHaveLength(1);
});

test("fails where there is a gate and nothing passed it here, but for what the lock has already", async () => {
  const image = add({ os_hidden: false });
  await expect(register({ gate: "specifications/visa-apps.json" })).rejects.toMatchObject({
    message: expect.stringMatching(
      /no disk of "visa-apps" passed the gate on this machine: .* stays hidden\n {2}fix: npx visa-image verify --profile gate --specification \/.*\/specifications\/visa-apps\.json, and deploy again/,
    ),
    exitCode: 4,
  });
  expect(image).toMatchObject({ os_hidden: true, protected: false });
  expect(existsSync(file)).toBe(false);
  await register();
  await register({ gate: "specifications/visa-apps.json" });
  expect(image).toMatchObject({ os_hidden: false, protected: true });
});

test.each([true, false])(
  "fails for other bytes than were verified, and hides them (hidden before: %s)",
  async (hidden) => {
    const image = add({ os_hidden: hidden });
    verified("what was verified");
    await expect(register({ gate: "specifications/visa-apps.json" })).rejects.toMatchObject({
      message: expect.stringMatching(
        /is not the disk that was verified.*stays hidden\n {2}fix: .*openstack image delete one/,
      ),
      exitCode: 4,
    });
    expect(image).toMatchObject({ os_hidden: true, protected: false });
    expect(existsSync(file)).toBe(false);
  },
);

test("without a gate nothing is compared: what passed here may be the disk in another format", async () => {
  const image = add({ os_hidden: true });
  verified("the raw disk");
  await register();
  expect(image).toMatchObject({ os_hidden: false, protected: true });
});

test("fails for a snapshot that is to be adopted, before anything changes", async () => {
  add({ image_type: "snapshot" });
  const adopting = adoptImage({ file, image: KEY, imageId: "one", environment: cloud.environment });
  await expect(adopting).rejects.toThrow(/is a snapshot of an instance.*\n {2}fix: .*openstack image save/);
  expect(cloud.changes).toEqual([]);
});

test("a release that is gone is not missed for its snapshot's sake", async () => {
  const release = "1".repeat(12);
  add({ visa_image: KEY, visa_release: release, image_type: "snapshot" });
  const check = () => checkLock({ file, image: KEY, releases: [release], environment: cloud.environment });
  await expect(check()).resolves.toBeUndefined();
  add({ visa_image: KEY, visa_release: release });
  await expect(check()).rejects.toThrow(
    /would delete: 1{12} \(image one\)\n {2}fix: take the lock that the last deploy wrote \(git pull\), or run/,
  );
});
