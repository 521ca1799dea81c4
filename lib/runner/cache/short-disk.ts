/**
 * A raw disk that ends where its data end. Glance is sent each byte of a raw disk, zeros too, and computes its checksums
 * over them. So the root file system is made as small as what is in it, and the disk with it; an instance grows both to
 * what its flavour has, which assertion 49 of the contract holds. Nothing is mounted, and root is not needed.
 */
import { mkdir, open, readdir, readFile, rename, rm, truncate } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Masker } from "../output/masking";
import { toolEnvironment } from "../processes/tool-environment";
import { readTool } from "../processes/tools";

/** What a first boot may write before its file system has grown, in bytes. */
const ROOM = 128 << 20;
/** Of the disk: what saves less is not worth it. */
const WORTH = 0.1;
const MIB = 1 << 20;
const SECTOR = 512;
/** What lies in the first sector before the partition table of old: GRUB's first part. */
const BOOT_CODE = 440;
/** Partitions that GRUB lies in, where it remembers no blocks of the root file system: BIOS boot, and EFI. */
const OF_BOOT_LOADERS = /type=(21686148-6449-6E6F-744E-656564454649|C12A7328-F81F-11D2-BA4B-00A0C93EC93B)/;

/** Options of {@link writeShortDisk}. */
export interface ShortDiskOptions {
  readonly virtualSizeBytes: number;
  /** An existing folder for work files. */
  readonly directory: string;
  readonly masker: Masker;
}

/** A line of a partition table. In sectors. */
interface Partition {
  readonly number: string;
  readonly start: number;
  readonly size: number;
  /** All but its name. */
  readonly rest: string;
}

/**
 * Writes a short raw disk, where that can be: the root file system is ext4 and the last partition of a GPT, its boot loader
 * lies elsewhere, and cloud-init makes it grow.
 *
 * @param source a qcow2 file, which is only read
 * @param target a file that does not exist
 * @returns why there is none, and the disk has to be handed over whole; nothing where it was written
 */
export async function writeShortDisk(
  source: string,
  target: string,
  options: ShortDiskOptions,
): Promise<string | undefined> {
  const disk = new ShortDisk(source, options);
  try {
    await disk.write(target);
    return undefined;
  } catch (error) {
    await rm(target, { force: true });
    return (error as Error).message;
  } finally {
    await disk.clear();
  }
}

class ShortDisk {
  constructor(
    private readonly source: string,
    private readonly options: ShortDiskOptions,
  ) {}

  async write(target: string): Promise<void> {
    const table = await this.readTable();
    const root = rootOf(table);
    const start = root.start * SECTOR;
    const file = this.file("root");
    await this.copyPart(start, root.size * SECTOR, file);
    await this.assertGrows(file);
    const bytes = await this.shrink(file, start + root.size * SECTOR);
    await this.moveUp(file, start, target);
    const head = this.file("head");
    await this.copyPart(0, start, head);
    await this.writeInto(target, head, 0);
    // The last MiB is for the partition table's second copy.
    await truncate(target, start + bytes + MIB);
    await this.writeTable(target, table, root, bytes / SECTOR);
    await this.run("e2fsck", ["-fn", `${target}?offset=${start}`]);
  }

  async clear(): Promise<void> {
    for (const name of ["table", "root", "head", "settings"]) {
      await rm(this.file(name), { recursive: true, force: true });
    }
  }

  private file(name: string): string {
    return join(this.options.directory, `short-${name}`);
  }

  /** Copies a part of the disk to a sparse file. */
  private async copyPart(offset: number, size: number, to: string): Promise<void> {
    const file = { driver: "qcow2", file: { driver: "file", filename: this.source } };
    const part = `json:${JSON.stringify({ driver: "raw", offset, size, file })}`;
    await this.run("qemu-img", ["convert", "-W", "-m", "2", "-O", "raw", "-S", "4k", part, to]);
  }

  /** Puts a file system into a disk at its place: without a copy where the cache's own can do that, as ext4 and XFS. */
  private async moveUp(file: string, start: number, disk: string): Promise<void> {
    const insert = ["--insert-range", "--offset", "0", "--length", String(start), file];
    const moved = await this.run("fallocate", insert).then(
      () => true,
      () => false,
    );
    if (moved) await rename(file, disk);
    else await this.writeInto(disk, file, start);
  }

  private async writeInto(disk: string, file: string, at: number): Promise<void> {
    const where = [`of=${disk}`, `seek=${at}`, "oflag=seek_bytes", "conv=sparse,notrunc"];
    await this.run("dd", [`if=${file}`, "bs=64K", "status=none", ...where]);
  }

  /** The partition table, as sfdisk writes and reads it; empty where there is none. */
  private async readTable(): Promise<string> {
    const file = this.file("table");
    await this.copyPart(0, MIB, file);
    await truncate(file, this.options.virtualSizeBytes);
    return this.run("sfdisk", ["--dump", file]).catch(() => "");
  }

  private async writeTable(target: string, table: string, root: Partition, sectors: number): Promise<void> {
    const lines = table.split("\n").filter((line) => !/^(device|unit|last-lba|sector-size):/.test(line));
    const script = lines.map((line) => {
      const partition = partitionIn(line);
      if (!partition) return line;
      const { number, rest } = partition;
      return `${number}: ${number === root.number ? rest.replace(/size= *\d+/, `size=${sectors}`) : rest}`;
    });
    await this.run("sfdisk", ["--quiet", target], script.join("\n"));
    // Whatever sfdisk thinks of it: GRUB's first part stays.
    const [from, to] = [await open(this.file("table"), "r"), await open(target, "r+")];
    try {
      const code = Buffer.alloc(BOOT_CODE);
      await from.read(code, 0, BOOT_CODE, 0);
      await to.write(code, 0, BOOT_CODE, 0);
    } finally {
      await from.close();
      await to.close();
    }
  }

  /** Whether an instance's cloud-init gives the root file system its disk, as it does unless it is told otherwise. */
  private async assertGrows(root: string): Promise<void> {
    const folder = this.file("settings");
    await mkdir(folder);
    // Fails for no file that is missing.
    await this.run("debugfs", ["-R", `rdump /etc/cloud /usr/bin/growpart ${folder}`, root]);
    const names = await readdir(folder, { recursive: true });
    if (!names.includes("growpart")) throw new Error("it has no growpart");
    const texts = await Promise.all(
      names.filter((name) => name.endsWith(".cfg")).map((name) => readFile(join(folder, name), "utf8")),
    );
    const settings = texts.join("\n");
    const asUsual = settings.split(/^cloud_init_modules:/m).length === 2;
    const runs = ["growpart", "resizefs"].every((name) => new RegExp(`^ *- ${name}$`, "m").test(settings));
    if (!asUsual || !runs || /^ *(growpart|resize_rootfs) *:/m.test(settings)) {
      throw new Error("its cloud-init may not let the root file system grow");
    }
  }

  /** Makes the root file system as small as what is in it; its size in bytes. @param end of the file system on the disk */
  private async shrink(root: string, end: number): Promise<number> {
    await this.run("e2fsck", ["-fp", root]);
    const header = await this.run("dumpe2fs", ["-h", root]);
    const number = (name: string) => Number(new RegExp(`^${name}: +(\\d+)$`, "m").exec(header)?.[1]);
    const [block, blocks, free] = [number("Block size"), number("Block count"), number("Free blocks")];
    const used = (blocks - free) * block;
    // Its own tables are in that, and grow smaller with it; a fiftieth is for blocks that are moved one by one.
    const bytes = Math.ceil((used * 1.02 + ROOM) / MIB) * MIB;
    if (!(bytes < blocks * block - WORTH * end)) throw new Error("it is nearly full");
    // "-f": what resize2fs takes for the least is half as much again.
    await this.run("resize2fs", ["-f", root, String(bytes / block)]);
    return bytes;
  }

  private run(command: string, args: readonly string[], input?: string): Promise<string> {
    const { directory, masker } = this.options;
    // An ordinary user's PATH does not look there.
    const PATH = [process.env.PATH, "/usr/sbin", "/sbin"].join(delimiter);
    const environment = { ...toolEnvironment(), PATH, LC_ALL: "C" };
    return readTool(command, args, { directory, masker, environment, ...(input !== undefined && { input }) });
  }
}

/** The root file system's partition in a table: the last on the disk. */
function rootOf(table: string): Partition {
  const partitions = table.split("\n").flatMap((line) => partitionIn(line) ?? []);
  const [last] = partitions.sort((a, b) => b.start - a.start);
  if (!/^label: gpt$/m.test(table) || !last) throw new Error("it has no GPT");
  if (!OF_BOOT_LOADERS.test(table)) throw new Error("its boot loader has no partition of its own");
  return last;
}

function partitionIn(line: string): Partition | undefined {
  const [, number, rest = "", start, size] = /(\d+) : (start= *(\d+), size= *(\d+), .*)$/.exec(line) ?? [];
  return number === undefined ? undefined : { number, rest, start: Number(start), size: Number(size) };
}
