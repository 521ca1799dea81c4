/** How the disk of one item is made: each way is a maker of its own. */
import type { ArtifactManifest, ArtifactSource, ResumedAt } from "../cache/cache";
import type { Scratch } from "../cache/scratch";
import type { BuildContext } from "../context";
import type { GuestReport } from "../guest/guest-report";
import type { ImageRelease } from "../guest/image-release";
import type { BuildLog } from "../output/log";
import type { Prepared } from "../prepared";
import type { RunTool } from "../processes/run-tool";
import { toolEnvironment } from "../processes/tool-environment";
import { runToolOrFail } from "../processes/tools";

/** What a maker is given. */
export interface MakeContext {
  readonly build: BuildContext;
  readonly prepared: Prepared;
  /** Empty, and removed afterwards. */
  readonly scratch: Scratch;
  readonly log: BuildLog;
  /** What the image is to say of itself; left out for a base, and for what is downloaded. */
  readonly release?: ImageRelease;
}

/** What a maker gives back. */
export interface Made {
  /** A qcow2 file in the scratch folder. */
  readonly disk: string;
  /** What the tools took of the time. */
  readonly toolSeconds: number;
  /** What its guest said of itself; nothing where none ran, or it said nothing. */
  readonly guest: GuestReport;
  /** What its guest ran with. @default - no guest ran, or none here */
  readonly accelerator?: string;
  /** The checkpoint that it was begun at. @default - it was made in one run */
  readonly resumedAt?: ResumedAt;
  /** The image in Glance that has the same disk, which is then whole: no overlay on the parent's. @default - an overlay, or a base */
  readonly image?: ArtifactManifest["image"];
}

/** One way to make a disk. */
export interface Maker {
  /** What it does, for whoever waits. */
  readonly words: readonly ["building", "built"] | readonly ["downloading", "downloaded"];
  /** How many steps of it are shown. */
  readonly steps: number;
  /** The image that it takes, where it does not build. */
  readonly source?: ArtifactSource;
  /** @throws VisaImageError, with exit code 3 where Packer fails */
  make(context: MakeContext): Promise<Made>;
}

/** Runs tools for a maker: in its scratch folder, with their lines in its log. */
export function toolRunner({ build, prepared, scratch, log }: MakeContext): RunTool {
  return (command, args, { env, cwd, network, onOutput } = {}) =>
    runToolOrFail(command, args, {
      environment: { ...toolEnvironment(process.env, network), TMPDIR: scratch.temporary, ...env },
      directory: cwd ?? scratch.path,
      masker: prepared.masker,
      onLine: (line, stream) => {
        log.write(line);
        build.progress.toolLine(line);
        if (stream === "stdout") onOutput?.(line);
      },
    });
}

/** A line of the runner's own about what a maker does. */
export function sayLine({ build, prepared, log }: MakeContext, line: string): void {
  const masked = prepared.masker.mask(line);
  log.write(masked);
  build.progress.toolLine(masked);
}

/** How long something took, in seconds. */
export async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  const result = await work();
  return [result, (performance.now() - start) / 1000];
}
