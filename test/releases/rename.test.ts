/** Another name for an image or a stack, in Glance and in the lock. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatLock, type Release, readLock } from "../../lib/releases/release-lock";
import { renameImages } from "../../lib/releases/rename";
import { scratchFolder } from "../support/scratch";
import { CloudStandIn } from "./cloud-stand-in";

let cloud: CloudStandIn;
let file: string;

function release(id: string): Release {
  return {
    ...{ release: id.repeat(12), fingerprint: id, template: "t", name: "n", diskFormat: "raw", imageId: id },
    ...{ sha512: "", sizeBytes: 1, registered: "2026-11-01T00:00:00Z" },
  };
}

beforeEach(async () => {
  cloud = new CloudStandIn();
  await cloud.start();
  file = join(scratchFolder(), "visa-images.lock.json");
  const images = { "one/a": ["1", "2"].map(release), "one/b": [release("3")], "two/a": [release("4")] };
  writeFileSync(file, formatLock({ version: 1, images, retain: { "one/a": 2 }, clouds: { "one/a": { region: "r" } } }));
  const owners = { "1": "one/a", "2": "one/a", "3": "one/b", "4": "two/a", upload: "one/a", other: undefined };
  for (const [id, visa_image] of Object.entries(owners)) {
    cloud.images.set(id, { id, os_hidden: id !== "2", ...(visa_image && { visa_image }) });
  }
});
afterEach(() => cloud.stop());

const rename = (from: string, to: string) => renameImages({ file, from, to, environment: cloud.environment });
const owner = (id: string) => cloud.images.get(id)?.visa_image;

test("an image has its releases, and all that is known of it, under its new name; the lock remembers the old one", async () => {
  expect(await rename("one/a", "one/c")).toEqual([{ from: "one/a", to: "one/c", releases: 2 }]);
  expect(["1", "2", "upload", "3", "4", "other"].map(owner)).toEqual([
    ...["one/c", "one/c", "one/c", "one/b", "two/a", undefined],
  ]);
  const lock = readLock(file);
  expect(Object.keys(lock.images)).toEqual(["one/b", "one/c", "two/a"]);
  expect(lock).toMatchObject({ retain: { "one/c": 2 }, clouds: { "one/c": { region: "r" } } });
  expect(lock.renamed).toEqual({ "one/c": "one/a" });
});

test("a stack has all of its images under its new name", async () => {
  expect(await rename("one", "three")).toHaveLength(2);
  expect(Object.keys(readLock(file).images)).toEqual(["three/a", "three/b", "two/a"]);
  expect(["2", "3", "4"].map(owner)).toEqual(["three/a", "three/b", "two/a"]);
});

test("back again, the lock says what it was called in between", async () => {
  await rename("one/a", "one/c");
  await rename("one/c", "one/a");
  expect(readLock(file).renamed).toEqual({ "one/a": "one/c", "one/c": "one/a" });
  await rename("one/a", "one/d");
  expect(readLock(file).renamed).toMatchObject({ "one/d": "one/a" });
});

test("one that was broken off is gone on with", async () => {
  Object.assign(cloud.images.get("1") ?? {}, { visa_image: "one/c" });
  await rename("one/a", "one/c");
  expect(["1", "2"].map(owner)).toEqual(["one/c", "one/c"]);
  expect(cloud.changes.filter((change) => change.startsWith("PATCH 1 "))).toEqual([]);
});

test.each([
  [
    "an image that the lock does not know",
    "one/x",
    "one/c",
    'the lock has no image or stack "one/x"\n  fix: name one of: one/a, one/b, two/a',
  ],
  ["a name that is taken", "one/a", "one/b", 'the lock has an image "one/b" already'],
  ["a stack whose images' names are taken", "one", "two", 'the lock has an image "two/a" already'],
  ["an image and a stack", "one/a", "three", '"one/a" and "three" are not both images, or both stacks'],
  ["a name that no image has", "one/a", "one/c.d", '"one/c.d" is no name of an image\n  fix: what is no letter'],
])("fails for %s, with nothing changed", async (_, from, to, message) => {
  const before = readFileSync(file, "utf8");
  await expect(rename(from, to)).rejects.toThrow(message);
  expect([readFileSync(file, "utf8"), cloud.changes]).toEqual([before, []]);
});
