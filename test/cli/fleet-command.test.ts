/** `visa-image fleet` on a cloud with a Nova, and a VISA, that page. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatLock, type Release, type ReleaseLock } from "../../lib/releases/release-lock";
import { CloudStandIn } from "../releases/cloud-stand-in";
import { scratchFolder } from "../support/scratch";
import { VisaStandIn } from "../support/visa-stand-in";
import { runCommand } from "./run-command";

const KEY = "images/general";
const cloud = new CloudStandIn();
const visa = new VisaStandIn();
let folder: string;

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
  cloud.asked.length = 0;
  visa.instanceList.length = 0;
  folder = scratchFolder();
  cloud.nova = { servers: { a: ["s1", "s2"], b: ["s3"] }, administrator: true };
  lock({ [KEY]: ["a", "b"] });
});

function lock(images: Readonly<Record<string, readonly string[]>>, more: Partial<ReleaseLock> = {}): void {
  const releases = Object.entries(images).map(([image, ids]) => [image, ids.map(release)] as const);
  writeFileSync(
    join(folder, "visa-images.lock.json"),
    formatLock({ version: 1, images: Object.fromEntries(releases), ...more }),
  );
  for (const [image, ids] of Object.entries(images)) {
    for (const id of ids) {
      const own = { visa_image: image, visa_release: id.padEnd(12, "0"), os_hidden: id !== ids.at(-1) };
      cloud.images.set(id, { id, name: "n", status: "active", created_at: "2026-11-01T00:00:00Z", ...own });
    }
  }
}

function release(id: string): Release {
  return {
    ...{ release: id.padEnd(12, "0"), fingerprint: id.padEnd(64, "0"), template: "t", name: "n", diskFormat: "raw" },
    ...{ imageId: id, sha512: "", sizeBytes: 1, registered: "2026-11-01T00:00:00Z" },
  };
}

const fleet = (args: readonly string[] = [], more: Readonly<Record<string, string>> = {}) =>
  runCommand(["fleet", ...args], folder, { PATH: process.env.PATH, ...cloud.environment, ...more });

test("says what runs on a revoked release, and ends as cron takes notice of", async () => {
  const revoked = { [release("a").fingerprint]: { date: "2026-11-20T00:00:00Z", reason: "its key leaked" } };
  lock({ [KEY]: ["a", "b"] }, { revoked });
  const { status, stdout } = await fleet();
  expect(status).toBe(6);
  expect(stdout).toMatch(/^2 servers run on 1 revoked release\n\nimages\/general\n {2}b00000000000 {2}in use: /);
  expect(stdout).toContain("VISA-s1 s1  ACTIVE");
  expect((await fleet(["b000"])).status).toBe(0);
});

test("for programs, with what VISA knows of the instances", async () => {
  visa.addInstance("s1", { terminationDate: "2026-12-10T10:00:00.000+01:00" });
  visa.addInstance("s2", { owner: null });
  visa.addInstance(null);
  const { status, stdout } = await fleet(["general", "--json"], visa.environment);
  expect(status).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({
    version: 1,
    headline: "nothing to do: 3 servers on 2 releases",
    visa: { asked: true },
  });
  const [first, second] = report.images[0].releases[0].servers;
  expect(first).toMatchObject({ id: "s1", ends: "2026-12-10T09:00:00.000Z", owner: "Ada Lovelace" });
  expect([second.ends, second.owner]).toEqual([null, undefined]);
});

test("500 images and 1500 servers are asked for page by page, and Nova not once for each image", async () => {
  const images = Array.from({ length: 500 }, (_, i) => [`images/i${i}`, [`i${i}`]] as const);
  lock(Object.fromEntries(images));
  const servers = Object.fromEntries(images.map(([, [id = ""]]) => [id, [`${id}-1`, `${id}-2`, `${id}-3`]]));
  cloud.nova = { servers, administrator: true, page: 400 };
  for (let i = 0; i < 120; i++) visa.addInstance(`i${i}-1`);
  const { status, stdout } = await fleet([], visa.environment);
  expect([status, stdout.split("\n")[0]]).toEqual([0, "nothing to do: 1500 servers on 500 releases"]);
  expect(stdout.match(/without an end, Ada Lovelace/g)).toHaveLength(120);
  expect(cloud.asked).toHaveLength(4);
  expect(visa.operations.filter((each) => each === "instances").length).toBeGreaterThanOrEqual(3);
}, 30_000);

test("a VISA that is away, or takes the token not, costs the end dates alone", async () => {
  const { status, stdout } = await fleet([], { ...visa.environment, VISA_API_TOKEN: "staff" });
  expect(status).toBe(0);
  expect(stdout).toMatch(/end dates are not known: the token is that of somebody who has the role STAFF/);
});

test("without a Nova the releases are listed, and the exit code says that it is not known", async () => {
  cloud.nova = undefined;
  const { status, stdout } = await fleet(["--all"]);
  expect(status).toBe(1);
  expect(stdout).toMatch(/^which servers run is not known: Keystone's catalog has no compute service\n/);
  expect(stdout).toContain("a00000000000  past: registered 2026-11-01");
});

test("a cloud that is not reached does not hide what runs in the other", async () => {
  lock({ [KEY]: ["a", "b"], "images/north": ["c"] }, { clouds: { "images/north": { region: "elsewhere" } } });
  const { status, stdout } = await fleet();
  expect(status).toBe(1);
  expect(stdout).toMatch(/^which servers run in the region "elsewhere" is not known: .*\n/);
  expect(stdout).toContain("VISA-s1 s1  ACTIVE");
});

test("fails for a name that the lock does not have, and where no cloud can be signed in to", async () => {
  expect(await fleet(["generel"])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('has no image or release "generel"'),
  });
  const away = await fleet([], { OS_AUTH_URL: "http://127.0.0.1:1/v3" });
  expect([away.status, away.stdout]).toEqual([1, ""]);
});
