import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tailOf } from "../../../lib/runner/output/tail";
import { scratchFolder } from "../../support/scratch";

test("the end of a file, however long it is, and nothing of one that is not there", () => {
  const file = join(scratchFolder(), "console");
  expect(tailOf(file, 10)).toBe("");
  writeFileSync(file, "a\nthe end");
  expect([tailOf(file, 7), tailOf(file, 100)]).toEqual(["the end", "a\nthe end"]);
  truncateSync(file, 2 ** 40);
  expect(tailOf(file, 4)).toBe("\0\0\0\0");
});
