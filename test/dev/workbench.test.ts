import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Workbench } from "../../dev/embedded-cloud/workbench";
import { scratchFolder } from "../support/scratch";

function newBench(): Workbench {
  const folder = scratchFolder();
  for (const name of ["log", "run"]) mkdirSync(join(folder, name));
  return new Workbench(folder, () => {});
}

test("what is done at a time ends at a time, each with what it has", async () => {
  expect(await newBench().together(Promise.resolve("a"), sleep(20, 7))).toEqual(["a", 7]);
});

test("fails with what failed first, once all have ended, and nothing is started behind it", async () => {
  const bench = newBench();
  let ended = false;
  const other = (async () => {
    await sleep(50);
    ended = true;
    await bench.start("late", ["touch", join(bench.folder, "late")]);
  })();
  await expect(bench.together(other, Promise.reject(new Error("the first")))).rejects.toThrow("the first");
  expect(ended).toBe(true);
  await expect(bench.run("true", [])).rejects.toThrow("the first");
  expect(existsSync(join(bench.folder, "late"))).toBe(false);
  expect(existsSync(join(bench.folder, "run/late.json"))).toBe(false);

  bench.begin();
  await bench.run("true", []);
});
