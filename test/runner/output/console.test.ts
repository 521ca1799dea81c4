import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { followConsole, plainText } from "../../../lib/runner/output/console";
import { createMasker } from "../../../lib/runner/output/masking";
import { scratchFolder } from "../../support/scratch";

test("the console is followed line by line, masked, without escape sequences, to its last words", async () => {
  const file = join(scratchFolder(), "console.log");
  const lines: string[] = [];
  const stop = followConsole(file, createMasker(["canary"]), (line) => lines.push(line));
  await sleep(10);
  writeFileSync(file, "\u001b[2J\u001b[1;1Hfirst\r\n\r\nsecond can");
  for (const deadline = Date.now() + 10_000; lines.length < 1 && Date.now() < deadline; ) await sleep(50);
  expect(lines).toEqual(["first"]);
  appendFileSync(file, "ary\nlast");
  await stop();
  expect(lines).toEqual(["first", "second ****", "last"]);
});

test("text of a console is what a person would read", () => {
  expect(plainText("\u001b(B\u001b[0;1;31mred\u001b[m\u0007 \u001b[?25h\u001b)0tail\r")).toBe("red tail");
});
