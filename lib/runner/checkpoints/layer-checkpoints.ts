/**
 * The checkpoints of one build of a layer: the one that it starts at, and those that it makes.
 *
 * Packer stops after a step (run-configuration.ts). The guest writes its memory to the disk and says so; the disk is frozen
 * (live-disk.ts), and Packer goes on. Meanwhile what was frozen is read, written out and put into the cache (store.ts).
 */
import { existsSync } from "node:fs";
import { link, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LayerSpecification } from "../../specification";
import type { ArtifactManifest, Cache, ResumedAt } from "../cache/cache";
import type { Scratch } from "../cache/scratch";
import { makeNonce } from "../guest/guest-report";
import { freeSpace } from "../host/requirements";
import type { BuildLog } from "../output/log";
import { size } from "../output/progress";
import type { CheckpointListener } from "../packer/packer-run";
import type { CheckpointStops } from "../packer/run-configuration";
import type { RunTool } from "../processes/run-tool";
import { type Execute, LiveDisk } from "./live-disk";
import {
  CHECKPOINT_SCRIPTS,
  doneFile,
  type GuestAnswer,
  guestScript,
  lateFile,
  readGuestAnswer,
  waitScript,
} from "./scripts";
import { type ResumableStep, resumableSteps } from "./steps";
import {
  type Checkpoint,
  CheckpointWriter,
  diskName,
  findCheckpoints,
  linkCheckpoints,
  removeCheckpoints,
  secretsMark,
} from "./store";

/** What of the room on the disk a checkpoint leaves, in bytes. */
const SPARE_BYTES = 2 ** 30;

/** What a build has. */
export interface LayerCheckpointsOptions {
  readonly cache: Cache;
  readonly scratch: Scratch;
  readonly layer: LayerSpecification;
  /** What the layer stands on. */
  readonly parent: ArtifactManifest;
  /** Values of secrets, by name. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly log: BuildLog;
  readonly run: RunTool;
  readonly onWarning: (message: string) => void;
}

/** Those of one build. */
export class LayerCheckpoints implements CheckpointListener {
  private readonly nonce = makeNonce();
  private readonly writer: CheckpointWriter;
  private readonly disk: LiveDisk;
  /** What the next disk that is frozen stands on. */
  private backing: string;
  private frozenBytes: number;
  private lastNumber: number;
  private execute: Execute | undefined;
  private freezing: Promise<void> = Promise.resolve();
  private publishing: Promise<void> = Promise.resolve();
  private gaveUp = false;
  private letIn = false;

  private constructor(
    private readonly options: LayerCheckpointsOptions,
    private readonly steps: readonly ResumableStep[],
    private readonly start: readonly Checkpoint[],
  ) {
    const { cache, scratch, layer, parent, run } = options;
    const secrets = secretsMark(secretsOf(options));
    const about = { template: layer.name, parent: parent.fingerprint, secrets };
    this.writer = new CheckpointWriter(cache, scratch.path, about, start);
    const execute: Execute = async (...command) => {
      if (!this.execute) throw new Error("its machine is not ours to command");
      return this.execute(...command);
    };
    this.disk = new LiveDisk(join("output", "disk.qcow2"), execute, run);
    this.lastNumber = this.resumedAt?.step ?? 0;
    this.frozenBytes = start.reduce((sum, { disk }) => sum + disk.bytes, 0);
    this.backing = this.lastNumber > 0 ? diskName(this.lastNumber) : `../../artifacts/${parent.fingerprint}/disk.qcow2`;
  }

  /**
   * Looks for the last checkpoint that fits, links its disks into the scratch folder, and writes the scripts.
   *
   * @param anew whether the build begins at the layer's beginning all the same
   */
  static async open(options: LayerCheckpointsOptions, anew: boolean): Promise<LayerCheckpoints> {
    const { cache, scratch, layer, parent, log } = options;
    const steps = resumableSteps(layer, parent);
    const keys = steps.map(({ key }) => key).reverse();
    const found = anew ? undefined : await findCheckpoints(cache, { keys, secrets: secretsOf(options) });
    let start: readonly Checkpoint[] = found?.checkpoints ?? [];
    const reason = found && (await linkCheckpoints(found, scratch.path));
    if (reason) {
      options.onWarning(`the checkpoints of "${layer.name}" in the cache are damaged, and are removed: ${reason}`);
      await removeCheckpoints(cache, layer.name);
      start = [];
    }
    const own = new LayerCheckpoints(options, steps, start);
    await writeFile(join(scratch.path, CHECKPOINT_SCRIPTS.guest), guestScript(own.nonce));
    await writeFile(join(scratch.path, CHECKPOINT_SCRIPTS.wait), waitScript(), { mode: 0o700 });
    if (own.resumedAt) log.write(`starts at checkpoint ${own.resumedAt.step}, after ${own.resumedAt.label}`);
    return own;
  }

  /** Where the build starts; nothing where that is the layer's beginning. */
  get resumedAt(): ResumedAt | undefined {
    const last = this.start.at(-1);
    return last && { step: last.number, label: last.label, createdAt: last.createdAt };
  }

  /** Where it stops. */
  get stops(): CheckpointStops {
    const done = this.resumedAt?.step ?? 0;
    return { done, after: this.steps.map(({ number }) => number).filter((number) => number > done) };
  }

  attach(execute: Execute): void {
    this.execute = execute;
  }

  take(line: string): boolean {
    this.letIn ||= line.includes("Connected to SSH");
    const answer = readGuestAnswer(line, this.nonce);
    if (answer) this.freezing = this.freezing.then(() => this.stop(answer));
    return answer !== undefined;
  }

  /** Waits until all is in the cache. */
  async finish(): Promise<void> {
    await this.freezing;
    await this.publishing;
  }

  /**
   * Waits until all is in the cache after a build that failed; what a person has to know for the next one. Checkpoints that
   * let nobody in are removed: they would fail again.
   */
  async explain(): Promise<string | undefined> {
    await this.finish();
    const { resumedAt, writer, letIn } = this;
    if (resumedAt && !letIn) {
      await removeCheckpoints(this.options.cache, this.options.layer.name);
      return `its checkpoints are removed, since the machine let nobody in at checkpoint ${resumedAt.step}: the next build starts at the layer's beginning`;
    }
    const { last } = writer;
    const next = last && `the next build starts at checkpoint ${last.number}, after ${last.label}`;
    if (!resumedAt) return next;
    return `${next}; if what failed needs something that a start of the machine takes away: "resume: false" in the step that makes it, or --no-checkpoints`;
  }

  /**
   * Makes one overlay on the parent of the disk that the guest wrote to last and all that it stands on here.
   *
   * @returns its path
   */
  async joinDisks(): Promise<string> {
    const { cache, scratch, parent, run } = this.options;
    const file = join(scratch.path, this.disk.file);
    if (this.lastNumber > 0) {
      const args = ["-f", "qcow2", "-F", "qcow2", "-b", cache.disk(parent.fingerprint), file];
      await run("qemu-img", ["rebase", ...args]);
    }
    return file;
  }

  private async stop({ number, left }: GuestAnswer): Promise<void> {
    const { scratch, log } = this.options;
    const step = this.steps.find((each) => each.number === number);
    let frozen = false;
    try {
      const reason = left ? `"${left}" would be gone` : this.reasonNot();
      if (reason) log.write(`no checkpoint ${number}: ${reason}`);
      else {
        await this.freeze(number);
        frozen = true;
      }
    } catch (error) {
      this.giveUp(error);
    }
    // Packer waits, whatever came of it.
    await writeFile(join(scratch.path, doneFile(number)), "").catch(() => {});
    // What comes next does not wait for what was frozen to be read and written out.
    if (frozen && step) this.publishing = this.publishing.then(() => this.publish(step));
  }

  private async publish(step: ResumableStep): Promise<void> {
    if (this.gaveUp) return;
    try {
      await this.writer.add(step);
      this.options.log.write(`checkpoint ${step.number}, after ${step.label}`);
    } catch (error) {
      this.giveUp(error);
    }
  }

  private reasonNot(): string | undefined {
    if (this.gaveUp) return "an earlier one failed";
    const free = freeSpace(this.options.scratch.path);
    // What is frozen is written once more when the disks are joined.
    if (free > 2 * this.frozenBytes + SPARE_BYTES) return undefined;
    return `the disk of the cache has ${size(free)} free`;
  }

  private async freeze(number: number): Promise<void> {
    const { scratch } = this.options;
    const start = performance.now();
    const before = this.disk.file;
    const file = join(scratch.path, diskName(number));
    await link(join(scratch.path, before), file);
    try {
      await this.disk.freeze(`after-${number}.qcow2`, diskName(number), this.backing);
    } finally {
      if (this.disk.file === before) await rm(file, { force: true });
      else {
        this.backing = diskName(number);
        this.lastNumber = number;
      }
    }
    this.frozenBytes += (await stat(file)).blocks * 512;
    this.options.log.write(`the disk was frozen in ${Math.round(performance.now() - start)} ms`);
    // What comes later would stand on this one.
    if (existsSync(join(scratch.path, lateFile(number)))) throw new Error("Packer did not wait for it");
  }

  /** A build does not fail for want of a checkpoint. */
  private giveUp(error: unknown): void {
    if (this.gaveUp) return;
    this.gaveUp = true;
    this.options.onWarning(`no more checkpoints of "${this.options.layer.name}": ${(error as Error).message}`);
  }
}

/** The values of a layer's secrets, as checkpoints compare them. */
export function secretsOf({ layer, secrets }: Pick<LayerCheckpointsOptions, "layer" | "secrets">) {
  return layer.secrets.map(({ name }) => [name, secrets.get(name) ?? ""] as const);
}
