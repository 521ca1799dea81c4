import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { installBundle } from "../../lib/bundle/install-bundle";
import { bundleLock } from "../../lib/bundle/lock";
import { ExitCode } from "../../lib/errors";
import { Cache } from "../../lib/runner/cache/cache";
import { scratchFolder } from "../support/scratch";
import { diskOf, manifestOf, someFiles, type Texts, writeArchive } from "./support";

const scratch = scratchFolder();
const PROVIDER = "providers/registry.terraform.io/x/openstack/1.0.0/linux_amd64/terraform-provider-openstack_v1.0.0";
const [BASE, LOWER, UPPER] = ["a", "b", "c"].map((letter) => letter.repeat(64)) as [string, string, string];
let archive: string;
let cache: Cache;
let files: Texts;

beforeEach(() => {
  archive = join(mkdtempSync(join(scratch, "archive-")), "visa-bundle.tar");
  cache = new Cache(mkdtempSync(join(scratch, "cache-")));
  files = someFiles(scratch);
});

/** Installs the archive. @param stopAt stops it once it says this */
async function install(stopAt?: RegExp): Promise<string[]> {
  const said: string[] = [];
  const controller = new AbortController();
  const say = (line: string) => {
    said.push(line);
    if (stopAt?.test(line)) controller.abort(new Error("stopped"));
  };
  await installBundle(archive, { cache, signal: controller.signal, say });
  return said;
}

/** Puts a layer into the cache, as a build here would. */
async function publish(name: string, letter: string, below?: string, variant = ""): Promise<void> {
  await cache.prepare();
  const staging = mkdtempSync(join(cache.scratch, "build-"));
  writeFileSync(join(staging, "disk.qcow2"), diskOf(name, variant));
  await cache.publish(staging, manifestOf(name, letter, below, variant));
}

const names = (folder: string) => readdirSync(join(cache.root, folder)).sort();
const disk = (fingerprint: string) => readFileSync(cache.disk(fingerprint), "utf8");

/** What a refused archive leaves: nothing. */
async function expectUntouched(): Promise<void> {
  const empty = new Cache(mkdtempSync(join(scratch, "empty-")));
  await empty.prepare();
  expect(readdirSync(cache.root).sort()).toEqual(readdirSync(empty.root).sort());
  for (const folder of ["artifacts", "downloads", "scratch"]) expect(names(folder)).toEqual([]);
}

test("puts everything in place, and once more finds it done", async () => {
  const medium = `sha256-${"d".repeat(64)}`;
  writeArchive(archive, {
    ...files,
    [`media/${medium}`]: "an installer",
    "packer/plugins/x/packer-plugin-qemu": "a plugin",
  });
  expect(await install()).toContain(`upper ${UPPER.slice(0, 12)}: put into the cache`);
  expect(readFileSync(join(cache.root, "npm", "_cacache", "a"), "utf8")).toBe("a package");
  expect(statSync(join(cache.root, PROVIDER)).mode & 0o777).toBe(0o700);
  const configuration = readFileSync(join(cache.root, "terraform.rc"), "utf8");
  expect(configuration).toContain(`path    = "${join(cache.root, "providers")}"`);
  expect(configuration).toContain('include = ["registry.terraform.io/x/openstack"]');
  expect(names("downloads")).toEqual([medium]);
  expect(readFileSync(join(cache.packer, "plugins", "x", "packer-plugin-qemu"), "utf8")).toBe("a plugin");
  const lower = await cache.manifest(LOWER);
  if (typeof lower !== "object") throw new Error(lower);
  expect((await cache.check(UPPER, lower, "full")).kind).toBe("intact");

  expect((await install()).join("\n")).not.toContain("put into the cache");
  expect(names("scratch")).toEqual([]);
  expect(names("artifacts")).toEqual([BASE, LOWER, UPPER]);
});

/**
 * @fault bundle: a byte of the archive is another one, or it ends too soon
 * @then 4, with the file named; nothing is in place
 */
test("fails for a file with another byte, and names it", async () => {
  writeArchive(archive, files);
  const bytes = readFileSync(archive);
  const at = bytes.indexOf(diskOf("lower"));
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(archive, bytes);
  await expect(install()).rejects.toMatchObject({
    exitCode: ExitCode.CHANGED,
    message: expect.stringContaining(`artifacts/${LOWER}/disk.qcow2 has another SHA-256; nothing was installed`),
  });
  await expectUntouched();
});

test("fails for an archive that ends too soon, and names what is missing", async () => {
  writeArchive(archive, files);
  const end = readFileSync(archive).indexOf(diskOf("upper"));
  truncateSync(archive, end);
  await expect(install()).rejects.toThrow(`artifacts/${UPPER}/disk.qcow2`);
  await expectUntouched();
});

/**
 * @fault bundle: somebody has put a file into the archive, or has changed its list
 * @then 4 or 2, with the file named; nothing is in place
 */
test("fails for a file that the list does not have", async () => {
  writeArchive(archive, { ...files, "artifacts/more": "x" }, (listed) =>
    bundleLock(listed.filter(({ path }) => path !== "artifacts/more")),
  );
  await expect(install()).rejects.toThrow("artifacts/more is in it, and not in its visa-bundle.lock.json");
  await expectUntouched();
});

test("fails for a manifest of another disk, though the sums hold", async () => {
  const manifest = `artifacts/${LOWER}/manifest.json`;
  writeArchive(archive, { ...files, [manifest]: JSON.stringify(manifestOf("lower", "b", "a", " of somebody else")) });
  await expect(install()).rejects.toThrow(`${manifest} is of another disk`);
  await expectUntouched();
});

test.each([
  ["a path that leads elsewhere", "artifacts/../../x"],
  ["an absolute path", "/etc/passwd"],
  ["a path of no known kind", "home/x"],
])("fails for a list with %s", async (_, path) => {
  writeArchive(archive, files, (listed) => bundleLock([...listed, { path, bytes: 1, sha256: "0".repeat(64) }]));
  await expect(install()).rejects.toThrow("says what cannot be");
});

test("fails for an archive of another kind of machine", async () => {
  writeArchive(archive, files, (listed) => ({ ...bundleLock(listed), platform: "linux-riscv64" }));
  await expect(install()).rejects.toThrow("is for linux-riscv64, this machine is");
});

test.each([
  ["a text", "no archive"],
  ["nothing", ""],
])("fails for %s", async (_, text) => {
  writeFileSync(archive, text);
  await expect(install()).rejects.toThrow("this is no archive of visa-image bundle");
});

test("fails before it unpacks where there is no room", async () => {
  writeArchive(archive, files, (listed) =>
    bundleLock([...listed, { path: "media/large", bytes: 2 ** 52, sha256: "0".repeat(64) }]),
  );
  await expect(install()).rejects.toThrow("are needed");
  await expectUntouched();
});

/**
 * @fault bundle: an install is stopped between two layers
 * @then those that are there stay, and the next one puts the others in place
 */
test("goes on where it was stopped", async () => {
  writeArchive(archive, files);
  await expect(install(/^base .* put into the cache/)).rejects.toThrow("stopped");
  expect(names("artifacts")).toEqual([BASE]);
  expect(names("scratch")).toEqual([]);
  await install();
  expect(names("artifacts")).toEqual([BASE, LOWER, UPPER]);
});

test("finds what was put aside by an install that was killed between two steps", async () => {
  writeArchive(archive, files);
  mkdirSync(join(cache.root, "npm.old", "_cacache"), { recursive: true });
  await install();
  expect(names("npm")).toEqual(["_cacache"]);
  expect(readdirSync(cache.root)).not.toContain("npm.old");
});

test("leaves layers that were built here from the same inputs, where all of them are there", async () => {
  for (const [name, letter, below] of [
    ["base", "a"],
    ["lower", "b", "a"],
    ["upper", "c", "b"],
  ] as const) {
    await publish(name, letter, below, " as built here");
  }
  writeArchive(archive, files);
  await install();
  expect(disk(LOWER)).toBe(diskOf("lower", " as built here"));
});

test("puts its layers in the place of such, where one that stands on them is missing", async () => {
  await publish("base", "a", undefined, " as built here");
  await publish("lower", "b", "a", " as built here");
  writeArchive(archive, files);
  expect((await install()).join("\n")).toContain(
    `lower ${LOWER.slice(0, 12)}: put into the cache, in the place of another one`,
  );
  expect([BASE, LOWER, UPPER].map(disk)).toEqual(["base", "lower", "upper"].map((name) => diskOf(name)));
  expect(names("artifacts")).toEqual([BASE, LOWER, UPPER]);
});

test("replaces a damaged layer", async () => {
  writeArchive(archive, files);
  await install();
  rmSync(cache.disk(LOWER));
  await install();
  expect(disk(LOWER)).toBe(diskOf("lower"));
});
