import { join } from "node:path";
import { PassThrough } from "node:stream";
import { LineSplitter, readMessages } from "../../../lib/runner/output/lines";
import { BuildLog } from "../../../lib/runner/output/log";
import { createMasker } from "../../../lib/runner/output/masking";
import { scratchFolder } from "../../support/scratch";

const MIB = 2 ** 20;
const SENT = 300 * MIB;

/** By how much the memory of this process grows at most while something runs, in MiB. */
async function growth(run: (look: () => void) => unknown): Promise<number> {
  const resident = () => process.memoryUsage().rss / MIB;
  const before = resident();
  let most = 0;
  await run(() => {
    most = Math.max(most, resident() - before);
  });
  return most;
}

/**
 * @fault guests: a guest prints without end: on a line, on its console, as the answer of an agent
 * @then it is cut or left out; this machine's memory stays as it was
 */
test("a guest's line without an end takes no more memory than one that has an end", async () => {
  const chunk = Buffer.alloc(MIB, "x");
  const log = new BuildLog(join(scratchFolder(), "log"));
  let lines = 0;
  const grown = await growth((look) => {
    const splitter = new LineSplitter(createMasker(["canary2718"]), (line) => {
      lines++;
      log.write(line);
    });
    for (let sent = 0; sent < SENT; sent += chunk.length) {
      splitter.write(chunk);
      look();
    }
    splitter.end();
  });
  log.close();
  expect(lines).toBeGreaterThan(100);
  expect(Math.max(...log.tail().map((line) => line.length))).toBe(4096);
  expect(grown).toBeLessThan(150);
});

test("a message without an end takes no more memory than the longest that there may be, and the next one comes through", async () => {
  const stream = new PassThrough();
  const seen: string[] = [];
  const longest = 8 * MIB;
  readMessages(stream, { longest, onLine: (line) => seen.push(line), onTooLong: () => seen.push("too long") });
  const chunk = Buffer.alloc(64 << 10, "x");
  stream.write("one\ntw");
  stream.write("o\n\n");
  const grown = await growth(async (look) => {
    for (let sent = 0; sent < SENT; sent += chunk.length) {
      if (!stream.write(chunk)) await new Promise((done) => setImmediate(done));
      look();
    }
  });
  stream.end("the end of it\nthree\nfour");
  await new Promise((done) => stream.once("end", done));
  expect(seen).toEqual(["one", "two", "", "too long", "three"]);
  expect(grown).toBeLessThan(150);
});

test("a message may be as long as the longest, and its letters may be cut anywhere", async () => {
  const stream = new PassThrough();
  const seen: string[] = [];
  readMessages(stream, { longest: 10, onLine: (line) => seen.push(line) });
  for (const byte of Buffer.from("ééééé\n12345678901\nab\n")) stream.write(Buffer.from([byte]));
  stream.end();
  await new Promise((done) => stream.once("end", done));
  expect(seen).toEqual(["ééééé", "ab"]);
});
