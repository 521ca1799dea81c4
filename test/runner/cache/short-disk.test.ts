import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeShortDisk } from "../../../lib/runner/cache/short-disk";
import { createMasker } from "../../../lib/runner/output/masking";
import { scratchFolder } from "../../support/scratch";

const MIB = 1 << 20;
const SIZE_MIB = 256;
const TABLE = `label: gpt
first-lba: 34
14: start=34, size=2014, type=21686148-6449-6E6F-744E-656564454649
1: start=4096, type=linux, uuid=01234567-89AB-4CDE-8F01-23456789AB01
`;
const MODULES = "cloud_init_modules:\n - growpart\n - resizefs\n";
const FILES = { "usr/bin/growpart": "#!/bin/sh\n", "etc/cloud/cloud.cfg": MODULES, "data/file": "x".repeat(3 * MIB) };

/** A disk with such files on the file system of its last partition. */
function makeDisk(folder: string, files: Readonly<Record<string, string | undefined>>, table = TABLE): string {
  const root = join(folder, "root");
  for (const [path, content] of Object.entries(files)) {
    if (content === undefined) continue;
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  const raw = join(folder, "disk.raw");
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: "ignore" });
  writeFileSync(raw, "boot code");
  run("truncate", "-s", `${SIZE_MIB}M`, raw);
  execFileSync("sfdisk", ["--quiet", raw], { input: table });
  run("mkfs.ext4", "-q", "-d", root, "-E", `offset=${4096 * 512}`, raw, `${SIZE_MIB - 3}M`);
  const disk = join(folder, "disk.qcow2");
  run("qemu-img", "convert", "-O", "qcow2", raw, disk);
  return disk;
}

/** Makes one short; why it is not. */
async function shorten(disk: string): Promise<{ whole: string | undefined; target: string }> {
  const directory = scratchFolder();
  const target = join(directory, "short.raw");
  const masker = createMasker([]);
  const whole = await writeShortDisk(disk, target, { virtualSizeBytes: SIZE_MIB * MIB, directory, masker });
  expect(readdirSync(directory)).toEqual(whole ? [] : ["short.raw"]);
  return { whole, target };
}

test("a raw disk ends where its data end, with the same files, ids and boot code", async () => {
  const { whole, target } = await shorten(makeDisk(scratchFolder(), FILES));
  expect(whole).toBeUndefined();
  // Less than the room for a first boot and what the file system has for itself.
  expect(statSync(target).size).toBeLessThan(200 * MIB);
  expect(statSync(target).size).toBeGreaterThan(128 * MIB);
  expect(readFileSync(target).toString("latin1", 0, 9)).toBe("boot code");
  const table = execFileSync("sfdisk", ["--dump", target], { encoding: "utf8" });
  expect(table).toMatch(/14 : start= +34, size= +2014, type=21686148/);
  expect(table).toMatch(/1 : start= +4096, .*uuid=01234567-89AB-4CDE-8F01-23456789AB01/);
  execFileSync("sfdisk", ["--verify", "--quiet", target]);
  const fileSystem = `${target}?offset=${4096 * 512}`;
  execFileSync("e2fsck", ["-fn", fileSystem], { stdio: "ignore" });
  const data = execFileSync("debugfs", ["-R", "cat /data/file", fileSystem], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 8 * MIB,
  });
  expect(data === FILES["data/file"]).toBe(true);
});

test.each<[reason: string, files: Readonly<Record<string, string | undefined>>, table: string]>([
  ["no GPT", FILES, "label: dos\nstart=4096\n"],
  ["its boot loader", FILES, TABLE.replace(/^14.*\n/m, "")],
  ["no growpart", { ...FILES, "usr/bin/growpart": undefined }, TABLE],
  [
    "may not let the root file system grow",
    { ...FILES, "etc/cloud/cloud.cfg.d/a.cfg": "growpart: {mode: off}\n" },
    TABLE,
  ],
  [
    "may not let the root file system grow",
    { ...FILES, "etc/cloud/cloud.cfg": MODULES.replace("resizefs", "ssh") },
    TABLE,
  ],
  ["nearly full", { ...FILES, "data/file": "x".repeat(100 * MIB) }, TABLE],
])("one stays whole: %s", async (reason, files, table) => {
  const { whole, target } = await shorten(makeDisk(scratchFolder(), files, table));
  expect(whole).toContain(reason);
  expect(existsSync(target)).toBe(false);
});

test("one stays whole whose file system is in doubt", async () => {
  const folder = scratchFolder();
  const disk = makeDisk(folder, FILES);
  const broken = join(folder, "broken.raw");
  execFileSync("qemu-img", ["convert", "-O", "raw", disk, broken]);
  execFileSync("debugfs", ["-w", "-R", "clri /data/file", `${broken}?offset=${4096 * 512}`], { stdio: "ignore" });
  execFileSync("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", broken, disk]);
  const { whole } = await shorten(disk);
  expect(whole).toContain("e2fsck");
});
