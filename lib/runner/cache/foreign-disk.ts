/**
 * A look at a disk file that was made elsewhere, before qemu-img or QEMU sees it: some formats name other files, which
 * would be read with the rights of the build, and copied into the image.
 */
import { open } from "node:fs/promises";
import { ExitCode, VisaImageError } from "../../errors";
import type { DiskFormat } from "../../specification";

/** What is read of a file. QEMU looks at so much when it guesses a format, 2 KiB, and a description of VMDK may be longer. */
const HEAD_BYTES = 4096;

const QCOW2_MAGIC = "QFI\xfb";
/** Of qcow2's incompatible features: the data are in another file. */
const EXTERNAL_DATA_FILE = 4n;

/** Other formats, by the bytes that QEMU knows them by (in Latin-1), and where those are. */
const OTHERS: readonly [string, number, string][] = [
  [QCOW2_MAGIC, 0, "qcow2"],
  ["KDMV", 0, "vmdk"],
  ["COWD", 0, "vmdk"],
  ["vhdxfile", 0, "vhdx"],
  ["conectix", 0, "vpc"],
  ["QED\0", 0, "qed"],
  ["\x7f\x10\xda\xbe", 64, "vdi"],
  ["WithoutFreeSpace", 0, "parallels"],
  ["WithouFreSpacExt", 0, "parallels"],
  ["Bochs Virtual HD Image", 0, "bochs"],
  ["LUKS\xba\xbe", 0, "luks"],
];
/** A text of VMDK, which names the files that the data are in. */
const VMDK_TEXT = /^(\s|#[^\n]*\n)*version=\d/;

/**
 * Fails where a disk file is not of the format that it is said to be of, or refers to another file.
 *
 * @param file what came from outside: by a path, a URL or from Glance
 * @param format what it is said to be; `raw` for an ISO too
 */
export async function checkForeignDisk(file: string, format: DiskFormat): Promise<void> {
  const head = await headOf(file);
  const text = head.toString("latin1");
  if (format === "raw") {
    const known = OTHERS.find(([bytes, at]) => text.startsWith(bytes, at))?.[2];
    const other = known ?? (VMDK_TEXT.test(text) ? "vmdk" : undefined);
    if (other) throw refusal(file, `is said to be raw, and begins as ${other} does`, "say which format it has");
    return;
  }
  const version = text.startsWith(QCOW2_MAGIC) && head.length >= 72 ? head.readUInt32BE(4) : undefined;
  if (version !== 2 && version !== 3) {
    throw refusal(file, "is said to be qcow2, and does not begin as qcow2 does", "say which format it has");
  }
  const hasBackingFile = head.readBigUInt64BE(8) !== 0n;
  const features = version === 3 ? head.readBigUInt64BE(72) : 0n;
  if (!hasBackingFile && !(features & EXTERNAL_DATA_FILE)) return;
  throw refusal(
    file,
    `refers to another file, as its ${hasBackingFile ? "backing" : "data"} file: what is read there would be in the image`,
    "make one file of the two, where both are yours: qemu-img convert -O qcow2 FILE WHOLE.qcow2",
  );
}

async function headOf(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function refusal(file: string, what: string, fix: string): VisaImageError {
  return new VisaImageError(`the disk "${file}" ${what}`, { fix, exitCode: ExitCode.USAGE });
}
