import { appendFileSync, closeSync, openSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { GuestConsole, plainText } from "../../../lib/runner/output/console";
import { createMasker } from "../../../lib/runner/output/masking";
import { scratchFolder } from "../../support/scratch";

let file: string;
let guest: GuestConsole;
let lines: string[];
beforeEach(() => {
  file = join(scratchFolder(), "console.log");
  guest = new GuestConsole(file, createMasker(["canary"]));
  lines = [];
  guest.onLine((line) => lines.push(line));
});

test("the console is followed line by line, masked, without escape sequences, to its last words", () => {
  guest.look();
  writeFileSync(file, "\u001b[2J\u001b[1;1Hfirst\r\n\r\nsecond can");
  guest.look();
  expect(lines).toEqual(["first"]);
  appendFileSync(file, "ary\nlast");
  guest.end();
  expect(lines).toEqual(["first", "second ****", "last"]);
  expect(guest.tail(2)).toEqual(["second ****", "last"]);
});

test("of what a guest has written without end only the last part is looked at, in little memory", () => {
  writeFileSync(file, "first\nbegun");
  guest.look();
  truncateSync(file, 2 ** 33);
  const end = openSync(file, "a");
  writeSync(end, "\nlast\n");
  closeSync(end);
  const before = process.memoryUsage().rss;
  const start = performance.now();
  guest.look();
  expect(performance.now() - start).toBeLessThan(5000);
  expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(100);
  expect([lines[0], lines[1], lines[2], lines.at(-1)]).toEqual([
    "first",
    "begun",
    expect.stringMatching(/^\(85\d{8} bytes of the console are left out\)$/),
    "last",
  ]);
});

test("text of a console is what a person would read", () => {
  expect(plainText("\u001b(B\u001b[0;1;31mred\u001b[m\u0007 \u001b[?25h\u001b)0tail\r")).toBe("red tail");
});
