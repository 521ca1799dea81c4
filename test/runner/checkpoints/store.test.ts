import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Cache } from "../../../lib/runner/cache/cache";
import { clearCache } from "../../../lib/runner/cache/clear-cache";
import {
  CheckpointWriter,
  checkpointEntries,
  diskName,
  findCheckpoints,
  linkCheckpoints,
  secretsMark,
} from "../../../lib/runner/checkpoints/store";
import { BUILD_KEY } from "../../../lib/runner/guest/guest-access";
import { scratchFolder } from "../../support/scratch";

const SECRETS = [["root_password", "one"]] as const;
const PARENT = "a".repeat(64);

let cache: Cache;

beforeEach(async () => {
  cache = new Cache(scratchFolder());
  await cache.prepare();
});
afterEach(() => rmSync(cache.root, { recursive: true, force: true }));

/** A build of a layer that has made checkpoints after these steps. */
async function build(name: string, numbers: readonly number[], template = "layer"): Promise<string> {
  const scratch = join(cache.scratch, name);
  mkdirSync(scratch);
  const about = { template, parent: PARENT, secrets: secretsMark(SECRETS) };
  for (const file of BUILD_KEY) writeFileSync(join(scratch, file), "key");
  const writer = new CheckpointWriter(cache, scratch, about, []);
  for (const number of numbers) {
    writeFileSync(join(scratch, diskName(number)), `${name} ${number}`);
    await writer.add({ number, label: `${number}.sh`, key: `${name} ${number}` });
  }
  rmSync(scratch, { recursive: true });
  return join(cache.checkpoints, name);
}

function scratchOf(name: string): string {
  const scratch = join(cache.scratch, name);
  mkdirSync(scratch);
  return scratch;
}

const find = (...keys: string[]) => findCheckpoints(cache, { keys, secrets: SECRETS });

test("finds the last checkpoint that fits, with those that it stands on", async () => {
  await build("one", [1, 3, 4]);
  const found = await find("other 4", "one 3", "one 1");
  expect(found?.checkpoints.map(({ number }) => number)).toEqual([1, 3]);
  await expect(find("other 4")).resolves.toBeUndefined();
});

test("finds none where a secret is another one", async () => {
  await build("one", [1]);
  await expect(
    findCheckpoints(cache, { keys: ["one 1"], secrets: [["root_password", "two"]] }),
  ).resolves.toBeUndefined();
  expect(readFileSync(join(cache.checkpoints, "one/checkpoints.json"), "utf8")).not.toContain('"one"');
});

test("the newest build of a layer has them alone, once it has made one; those of other layers stay", async () => {
  await build("one", [1, 2]);
  await build("other", [1], "other layer");
  await build("nothing", []);
  expect(readdirSync(cache.checkpoints).sort()).toEqual(["one", "other"]);
  await build("two", [1]);
  expect(readdirSync(cache.checkpoints).sort()).toEqual(["other", "two"]);
});

test("a build's links outlive what they were made of", async () => {
  await build("one", [1, 2]);
  const set = await find("one 2");
  const scratch = scratchOf("mine");
  await expect(linkCheckpoints(set as NonNullable<typeof set>, scratch)).resolves.toBeUndefined();
  await build("two", [1]);
  expect(readFileSync(join(scratch, diskName(2)), "utf8")).toBe("one 2");
  expect(readFileSync(join(scratch, "build-key"), "utf8")).toBe("key");
});

test.each([
  ["another byte", (file: string) => writeFileSync(file, "one X"), "the checksum of its disk does not match"],
  ["more bytes", (file: string) => appendFileSync(file, "more"), "its disk has 9 bytes instead of 5"],
  ["no disk", (file: string) => rmSync(file), "its disk is missing"],
])("fails to use a chain with %s, and says why", async (_, damage, reason) => {
  const folder = await build("one", [1, 2]);
  chmodSync(join(folder, diskName(1)), 0o600);
  damage(join(folder, diskName(1)));
  const set = await find("one 2");
  await expect(linkCheckpoints(set as NonNullable<typeof set>, scratchOf("mine"))).resolves.toBe(
    `checkpoint 1: ${reason}`,
  );
});

test("what was cut off is taken for no checkpoint, and is cleared", async () => {
  const folder = await build("one", [1]);
  // A disk that no manifest names, and a folder without one.
  writeFileSync(join(folder, diskName(2)), "half");
  mkdirSync(join(cache.checkpoints, "cut"));
  writeFileSync(join(cache.checkpoints, "cut", diskName(1)), "half");
  expect((await find("one 2", "one 1"))?.checkpoints.map(({ number }) => number)).toEqual([1]);
  expect((await checkpointEntries(cache)).map(({ template, numbers }) => [template, numbers])).toEqual(
    expect.arrayContaining([
      ["layer", [1]],
      [undefined, []],
    ]),
  );
  // They have no parent in the cache, so nothing can be built on them.
  const { checkpoints } = await clearCache(cache, { largerThanBytes: 2 ** 40 });
  expect(checkpoints).toHaveLength(2);
  expect(existsSync(folder)).toBe(false);
  expect(readdirSync(cache.checkpoints)).toEqual([]);
});
