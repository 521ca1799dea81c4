/** A cloud image that does not come as it should, from a real server through the whole command. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { tinyGuest } from "../support/tiny-guest/tiny-guest";
import { FaultWorkspace } from "./support";

jest.setTimeout(300_000);

let workspace: FaultWorkspace;
let server: Server;
let disk: Buffer;
/** What the server does with the next request, once. */
let next: "cut" | 404 | 503 | undefined;
const ranges: (string | undefined)[] = [];

beforeAll(async () => {
  workspace = await FaultWorkspace.create();
  disk = readFileSync(join(tinyGuest(), "disk.qcow2"));
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    if (typeof next === "number") return void response.writeHead(next).end();
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const part = disk.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": part.length,
      ...(start > 0 && { "content-range": `bytes ${start}-${disk.length - 1}/${disk.length}` }),
    });
    if (next !== "cut") return void response.end(part);
    next = undefined;
    response.write(part.subarray(0, part.length / 2), () => setTimeout(() => response.destroy(), 100));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
});
afterAll(() => {
  server.close();
  workspace.remove();
});
beforeEach(() => {
  next = undefined;
  ranges.length = 0;
});

/** A layer on the tiny guest's disk as a cloud image. */
function specify(checksum = `sha256:${createHash("sha256").update(disk).digest("hex")}`): string[] {
  const args = workspace.specify(workspace.layer());
  const file = args[2] as string;
  const specification = JSON.parse(readFileSync(file, "utf8"));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/disk.qcow2`;
  specification.layers[0].base = { kind: "cloud-image", url, checksum, format: "qcow2" };
  writeFileSync(file, JSON.stringify(specification));
  return args;
}

async function fails(args: string[]): Promise<{ code: number | null; stderr: string }> {
  const { code, stderr } = await workspace.run(args);
  expect(stderr).toContain("  fix: ");
  expect(stderr).not.toMatch(/^ {4}at /m);
  expect(stderr).not.toContain("starting the machine");
  await workspace.expectNothingLeft();
  expect(workspace.names("artifacts")).toEqual([]);
  return { code, stderr };
}

/**
 * @fault cache: a cloud image has another checksum
 * @then 4, with both; the download is removed
 */
test("a wrong checksum ends the build with exit code 4, both checksums, and nothing kept", async () => {
  const { code, stderr } = await fails(specify(`sha256:${"0".repeat(64)}`));
  expect(code).toBe(4);
  expect(stderr).toMatch(/the checksum of "http:.*" is sha256:[0-9a-f]{64}, not sha256:0{64} as declared; .* deleted/);
  expect(workspace.names("downloads")).toEqual([]);
});

/**
 * @fault cache: the server answers 404, or 5xx
 * @then 1; 404: correct the URL; 5xx: three more attempts, then try again
 */
test.each([
  [404, /error: 404[\s\S]*fix: correct the URL/],
  [503, /error: 503[\s\S]*fix: try again/],
] as const)("a server that answers %s ends the build, with what to do", async (status, says) => {
  next = status;
  const { code, stderr } = await fails(specify());
  expect(code).toBe(1);
  expect(stderr).toMatch(says);
  // What may pass by is tried again at once, what will not is not.
  expect(ranges).toHaveLength(status === 404 ? 1 : 4);
});

/**
 * @fault cache: a download is cut off
 * @then 1; the next build goes on where it stopped
 */
test("a download that is cut off ends the build, and the next one goes on where it stopped and succeeds", async () => {
  next = "cut";
  const args = specify();
  const { code, stderr } = await fails(args);
  expect(code).toBe(1);
  expect(stderr).toMatch(/cannot download[\s\S]*fix: try again: it goes on where it stopped/);
  await workspace.expectNextBuildSucceeds(args);
  expect(ranges.at(-1)).toBe(`bytes=${Math.floor(disk.length / 2)}-`);
});
