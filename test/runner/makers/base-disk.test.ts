import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assetFolder } from "../../../lib/package-root";
import { makeBase } from "../../../lib/runner/makers/base-disk";
import { runTool } from "../support/run-tool";

const MEGABYTE = 2 ** 20;
// Not a multiple of anything, and no two parts alike.
const IMAGE = Buffer.alloc(3 * MEGABYTE + 512, createHash("sha512").update("image").digest());
const checksum = (algorithm: string, data: Buffer) =>
  `${algorithm}:${createHash(algorithm).update(data).digest("hex")}`;
const SHA256 = checksum("sha256", IMAGE);

let folder: string;
let scratch: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "visa-base-test-"));
  scratch = mkdtempSync(join(folder, "scratch-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const make = async (base: Parameters<typeof makeBase>[0]) =>
  (await makeBase(base, { scratch, downloads: join(folder, "downloads"), run: runTool, log: () => {} })).disk;

/** The checksum of a disk's bytes, whatever its format. */
async function contentOf(disk: string): Promise<string> {
  const raw = join(folder, "content.raw");
  await runTool("qemu-img", ["convert", "-O", "raw", disk, raw]);
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
    await runTool("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", file(), overlay]);
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
});

describe("the bootstrap's answer about credentials", () => {
  const base = { kind: "bootstrap", suite: "bookworm", packages: [], diskSizeGb: 4 } as const;
  const made = (...lines: string[]) =>
    makeBase(base, {
      ...{ scratch, log: () => {} },
      run: async (_command, _args, options) => {
        for (const line of lines) options?.onOutput?.(line);
      },
    });
  const answer = "visa-login credentials";
  const last = "bootstrap: making a disk of 4 GiB";

  it.each<[string, boolean, string[]]>([
    ["is the recipe's", true, ["bootstrap: bookworm", answer, last]],
    ["is missing where the recipe does not print it", false, ["bootstrap: bookworm", last]],
    ["is not what a package prints", false, [answer, "Setting up x", last]],
    ["is not what a package prints with the recipe's line after it", false, [answer, last, "Setting up x", last]],
    ["is not what comes after the recipe's line", false, [last, answer]],
  ])("%s", async (_, takesCredentials, lines) => {
    expect((await made(...lines)).guest).toEqual({ takesCredentials });
  });
});

describe("the bootstrap", () => {
  const recipe = assetFolder("runner/bootstrap");
  const script = join(recipe, "bootstrap.sh");
  const bootstrap = (env: Record<string, string>, output = join(scratch, "base.qcow2")) =>
    runTool("bash", [script, output], { env: { VISA_BASE_MIRROR: "http://127.0.0.1:9/debian", ...env } });

  it("is a recipe of these files", () => {
    expect(readdirSync(recipe).sort()).toEqual(["bootstrap.sh", "customize.sh", "filesystem.sh"]);
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
