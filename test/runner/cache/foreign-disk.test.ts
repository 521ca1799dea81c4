import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../../lib/fingerprint/digest";
import { checkForeignDisk } from "../../../lib/runner/cache/foreign-disk";
import { obtainMedium } from "../../../lib/runner/makers/download";
import { scratchFolder } from "../../support/scratch";

const folder = () => scratchFolder();

/** A disk as qemu-img makes it. */
function disk(format: string, ...options: string[]): string {
  const file = join(folder(), `disk.${format}`);
  execFileSync("qemu-img", ["create", "-q", "-f", format, ...options, file, "8M"]);
  return file;
}

test.each(["compat=1.1", "compat=0.10", "compression_type=zstd", "extended_l2=on"])(
  "takes a qcow2 that is whole (%s), and a raw one",
  async (option) => {
    await expect(checkForeignDisk(disk("qcow2", "-o", option), "qcow2")).resolves.toBeUndefined();
    await expect(checkForeignDisk(disk("raw"), "raw")).resolves.toBeUndefined();
  },
);

/**
 * @fault cache: a base, an installer's CD or an image from Glance refers to another file, or is of another format than it is said to be
 * @then 2: `refers to another file, as its backing file`; nothing of this machine is read
 */
test.each(["compat=1.1", "compat=0.10"])("fails for one with a backing file (%s)", async (option) => {
  const secret = join(folder(), "host-file");
  writeFileSync(secret, "s".repeat(1024));
  const overlay = disk("qcow2", "-o", option, "-F", "raw", "-b", secret);
  await expect(checkForeignDisk(overlay, "qcow2")).rejects.toThrow(
    /refers to another file, as its backing file: what is read there would be in the image\n {2}fix: .*qemu-img convert/,
  );
});

test("fails for one whose data are in another file", async () => {
  const data = join(folder(), "data");
  const file = disk("qcow2", "-o", `data_file=${data},data_file_raw=on`);
  await expect(checkForeignDisk(file, "qcow2")).rejects.toThrow("refers to another file, as its data file");
});

test.each(["qcow2", "vmdk", "vdi", "vhdx", "vpc", "qed", "parallels"])(
  "fails for what is said to be raw, and is what QEMU takes for %s",
  async (format) => {
    const file = disk(format);
    const { format: guessed } = JSON.parse(execFileSync("qemu-img", ["info", "--output=json", file]).toString());
    expect(guessed).toBe(format);
    await expect(checkForeignDisk(file, "raw")).rejects.toThrow(`is said to be raw, and begins as ${format} does`);
    if (format === "qcow2") return;
    await expect(checkForeignDisk(file, "qcow2")).rejects.toThrow("does not begin as qcow2 does");
  },
);

test("fails for a description of VMDK that names a file of this machine", async () => {
  const file = join(folder(), "disk");
  const extent = 'RW 16 FLAT "/etc/hostname" 0';
  writeFileSync(
    file,
    `# a comment\nversion=1\nCID=ffffffff\nparentCID=ffffffff\ncreateType="monolithicFlat"\n${extent}\n`,
  );
  const { format } = JSON.parse(execFileSync("qemu-img", ["info", "--output=json", file]).toString());
  expect(format).toBe("vmdk");
  await expect(checkForeignDisk(file, "raw")).rejects.toThrow("begins as vmdk does");
});

test("fails for what is too short to be anything", async () => {
  const file = join(folder(), "disk");
  writeFileSync(file, "QFI\xfb", "latin1");
  await expect(checkForeignDisk(file, "qcow2")).rejects.toThrow("does not begin as qcow2 does");
});

test("fails for an installer's CD that QEMU would take for another format", async () => {
  const file = disk("qcow2");
  const medium = { name: "iso", source: file, checksum: `sha256:${sha256(readFileSync(file))}` } as const;
  const options = { scratch: folder(), run: async () => {}, log: () => {} };
  await expect(obtainMedium(medium, options)).rejects.toThrow("is said to be raw, and begins as qcow2 does");
  await expect(obtainMedium({ ...medium, name: "initrd" }, options)).resolves.toBe(file);
});
