import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { download, obtainMedium } from "../../../lib/runner/makers/download";
import { runTool } from "../support/run-tool";

type Download = Parameters<typeof download>[0];

const MEGABYTE = 2 ** 20;
// Not a multiple of anything, and no two parts alike.
const IMAGE = Buffer.alloc(3 * MEGABYTE + 512, createHash("sha512").update("image").digest());
const checksum = (algorithm: string, data: Buffer) =>
  `${algorithm}:${createHash(algorithm).update(data).digest("hex")}`;
const SHA256 = checksum("sha256", IMAGE);
const contentOf = (file: string) => checksum("sha256", readFileSync(file));

let folder: string;
let log: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "visa-download-test-"));
  log = [];
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const options = () => ({ downloads: join(folder, "downloads"), run: runTool, log: (line: string) => log.push(line) });
const make = (what: Download) => download(what, options());

let server: Server;
let ranges: (string | undefined)[];
let content: Buffer;
/** Bytes after which the connection is cut, once. */
let cutAfter: number | undefined;
let knowsRanges: boolean;

beforeEach(async () => {
  [ranges, content, cutAfter, knowsRanges] = [[], IMAGE, undefined, true];
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    if (request.url !== "/image") return void response.writeHead(404).end("no such image");
    const start = knowsRanges ? Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0) : 0;
    if (start >= content.length) return void response.writeHead(416).end();
    const part = content.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": part.length,
      ...(start > 0 && { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` }),
    });
    if (cutAfter === undefined) return void response.end(part);
    response.write(part.subarray(0, cutAfter), () => setTimeout(() => response.destroy(), 100));
    cutAfter = undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const image = (changes: Partial<Download> = {}): Download => ({
  url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/image`,
  checksum: SHA256,
  ...changes,
});
const downloads = () => readdirSync(join(folder, "downloads"));

test("a file is downloaded and checked", async () => {
  expect(contentOf(await make(image()))).toEqual(SHA256);
  expect(ranges).toEqual([undefined]);
});

test("is downloaded once", async () => {
  await make(image());
  await make(image());
  expect(ranges).toHaveLength(1);
});

test("is downloaded again when the kept file was damaged", async () => {
  await make(image());
  writeFileSync(join(folder, "downloads", downloads()[0] as string), "damaged");
  expect(contentOf(await make(image()))).toEqual(SHA256);
  expect(ranges).toHaveLength(2);
});

test("goes on where a cut-off download stopped", async () => {
  cutAfter = MEGABYTE;
  await expect(make(image())).rejects.toThrow(/^cannot download "http:.*\n.*\n[\s\S]*fix: try again: it goes on/);
  expect(contentOf(await make(image()))).toEqual(SHA256);
  expect(ranges).toEqual([undefined, `bytes=${MEGABYTE}-`]);
});

test("goes on after a second cut too", async () => {
  cutAfter = MEGABYTE;
  await expect(make(image())).rejects.toThrow("cannot download");
  cutAfter = MEGABYTE;
  await expect(make(image())).rejects.toThrow("cannot download");
  await make(image());
  expect(ranges).toEqual([undefined, `bytes=${MEGABYTE}-`, `bytes=${2 * MEGABYTE}-`]);
});

test("needs no download when it was cut off after the last byte", async () => {
  cutAfter = IMAGE.length;
  await make(image()).catch(() => {});
  const [name] = downloads();
  const whole = join(folder, "downloads", name as string);
  if (!whole.endsWith(".part")) renameSync(whole, `${whole}.part`);
  ranges = [];
  expect(contentOf(await make(image()))).toEqual(SHA256);
  expect(ranges).toEqual([]);
});

test("starts again where the server knows no ranges", async () => {
  cutAfter = MEGABYTE;
  await expect(make(image())).rejects.toThrow("cannot download");
  knowsRanges = false;
  expect(contentOf(await make(image()))).toEqual(SHA256);
});

test("starts again when the part belongs to another file", async () => {
  cutAfter = MEGABYTE;
  content = Buffer.alloc(IMAGE.length, "other");
  await expect(make(image())).rejects.toThrow("cannot download");
  content = IMAGE;
  expect(contentOf(await make(image()))).toEqual(SHA256);
});

test("fails when its checksum differs, and keeps nothing of it", async () => {
  content = Buffer.alloc(IMAGE.length, "other");
  await expect(make(image())).rejects.toThrow(`not ${SHA256} as declared; the downloaded file was deleted`);
  expect(downloads()).toEqual([]);
});

test("fails when the server does not have it", async () => {
  const { url } = image();
  await expect(make(image({ url: `${url}-gone` }))).rejects.toThrow(/cannot download [\s\S]*404/);
  expect(downloads().filter((name) => !name.endsWith(".part"))).toEqual([]);
});

test("shows no credentials of its address", async () => {
  const { url } = image();
  await make(image({ url: url.replace("//", "//user:canary@") }));
  expect(log.join("\n")).toContain("downloading http://127.0.0.1");
  expect(log.join("\n")).not.toContain("canary");
});

test("a medium that lies on this machine is checked there", async () => {
  const source = join(folder, "linux");
  writeFileSync(source, IMAGE);
  await expect(obtainMedium({ name: "kernel", source, checksum: SHA256 }, options())).resolves.toBe(source);
  const other = checksum("sha256", Buffer.from("other"));
  await expect(obtainMedium({ name: "kernel", source, checksum: other }, options())).rejects.toThrow(
    `not ${other} as declared`,
  );
  expect(contentOf(source)).toBe(SHA256);
});

test.each([
  "",
  "md5:d41d8cd98f00b204e9800998ecf8427e",
  SHA256.slice(0, -1),
  SHA256.slice(7),
  `sha512:${"0".repeat(64)}`,
])('fails for "%s", which is no checksum', async (text) => {
  await expect(make(image({ checksum: text }))).rejects.toThrow(`"${text}" is not a checksum`);
});

describe("a medium without a checksum", () => {
  const take = (source = image().url) => {
    const warnings: string[] = [];
    const firstUse = { lockFile: join(folder, "visa-media.lock.json"), name: "mini" };
    const made = obtainMedium(
      { name: "kernel", source, firstUse },
      { ...options(), warn: (line) => warnings.push(line) },
    );
    return made.then((file) => ({ file, warnings }));
  };

  test("is taken as it is, once: its checksum is in the lock, and another file is refused afterwards", async () => {
    const { file, warnings } = await take();
    expect(contentOf(file)).toBe(SHA256);
    expect(warnings).toEqual([expect.stringContaining(`taken on first use: ${SHA256}, now in ${folder}`)]);
    const lock = readFileSync(join(folder, "visa-media.lock.json"), "utf8");
    expect(JSON.parse(lock)).toEqual({ version: 1, media: { mini: SHA256 } });
    expect(await take()).toEqual({ file, warnings: [] });
    expect(ranges).toHaveLength(1);
    rmSync(file);
    content = Buffer.from("another one");
    await expect(take()).rejects.toThrow(/the checksum of .* is sha256:[0-9a-f]{64}, not sha256:/);
    expect(readFileSync(join(folder, "visa-media.lock.json"), "utf8")).toBe(lock);
  });

  test("may lie on this machine", async () => {
    const file = join(folder, "linux");
    writeFileSync(file, IMAGE);
    expect((await take(file)).warnings).toHaveLength(1);
    writeFileSync(file, "another one");
    await expect(take(file)).rejects.toThrow(/not sha256:/);
  });

  test("fails, and leaves nothing, where it is not to be had", async () => {
    await expect(take(`${image().url}s`)).rejects.toThrow(/cannot download/);
    expect(downloads()).toEqual([]);
    await expect(take(join(folder, "nothing"))).rejects.toThrow(/is missing/);
    expect(readdirSync(folder)).toEqual(["downloads"]);
  });
});
