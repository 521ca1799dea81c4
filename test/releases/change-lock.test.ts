import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { changeLock } from "../../lib/releases/change-lock";
import { scratchFolder } from "../support/scratch";

const { VISA_IMAGE_CACHE, TMPDIR } = process.env;
afterEach(() => Object.assign(process.env, { VISA_IMAGE_CACHE, TMPDIR }));

test("what two shells agree on is in the cache, whatever their TMPDIR, and nothing is left in that", async () => {
  const folder = scratchFolder();
  const seen: string[][] = [];
  process.env.VISA_IMAGE_CACHE = join(folder, "cache");
  for (const name of ["one", "two"]) {
    process.env.TMPDIR = join(folder, name);
    mkdirSync(process.env.TMPDIR);
    await changeLock(join(folder, "visa-images.lock.json"), (lock) => {
      seen.push(readdirSync(join(folder, "cache", "locks")));
      return lock;
    });
    expect(readdirSync(process.env.TMPDIR)).toEqual([]);
  }
  const name = seen[0]?.[0]?.replace(".lock", "");
  expect(seen).toEqual([
    [expect.stringMatching(/^release-lock-[0-9a-f]{16}\.lock$/), `${name}.owner`],
    [`${name}.lock`, `${name}.owner`],
  ]);
  expect(readdirSync(join(folder, "cache", "locks"))).toEqual([`${name}.lock`]);
});
