/** Pruning where servers, other people and stores stand in the way. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type PruneOptions, prune } from "../../lib/releases/prune";
import { formatLock, type Release, readLock } from "../../lib/releases/release-lock";
import { scratchFolder } from "../support/scratch";
import { CloudStandIn, type StandInNova } from "./cloud-stand-in";

const KEY = "images/visa-apps";
let cloud: CloudStandIn;
let file: string;

const nova: StandInNova = { servers: {}, administrator: true };

beforeEach(async () => {
  cloud = new CloudStandIn();
  cloud.nova = nova;
  await cloud.start();
  file = join(scratchFolder(), "visa-images.lock.json");
  const ids = ["a", "b", "c", "d"];
  writeFileSync(file, formatLock({ version: 1, images: { [KEY]: ids.map(release) }, retain: { [KEY]: 1 } }));
  for (const id of ids) {
    const own = { protected: true, visa_protected_by: "visa-image", visibility: "private" };
    cloud.images.set(id, { id, os_hidden: id !== "d", ...own });
  }
});
afterEach(() => cloud.stop());

function release(id: string): Release {
  return {
    ...{ release: id.repeat(12), fingerprint: id, template: "t", name: "n", diskFormat: "raw", imageId: id },
    ...{ sha512: "", sizeBytes: 1, registered: "2026-11-01T00:00:00Z" },
  };
}

/** Outcomes by image, `a: deleted`, and what is left of the lock. */
async function run(options: Partial<PruneOptions> = {}): Promise<string[]> {
  const results = await prune({ file, environment: cloud.environment, ...options });
  return results.map(({ release: { imageId }, outcome, reason }) => `${imageId}: ${reason ?? outcome}`);
}
const left = () => [...cloud.images.keys()].join("");
const locked = () => (readLock(file).images[KEY] ?? []).map((each) => each.imageId).join("");

test("deletes what is beyond those that the stack keeps, in Glance and in the lock", async () => {
  expect(await run()).toEqual(["a: deleted", "b: deleted"]);
  expect([left(), locked()]).toEqual(["cd", "cd"]);
});

test("keeps as many as it is told, and the one in use in any case", async () => {
  expect(await run({ retain: 3 })).toEqual([]);
  expect(await run({ retain: 0 })).toEqual(["a: deleted", "b: deleted", "c: deleted"]);
  expect([left(), locked()]).toEqual(["d", "d"]);
});

test("a dry run changes nothing", async () => {
  expect(await run({ dryRun: true })).toEqual(["a: would be deleted", "b: would be deleted"]);
  expect([left(), locked(), cloud.changes]).toEqual(["abcd", "abcd", []]);
});

test("keeps what a server was made from", async () => {
  cloud.nova = { ...nova, servers: { a: ["s1", "s2"] } };
  expect(await run()).toEqual(["a: the server s1 and 1 more was made from it", "b: deleted"]);
  expect([left(), locked()]).toEqual(["acd", "acd"]);
});

test("asks for its own project's servers where it may not see those of others, if nobody else sees the image", async () => {
  cloud.nova = { servers: { a: ["s1"] }, administrator: false };
  Object.assign(cloud.images.get("b") ?? {}, { visibility: "shared" });
  expect(await run()).toEqual(["a: the server s1 was made from it", "b: deleted"]);
});

test.each<[string, () => void, string]>([
  [
    "a public image and no administrator",
    () => {
      cloud.nova = { ...nova, administrator: false };
      Object.assign(cloud.images.get("b") ?? {}, { visibility: "public" });
    },
    "other projects may use the image, and only an administrator sees their servers",
  ],
  [
    "an image that is shared with a project, and no administrator",
    () => {
      cloud.nova = { ...nova, administrator: false };
      cloud.members.set("b", [{ member_id: "p2", status: "accepted" }]);
      Object.assign(cloud.images.get("b") ?? {}, { visibility: "shared" });
    },
    "other projects may use the image",
  ],
  ["a Nova that fails", () => Object.assign(cloud, { nova: { ...nova, broken: true } }), "Nova answered 500"],
  ["no Nova", () => Object.assign(cloud, { nova: undefined }), "no compute service"],
])("fails for %s before anything is deleted, but for --force", async (_, arrange, message) => {
  arrange();
  await expect(run()).rejects.toThrow(message);
  expect([left(), locked(), cloud.changes]).toEqual(["abcd", "abcd", []]);
  expect(await run({ force: true })).toEqual(["a: deleted", "b: deleted"]);
});

test("force does not overrule servers, others, or Glance", async () => {
  cloud.nova = { ...nova, servers: { a: ["s1"] } };
  cloud.busy.add("b");
  expect(await run({ force: true })).toEqual([
    "a: the server s1 was made from it",
    "b: Glance says that it is in use (409)",
  ]);
});

test("what Glance calls in use stays, as protected as it was", async () => {
  cloud.busy.add("a");
  expect(await run()).toEqual(["a: Glance says that it is in use (409)", "b: deleted"]);
  expect(cloud.images.get("a")).toMatchObject({ protected: true, visa_protected_by: "visa-image" });
  expect(locked()).toBe("acd");
});

test("keeps what somebody else protected or made visible", async () => {
  delete cloud.images.get("a")?.visa_protected_by;
  Object.assign(cloud.images.get("b") ?? {}, { os_hidden: false });
  expect(await run()).toEqual(["a: somebody else protected it", "b: it is visible"]);
  expect(cloud.changes).toEqual([]);
});

test("what Glance no longer has is taken out of the lock", async () => {
  cloud.images.delete("a");
  expect(await run()).toEqual(["a: gone", "b: deleted"]);
  expect(locked()).toBe("cd");
});

test("images that the lock does not know are nobody's to delete", async () => {
  cloud.images.set("x", { id: "x", os_hidden: true, protected: false, visibility: "private", visa_image: KEY });
  await run();
  expect(left()).toBe("cdx");
});

test("fails for an image that the lock does not have", async () => {
  await expect(run({ images: ["images/other"] })).rejects.toThrow(`name one of: ${KEY}`);
});

describe("what a stopped upload has left", () => {
  const queued = { visa_image: KEY, os_hidden: true, protected: false, status: "queued", visa_release: "9".repeat(12) };
  const long = "2026-01-01T00:00:00Z";

  test("is deleted once it is a day old, and the release that it is a second image of stays in the lock", async () => {
    cloud.images.set("q", { id: "q", ...queued, created_at: long });
    cloud.images.set("2", { id: "2", ...queued, created_at: long, status: "active", visa_release: "d".repeat(12) });
    expect(await run({ retain: 3 })).toEqual(["q: deleted", "2: deleted"]);
    expect([left(), locked()]).toEqual(["abcd", "abcd"]);
  });

  test("is kept while its upload may still run, unless it is forced", async () => {
    cloud.images.set("q", { id: "q", ...queued, created_at: new Date().toISOString() });
    expect(await run({ retain: 3 })).toEqual([expect.stringContaining("q: it is queued and not registered")]);
    expect(await run({ retain: 3, force: true })).toEqual(["q: deleted"]);
  });

  test("is kept where a server was made from it", async () => {
    cloud.nova = { ...nova, servers: { "2": ["s1"] } };
    cloud.images.set("2", { id: "2", ...queued, created_at: long, status: "active", visa_release: "d".repeat(12) });
    expect(await run({ retain: 3 })).toEqual(["2: the server s1 was made from it"]);
  });
});

test("fails in a cloud that has none of the releases: it is another one, and nothing is forgotten", async () => {
  cloud.images.clear();
  await expect(run({ force: true })).rejects.toThrow('Glance has none of the 4 releases of "images/visa-apps"');
  expect(locked()).toBe("abcd");
});

test("signs in where the lock says that an image is", async () => {
  const lock = readLock(file);
  writeFileSync(file, formatLock({ ...lock, clouds: { [KEY]: { region: "elsewhere" } } }));
  await expect(run()).rejects.toThrow('in the region "elsewhere"');
  writeFileSync(file, formatLock({ ...lock, clouds: { [KEY]: { region: "r" } } }));
  expect(await run()).toEqual(["a: deleted", "b: deleted"]);
});

test("keeps a snapshot of somebody's desktop, whatever the lock says of it", async () => {
  Object.assign(cloud.images.get("a") ?? {}, { image_type: "snapshot", base_image_ref: "d" });
  expect(await run()).toEqual(["a: it is a snapshot of an instance", "b: deleted"]);
});
