/**
 * The disk of a guest that runs, frozen while the guest goes on: what it has written up to now stays in one file, what it
 * writes from now on goes into another one that stands on it. QEMU's monitor does that in milliseconds.
 */
import type { RunTool } from "../processes/run-tool";

/** Has QEMU do something, in the words of its monitor. */
export type Execute = (command: string, args?: Readonly<Record<string, unknown>>) => Promise<unknown>;

/** What is read here of the answer to `query-block`. */
interface BlockDevice {
  readonly device: string;
  readonly inserted?: {
    readonly "node-name": string;
    readonly image: { readonly filename: string; readonly "virtual-size": number };
  };
}

/** One of them. All files are in the folder that QEMU runs in, and are called by their names there. */
export class LiveDisk {
  private device = "";
  private node: string | undefined;
  private bytes = 0;

  /** @param file what the guest writes to */
  constructor(
    public file: string,
    private readonly execute: Execute,
    private readonly run: RunTool,
  ) {}

  /**
   * Freezes it.
   *
   * @param next name of the file that the guest writes to from now on
   * @param name what the frozen file will be called by those that stand on it
   * @param backing what the frozen file itself stands on, by a name that holds wherever it goes
   */
  async freeze(next: string, name: string, backing: string): Promise<void> {
    this.node ??= await this.find();
    // Its parent gets the name only afterwards, so nobody looks for it.
    await this.run("qemu-img", [
      "create",
      "-q",
      "-u",
      "-f",
      "qcow2",
      "-F",
      "qcow2",
      "-b",
      name,
      next,
      String(this.bytes),
    ]);
    const node = `visa-${next.replaceAll(/[^\w-]/g, "-")}`;
    await this.execute("blockdev-add", {
      driver: "qcow2",
      "node-name": node,
      file: { driver: "file", filename: next, discard: "unmap" },
      // As the disk of each build: what is lost in a power cut is built again.
      cache: { "no-flush": true },
      discard: "unmap",
      "detect-zeroes": "unmap",
      backing: null,
    });
    await this.execute("blockdev-snapshot", { node: this.node, overlay: node });
    const frozen = this.node;
    this.node = node;
    this.file = next;
    await this.execute("change-backing-file", {
      device: this.device,
      "image-node-name": frozen,
      "backing-file": backing,
    });
  }

  private async find(): Promise<string> {
    const devices = (await this.execute("query-block")) as BlockDevice[];
    const found = devices.find(({ inserted }) => inserted?.image.filename === this.file);
    if (!found?.inserted) throw new Error(`QEMU has no disk "${this.file}"`);
    this.device = found.device;
    this.bytes = found.inserted.image["virtual-size"];
    return found.inserted["node-name"];
  }
}
