import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { baseRecipeFiles, makeBase, type RunTool } from "../../../lib/runner/makers/base-disk";
import type { CloudImageBase } from "../../../lib/specification";

const MEGABYTE = 2 ** 20;
// Not a multiple of anything, and no two parts alike.
const IMAGE = Buffer.alloc(3 * MEGABYTE + 512, createHash("sha512").update("image").digest());
const checksum = (algorithm: string, data: Buffer) =>
  `${algorithm}:${createHash(algorithm).update(data).digest("hex")}`;
const SHA256 = checksum("sha256", IMAGE);

let folder: string;
let scratch: string;
let log: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "visa-base-test-"));
  scratch = mkdtempSync(join(folder, "scratch-"));
  log = [];
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As the runner's: the exit code and the last lines are in the message. */
const run: RunTool = async (command, args, { env } = {}) => {
  try {
    await promisify(execFile)(command, [...args], { env: { ...process.env, ...env } });
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    throw new Error(`"${command}" failed with exit code ${code}:\n${stderr}`);
  }
};

const make = (base: Parameters<typeof makeBase>[0]) =>
  makeBase(base, { scratch, downloads: join(folder, "downloads"), run, log: (line) => log.push(line) });

/** The checksum of a disk's bytes, whatever its format. */
async function contentOf(disk: string): Promise<string> {
  const raw = join(folder, "content.raw");
  await run("qemu-img", ["convert", "-O", "raw", disk, raw]);
  return checksum("sha256", readFileSync(raw));
}

describe("a local file", () => {
  const file = () => join(folder, "image.raw");
  beforeEach(() => writeFileSync(file(), IMAGE));

  it.each(["sha256", "sha512"])("is converted to qcow2 once its %s is right", async (algorithm) => {
    const disk = await make({ kind: "file", path: file(), checksum: checksum(algorithm, IMAGE), format: "raw" });
    expect(readFileSync(disk).subarray(0, 4).toString("latin1")).toBe("QFI\xfb");
    expect(await contentOf(disk)).toEqual(SHA256);
  });

  it("fails for one that has a backing file, which would be in the image", async () => {
    const overlay = join(folder, "overlay.qcow2");
    await run("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", file(), overlay]);
    const sum = checksum("sha256", readFileSync(overlay));
    await expect(make({ kind: "file", path: overlay, checksum: sum, format: "qcow2" })).rejects.toThrow(
      `the disk "${overlay}" refers to another file, as its backing file`,
    );
  });

  it("fails with both checksums when its own differs, and stays where it is", async () => {
    const other = checksum("sha256", Buffer.from("other"));
    await expect(make({ kind: "file", path: file(), checksum: other, format: "raw" })).rejects.toThrow(
      new RegExp(`is ${SHA256}, not ${other} as declared\n {2}fix: `),
    );
    expect(existsSync(file())).toBe(true);
  });

  it("fails when it is missing", async () => {
    const path = join(folder, "gone.raw");
    await expect(make({ kind: "file", path, checksum: SHA256, format: "raw" })).rejects.toThrow(
      `the base image "${path}" is missing`,
    );
  });

  it.each([
    "",
    "md5:d41d8cd98f00b204e9800998ecf8427e",
    SHA256.slice(0, -1),
    SHA256.slice(7),
    `sha512:${"0".repeat(64)}`,
  ])('fails for "%s", which is no checksum', async (text) => {
    await expect(make({ kind: "file", path: file(), checksum: text, format: "raw" })).rejects.toThrow(
      `"${text}" is not a checksum`,
    );
  });
});

describe("a cloud image", () => {
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

  const base = (changes: Partial<CloudImageBase> = {}): CloudImageBase => ({
    kind: "cloud-image",
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/image`,
    checksum: SHA256,
    format: "raw",
    ...changes,
  });
  const downloads = () => readdirSync(join(folder, "downloads"));

  it("is downloaded, checked and converted", async () => {
    expect(await contentOf(await make(base()))).toEqual(SHA256);
    expect(ranges).toEqual([undefined]);
  });

  it("is downloaded once", async () => {
    await make(base());
    await make(base());
    expect(ranges).toHaveLength(1);
  });

  it("is downloaded again when the kept file was damaged", async () => {
    await make(base());
    writeFileSync(join(folder, "downloads", downloads()[0] as string), "damaged");
    expect(await contentOf(await make(base()))).toEqual(SHA256);
    expect(ranges).toHaveLength(2);
  });

  it("goes on where a cut-off download stopped", async () => {
    cutAfter = MEGABYTE;
    await expect(make(base())).rejects.toThrow(/^cannot download "http:.*\n.*\n[\s\S]*fix: try again: it goes on/);
    expect(await contentOf(await make(base()))).toEqual(SHA256);
    expect(ranges).toEqual([undefined, `bytes=${MEGABYTE}-`]);
  });

  it("goes on after a second cut too", async () => {
    cutAfter = MEGABYTE;
    await expect(make(base())).rejects.toThrow("cannot download");
    cutAfter = MEGABYTE;
    await expect(make(base())).rejects.toThrow("cannot download");
    await make(base());
    expect(ranges).toEqual([undefined, `bytes=${MEGABYTE}-`, `bytes=${2 * MEGABYTE}-`]);
  });

  it("needs no download when it was cut off after the last byte", async () => {
    cutAfter = IMAGE.length;
    await make(base()).catch(() => {});
    const [name] = downloads();
    const whole = join(folder, "downloads", name as string);
    if (!whole.endsWith(".part")) await run("mv", [whole, `${whole}.part`]);
    ranges = [];
    expect(await contentOf(await make(base()))).toEqual(SHA256);
    expect(ranges).toEqual([]);
  });

  it("starts again where the server knows no ranges", async () => {
    cutAfter = MEGABYTE;
    await expect(make(base())).rejects.toThrow("cannot download");
    knowsRanges = false;
    expect(await contentOf(await make(base()))).toEqual(SHA256);
  });

  it("starts again when the part belongs to another file", async () => {
    cutAfter = MEGABYTE;
    content = Buffer.alloc(IMAGE.length, "other");
    await expect(make(base())).rejects.toThrow("cannot download");
    content = IMAGE;
    expect(await contentOf(await make(base()))).toEqual(SHA256);
  });

  it("fails when its checksum differs, and keeps nothing of it", async () => {
    content = Buffer.alloc(IMAGE.length, "other");
    await expect(make(base())).rejects.toThrow(`not ${SHA256} as declared; the downloaded file was deleted`);
    expect(downloads()).toEqual([]);
  });

  it("fails when the server does not have it", async () => {
    const { url } = base() as { url: string };
    await expect(make(base({ url: `${url}-gone` }))).rejects.toThrow(/cannot download [\s\S]*404/);
    expect(downloads().filter((name) => !name.endsWith(".part"))).toEqual([]);
  });

  it("shows no credentials of its address", async () => {
    const { url } = base() as { url: string };
    await make(base({ url: url.replace("//", "//user:canary@") }));
    expect(log.join("\n")).toContain("downloading http://127.0.0.1");
    expect(log.join("\n")).not.toContain("canary");
  });
});

describe("the bootstrap", () => {
  const script = baseRecipeFiles().find(({ path }) => path === "bootstrap.sh")?.absolutePath as string;
  const bootstrap = (env: Record<string, string>, output = join(scratch, "base.qcow2")) =>
    run("bash", [script, output], { env: { VISA_BASE_MIRROR: "http://127.0.0.1:9/debian", ...env } });

  it("is a recipe of these files", () => {
    expect(baseRecipeFiles().map(({ path }) => path)).toEqual(["bootstrap.sh", "customize.sh", "filesystem.sh"]);
  });

  it.each([
    [{ VISA_BASE_SUITE: "12" }, '"12" is not a Debian suite'],
    [{ VISA_BASE_SUITE: "bookworm; id" }, '"bookworm; id" is not a Debian suite'],
    [{ VISA_BASE_SIZE_GB: "4G" }, '"4G" is not a size in GiB'],
    [{ VISA_BASE_PACKAGES: "htop --purge" }, '"--purge" is not the name of a package'],
  ])("fails for %j", async (env, message) => {
    await expect(bootstrap(env)).rejects.toThrow(message);
  });

  it("fails when the output exists", async () => {
    writeFileSync(join(scratch, "base.qcow2"), "precious");
    await expect(bootstrap({})).rejects.toThrow("exists already");
    expect(readFileSync(join(scratch, "base.qcow2"), "utf8")).toBe("precious");
  });

  it("fails when the mirror does not answer, and leaves nothing behind", async () => {
    await expect(bootstrap({ TMPDIR: folder })).rejects.toThrow(/bootstrap|mmdebstrap/);
    expect(readdirSync(scratch)).toEqual([]);
    expect(readdirSync(folder).filter((name) => name.startsWith("visa-base-"))).toEqual([]);
  }, 60_000);
});
