import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { openMirror } from "../../lib/stale/mirror-files";
import { scratchFolder } from "../support/scratch";

let server: Server;
let port: number;
const asked: (string | undefined)[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.headers.authorization);
    if (request.url === "/debian/file") response.end(Buffer.from([0xff, 0, 1]));
    else if (request.url === "/debian/moved") response.writeHead(302, { location: "/debian/file" }).end();
    else if (request.url === "/debian/broken") response.writeHead(500).end();
    else if (request.url === "/debian/cut") {
      response.writeHead(200, { "content-length": "100" });
      response.write("x", () => response.destroy());
    } else response.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

test("files by HTTP, as bytes, also where they have moved to; nothing for one that is not there", async () => {
  const mirror = openMirror(`http://127.0.0.1:${port}/debian/`, {});
  await expect(mirror.get("file")).resolves.toEqual(Buffer.from([0xff, 0, 1]));
  await expect(mirror.get("moved")).resolves.toEqual(Buffer.from([0xff, 0, 1]));
  await expect(mirror.get("none")).resolves.toBeUndefined();
  await mirror.close();
});

test("a password in the address is sent, and never said", async () => {
  const mirror = openMirror(`http://me:p%40ss@127.0.0.1:${port}/debian`, {});
  await mirror.get("file");
  expect(asked.at(-1)).toBe(`Basic ${Buffer.from("me:p@ss").toString("base64")}`);
  expect(mirror.where("file")).toBe(`http://127.0.0.1:${port}/debian/file`);
  const error = await mirror.get("broken").catch((each: Error) => each);
  expect(String(error)).not.toContain("p%40ss");
  await mirror.close();
});

test("fails for a server that does not answer as it should", async () => {
  const mirror = openMirror(`http://127.0.0.1:${port}/debian`, {});
  await expect(mirror.get("broken")).rejects.toThrow("answered 500");
  await expect(mirror.get("cut")).rejects.toThrow("cannot reach");
  await mirror.close();
});

test("files of a folder", async () => {
  const folder = scratchFolder();
  writeFileSync(join(folder, "file"), "text");
  for (const address of [folder, `file://${folder}`]) {
    const mirror = openMirror(address, {});
    expect((await mirror.get("file"))?.toString()).toBe("text");
    await expect(mirror.get("none")).resolves.toBeUndefined();
  }
});
