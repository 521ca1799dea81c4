/** One build: the order in which the cache is asked, locks are taken, and what is missing is made. */

import { resolve } from "node:path";
import { ExitCode, VisaImageError } from "../errors";
import { short } from "../fingerprint/digest";
import { exists } from "../presence";
import type { BuildSpecification } from "../specification";
import { type BuildReport, type LayerReport, untouched } from "./build-report";
import type { ArtifactManifest, CheckDepth, FlatManifest } from "./cache/cache";
import { checkDiskSize } from "./cache/disks";
import { cleanUpAbandoned } from "./cache/scratch";
import { type BuildContext, type BuildOptions, createContext, type Item, type Output, reasonAgainst } from "./context";
import { cachedFlat, deliver, flatten } from "./flatten";
import { whileLocked } from "./item-lock";
import type { LayerSource } from "./layer-source";
import { makeArtifact, type Order } from "./make-artifact";
import { downloadedLayer } from "./makers/downloaded-layer";
import { type Maker, timed } from "./makers/maker";
import { makerOf } from "./makers/maker-of";
import { preflight, prepareToConvert } from "./preflight";
import { type Prepared, unprepared } from "./prepared";
import { answersWithout, type CacheAnswers, findMissing, reasonToBuild } from "./resolve";

/**
 * Builds what is missing and returns what was done.
 *
 * @param directory what relative paths in the specification are relative to
 * @throws VisaImageError, with exit code 2 for a wrong or incomplete call, 3 where Packer fails, 4 where an input
 *   changed since the plan
 * @public the worker loads it when it is told what to build
 */
export async function build(
  specification: BuildSpecification,
  directory: string,
  options: BuildOptions,
): Promise<BuildReport> {
  return new Build(createContext(specification, directory, options)).run();
}

class Build {
  private readonly started = performance.now();
  private readonly answers: CacheAnswers;
  /** What was done, by fingerprint. */
  private readonly reports = new Map<string, LayerReport>();
  private prepared: Prepared;
  private source: LayerSource | undefined;

  constructor(private readonly context: BuildContext) {
    this.answers = answersWithout(context.cache, {
      rebuilt: (fingerprint) => this.rebuilds(fingerprint),
      reasonAgainst: (manifest) => reasonAgainst(context, manifest),
    });
    this.prepared = unprepared(context);
  }

  async run(): Promise<BuildReport> {
    const { cache, progress, items, output } = this.context;
    await cache.prepare();
    for (const message of await cleanUpAbandoned(cache)) progress.message(message);
    const last = items.at(-1) as Item;
    // The declared size is known before a long build; what the disk really has is looked at before it is flattened.
    if (output) checkDiskSize(last.name, last.layer?.diskSizeGb ?? 0, output.minDiskGb);
    let flat: FlatManifest | undefined;
    let flatSeconds = 0;
    if (output && (await this.takesAll())) flat = await cachedFlat(this.context, last, output.format);
    if (!flat) await this.obtain();
    if (!flat && output) [flat, flatSeconds] = await timed(() => this.flatten(last, output));
    const layers = items.map((item) => this.reports.get(item.fingerprint) ?? untouched(item, "unneeded"));
    const toolSeconds = layers.reduce((sum, layer) => sum + layer.toolSeconds, 0);
    const seconds = (performance.now() - this.started) / 1000;
    const delivered = output && flat && (await deliver(this.context, last, output, flat, this.prepared.masker));
    return {
      layers,
      disk: output ? cache.flat(last.fingerprint, output.format) : cache.disk(last.fingerprint),
      output: delivered && { ...delivered, flattened: flatSeconds > 0, seconds: flatSeconds },
      accelerator: this.prepared.accelerator?.name,
      seconds,
      overheadSeconds: Math.max(0, seconds - toolSeconds - flatSeconds),
    };
  }

  /** Makes sure that the cache has the last item, and what that stands on. */
  private async obtain(): Promise<void> {
    const { items, output } = this.context;
    const end = items.length;
    let { start, missing } = await findMissing(items, this.answers, "quick");
    // What is flattened is read whole first, as what is built upon: a flipped bit would be in the image.
    if (missing === end && output) ({ start, missing } = await findMissing(items, this.answers, "full"));
    if (missing === end) {
      for (const item of items.slice(start)) this.keep(item);
      return;
    }
    const taken = await this.takeHighest(missing);
    const first = taken ? taken.index + 1 : missing;
    if (first < end) this.prepared = await preflight(this.context, items.slice(first), this.prepared);
    let parent = taken?.manifest;
    for (let i = taken ? first : start; i < end; i++) {
      // What is built upon is read whole first: a flipped bit would go into every layer above it.
      parent = await this.obtainOne(items[i] as Item, parent, i < end - 1 || output ? "full" : "quick");
      // It came from Glance and was damaged: what is below it is needed now, or another download.
      if (!parent) return this.obtain();
    }
  }

  /** Builds an item on its parent where the cache does not have it; nothing where it takes a parent that is not given. */
  private async obtainOne(
    item: Item,
    parent: ArtifactManifest | undefined,
    depth: CheckDepth,
  ): Promise<ArtifactManifest | undefined> {
    const { name, fingerprint } = item;
    const { cache, progress, items } = this.context;
    const before = await this.answers.check(fingerprint, parent, depth);
    if (before.kind === "intact") return this.keep(item, before.manifest);
    return whileLocked(this.context, item, async () => {
      // Whoever had the lock may have built it meanwhile.
      const state = await this.answers.check(fingerprint, parent, depth);
      if (state.kind === "intact") {
        progress.message(`${name}: built by another process meanwhile`);
        return this.keep(item, state.manifest);
      }
      const replace = this.rebuilds(fingerprint);
      const reason = reasonToBuild(state, replace, item === items.at(-1));
      if (state.kind !== "missing") {
        const aside = await cache.setAside(fingerprint, state.kind);
        progress.warn(`the cached "${name}" is ${reason}; set aside as ${aside} and built again`);
      }
      const maker = makerOf(this.context, item, parent);
      return maker && this.make(maker, { item, parent, reason, replace });
    });
  }

  /** Downloads the last item from one on that the specification's source has; nothing where it has none. */
  private async takeHighest(first: number): Promise<{ index: number; manifest: ArtifactManifest } | undefined> {
    const { progress, items } = this.context;
    // What is asked for anew is not what somebody has built before.
    const wanted = items.slice(first).filter(({ layer, fingerprint }) => layer && !this.rebuilds(fingerprint));
    if (wanted.length > 0) this.source ??= await openSource(this.context);
    if (!this.source) return undefined;
    for (const item of wanted.reverse()) {
      try {
        const manifest = await this.take(item, this.source);
        if (manifest) return { index: items.indexOf(item), manifest };
      } catch (error) {
        // What was revoked is not built from the same inputs instead.
        if (error instanceof VisaImageError && error.exitCode === ExitCode.CHANGED) throw error;
        progress.warn(`"${item.name}" is not taken from Glance: ${(error as Error).message}`);
      }
    }
    return undefined;
  }

  private async take(item: Item, source: LayerSource): Promise<ArtifactManifest | undefined> {
    const { cache, progress, items } = this.context;
    const { name, fingerprint, layer } = item;
    const image = await source.find(fingerprint);
    if (!image || !layer) {
      progress.message(`${name}: Glance has no image of ${short(fingerprint)}`);
      return undefined;
    }
    return whileLocked(this.context, item, async () => {
      // Whoever had the lock may have built or downloaded it meanwhile.
      const chain = items.slice(0, items.indexOf(item) + 1);
      if ((await findMissing(chain, this.answers, "quick")).missing === chain.length) {
        return this.keep(item, (await cache.manifest(fingerprint)) as ArtifactManifest);
      }
      this.prepared = await prepareToConvert(this.prepared);
      if (await exists(cache.folder(fingerprint))) {
        const aside = await cache.setAside(fingerprint, "stale");
        progress.warn(`the cached "${name}" is of no use as it is; set aside as ${aside}`);
      }
      const reason = "in Glance, and not in the cache";
      return this.make(downloadedLayer(layer, image), { item, reason, replace: false });
    });
  }

  private async flatten(item: Item, output: Output): Promise<FlatManifest> {
    return whileLocked(this.context, item, async () => {
      this.prepared = await prepareToConvert(this.prepared);
      const fresh = this.reports.get(item.fingerprint)?.log !== undefined;
      return flatten(this.context, item, output, this.prepared.masker, fresh);
    });
  }

  private async make(maker: Maker, order: Order): Promise<ArtifactManifest> {
    const { manifest, report } = await makeArtifact(this.context, this.prepared, maker, order);
    this.reports.set(manifest.fingerprint, report);
    return manifest;
  }

  /** Takes an item as the cache has it. */
  private keep<T>(item: Item, manifest?: T): T | undefined {
    this.reports.set(item.fingerprint, untouched(item, "cached"));
    return manifest;
  }

  /** Whether what the cache has of the last item, and of what it stands on, is as it is asked for. */
  private async takesAll(): Promise<boolean> {
    const { cache, items } = this.context;
    if (this.rebuilds((items.at(-1) as Item).fingerprint)) return false;
    const manifests = await Promise.all(items.map(({ fingerprint }) => cache.manifest(fingerprint)));
    return manifests.every((each) => typeof each !== "object" || reasonAgainst(this.context, each) === undefined);
  }

  /** Whether an item is still to be built anew, whatever the cache has. */
  private rebuilds(fingerprint: string): boolean {
    return this.context.options.rebuild?.includes(fingerprint) === true && !this.reports.has(fingerprint);
  }
}

/** Opens the source that the specification names; nothing, and perhaps a warning, where there is none. */
async function openSource({ specification, directory, options, progress }: BuildContext) {
  const { parentsFromGlance } = specification;
  if (!parentsFromGlance) return undefined;
  return options.openSource?.(resolve(directory, parentsFromGlance.lockFile)).catch((error: Error) => {
    progress.warn(`nothing is taken from Glance: ${error.message}`);
    return undefined;
  });
}
