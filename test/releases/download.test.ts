/** Downloads that are cut off, by a Glance that cuts them: the real one on loopback never does. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Glance } from "../../lib/cloud/glance";
import { credentialsFrom } from "../../lib/cloud/keystone";
import { scratchFolder } from "../support/scratch";

const folder = scratchFolder();
const file = join(folder, "disk");
const data = Buffer.concat([randomBytes(300_000), Buffer.alloc(4 << 20), randomBytes(300_000)]);
/** After how many bytes each answer is cut off; none: it is whole. */
let cuts: number[] = [];
let knowsRanges = true;
let ranges: (string | undefined)[] = [];
let server: Server;

beforeAll(async () => {
  server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    if (request.url === "/v3/auth/tokens") {
      const endpoints = [{ interface: "public", region: "r", url: `http://127.0.0.1:${port}` }];
      response.writeHead(201, { "x-subject-token": "t" });
      response.end(JSON.stringify({ token: { catalog: [{ type: "image", endpoints }], project: { id: "p" } } }));
      return;
    }
    const { range } = request.headers;
    ranges.push(range);
    const start = knowsRanges ? Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0) : 0;
    const rest = data.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, { "content-length": rest.length });
    const cut = cuts.shift();
    if (cut === undefined) response.end(rest);
    else response.write(rest.subarray(0, cut), () => setTimeout(() => response.destroy(), 50));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  [cuts, knowsRanges, ranges] = [[], true, []];
});

async function download(onProgress?: (bytes: number) => void): Promise<string> {
  const { port } = server.address() as AddressInfo;
  const environment = {
    OS_AUTH_URL: `http://127.0.0.1:${port}/v3`,
    OS_USERNAME: "u",
    OS_PROJECT_ID: "p",
    OS_PASSWORD: "p",
  };
  return (await Glance.connect(credentialsFrom(environment))).download("id", file, onProgress);
}

test("goes on where it was cut off, and keeps holes", async () => {
  cuts = [100_000, 1 << 20];
  let last = 0;
  const sha512 = await download((bytes) => {
    last = bytes;
  });
  expect(sha512).toBe(createHash("sha512").update(data).digest("hex"));
  expect(readFileSync(file).equals(data)).toBe(true);
  const [first, second, third] = ranges.map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0));
  expect([first, ranges.length]).toEqual([0, 3]);
  expect(second).toBeGreaterThan(0);
  expect(third).toBeGreaterThan(second ?? 0);
  expect(last).toBe(data.length);
  expect(statSync(file).blocks * 512).toBeLessThan(2 << 20);
});

test("fails where it is cut off again and again", async () => {
  cuts = [10, 10, 10, 10];
  await expect(download()).rejects.toThrow('cannot download the image "id": ');
});

test("fails where Glance cannot go on", async () => {
  [cuts, knowsRanges] = [[10], false];
  await expect(download()).rejects.toThrow('cannot go on with the download of the image "id": Glance answered 200');
});
