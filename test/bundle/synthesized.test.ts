import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { synthesizedStacks } from "../../lib/bundle/synthesized";
import { addImage, chain, newStack, synthesizedFolder } from "../constructs/support";
import { scratchFolder } from "../support/scratch";

const scratch = scratchFolder();

test("a stack names its providers and what its builds read, and not what an earlier synth has left", async () => {
  const stack = newStack("images", join(scratch, "out"));
  const specification = chain();
  addImage(stack, { specification });
  const { folder } = synthesizedFolder(stack);
  writeFileSync(join(folder, "stacks", "images", "specifications", "old-000000000000.json"), "{}");
  const [found, ...more] = await synthesizedStacks(folder, []);
  expect(more).toEqual([]);
  expect(found?.name).toBe("images");
  expect(Object.keys(found?.providers ?? {})).toEqual(["openstack"]);
  const lasts = found?.specifications.map((each) => each.specification.layers.at(-1)?.fingerprint);
  expect(lasts?.sort()).toEqual(specification.layers.map(({ fingerprint }) => fingerprint).sort());
});

test("fails for a stack that there is not, and names those that there are", async () => {
  const { folder } = synthesizedFolder(newStack("images", join(scratch, "other")));
  await expect(synthesizedStacks(folder, ["image"])).rejects.toThrow(/has no stack "image"\n {2}fix: .*images/);
});

test("fails where nothing was synthesized", async () => {
  mkdirSync(join(scratch, "empty"));
  await expect(synthesizedStacks(join(scratch, "empty"), [])).rejects.toThrow("synthesize first: npx cdktf synth");
});
