/** What a build did, for the command line tool and for benchmarks. */
import type { DiskFormat } from "../specification";

/** One layer or base of a {@link BuildReport}. */
export interface LayerReport {
  readonly name: string;
  readonly fingerprint: string;
  /** `downloaded`: from Glance. `unneeded`: not looked at, since what stands above it was there. */
  readonly action: "built" | "downloaded" | "cached" | "unneeded";
  /** Why it was built. */
  readonly reason?: string;
  readonly seconds: number;
  /** Of these, the time of Packer's run (or of the base's own tools, or of the download); the rest is the runner's. */
  readonly toolSeconds: number;
  /** Size of its overlay. */
  readonly bytes?: number;
  /** Where the whole log is, for one that was built. */
  readonly log?: string;
}

/** The report of an item that this build did not make. */
export function untouched(
  { name, fingerprint }: Pick<LayerReport, "name" | "fingerprint">,
  action: "cached" | "unneeded",
): LayerReport {
  return { name, fingerprint, action, seconds: 0, toolSeconds: 0 };
}

/** What {@link import("./build").build} returns. */
export interface BuildReport {
  readonly layers: readonly LayerReport[];
  /** The last layer's disk: the flattened one where an output was asked for, else the overlay. */
  readonly disk: string;
  readonly output?: {
    /** The link at the place that was asked for. */
    readonly path: string;
    readonly format: DiskFormat;
    readonly bytes: number;
    readonly bytesOnDisk: number;
    readonly virtualSizeBytes: number;
    /** Of its contents: {@link import("./cache/disk-digest").digestDisk}. */
    readonly digest: string;
    /** Whether it was made by this build. */
    readonly flattened: boolean;
    readonly seconds: number;
  };
  /** Left out where nothing was built. */
  readonly accelerator?: string;
  readonly seconds: number;
  /** Seconds of the runner's own: all but Packer, the base's tools, downloads, and the flatten. */
  readonly overheadSeconds: number;
}
