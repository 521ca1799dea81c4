/** npm itself, with packages that need no registry. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { npmCache } from "../../lib/bundle/npm-cache";
import { scratchFolder } from "../support/scratch";

jest.setTimeout(120_000);

const scratch = scratchFolder();
const { signal } = new AbortController();
let tarball: Buffer;

beforeAll(() => {
  mkdirSync(join(scratch, "package"));
  writeFileSync(join(scratch, "package", "package.json"), '{ "name": "tiny", "version": "1.0.0" }');
  execFileSync("tar", ["-czf", join(scratch, "tiny.tgz"), "-C", scratch, "package"]);
  tarball = readFileSync(join(scratch, "tiny.tgz"));
});

/** A project with that package, from where it says. */
function project(resolved: string): string {
  const folder = mkdtempSync(join(scratch, "project-"));
  const dependencies = { tiny: resolved };
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  const packages = { "": { dependencies }, "node_modules/tiny": { version: "1.0.0", resolved, integrity } };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ dependencies }));
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ lockfileVersion: 3, requires: true, packages }));
  return folder;
}

const work = () => mkdtempSync(join(scratch, "work-"));

test("has a tarball beside the project, for an install where that is not", async () => {
  const folder = project("file:../tiny.tgz");
  const file = await npmCache(folder, work(), signal);
  const cache = work();
  execFileSync("tar", ["-xf", file.source, "-C", cache]);
  rmSync(join(scratch, "tiny.tgz"));
  execFileSync("npm", ["ci", "--offline", "--cache", cache, "--no-audit"], { cwd: folder });
  expect(readFileSync(join(folder, "node_modules/tiny/package.json"), "utf8")).toContain("tiny");
  writeFileSync(join(scratch, "tiny.tgz"), tarball);
});

test("fails for a package that is not what package-lock.json says", async () => {
  const folder = project("file:../tiny.tgz");
  writeFileSync(join(scratch, "tiny.tgz"), "something else");
  await expect(npmCache(folder, work(), signal)).rejects.toThrow(/npm ci.*EINTEGRITY/s);
  writeFileSync(join(scratch, "tiny.tgz"), tarball);
});

test("fails for an address with a password", async () => {
  const server = createServer((_, response) => response.end(tarball));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  try {
    const folder = project(`http://someone:secret@127.0.0.1:${port}/tiny.tgz`);
    await expect(npmCache(folder, work(), signal)).rejects.toThrow("the address of npm's registry has a password");
  } finally {
    server.close();
  }
});

test("fails without package-lock.json", async () => {
  await expect(npmCache(work(), work(), signal)).rejects.toThrow("there is no package-lock.json");
});
