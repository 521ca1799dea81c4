import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Machine, resolveMachine } from "../build-machine";
import { ExitCode, VisaImageError } from "../errors";
import { sha256 } from "../fingerprint/digest";
import { packageRoot } from "../package-root";
import { CONSOLE_FILE } from "../packer/runner-variables";
import {
  type BuildSpecification,
  type DiskFormat,
  type InstallerBase,
  type LayerSpecification,
  type MachineOptions,
  type OutputSpecification,
  SPECIFICATION_VERSION,
} from "../specification";
import { isUrl } from "../template/source";
import type { BuildReport, LayerReport } from "./build-report";
import {
  type ArtifactManifest,
  type ArtifactState,
  Cache,
  type CheckDepth,
  cacheRoot,
  exists,
  FLAT_VERSION,
  type FlatManifest,
  MANIFEST_VERSION,
  recordFile,
  SBOM_FILE,
} from "./cache/cache";
import { checkDiskSize, checkImage, copyDisk, flattenDisk, replaceLink, virtualSizeOf } from "./cache/disks";
import { acquireLock, type Lock } from "./cache/file-lock";
import { cleanUpAbandoned, createScratch, removeScratch, type Scratch } from "./cache/scratch";
import { chooseAccess, type GuestAccess, writeAccess } from "./guest/guest-access";
import { type GuestReport, GuestReportReader, REPORT_SCRIPT, REPORT_TEXT } from "./guest/guest-report";
import { cycloneDx } from "./guest/sbom";
import { type Accelerator, chooseAccelerator } from "./host/accelerator";
import { gitState } from "./host/git";
import { hostDebianMirror } from "./host/mirror";
import {
  checkCpu,
  checkDisplay,
  checkFreeSpace,
  checkMemory,
  checkPaths,
  checkTools,
  checkVnc,
  readSecrets,
} from "./host/requirements";
import type { LayerSource, OpenLayerSource, SourceDisk } from "./layer-source";
import { type MakeBaseOptions, makeBase, obtainMedium, type RunTool } from "./makers/base-disk";
import { fillSecrets, followConsole, hasBootLoader, withPasswordHashes } from "./makers/installer";
import { BuildLog } from "./output/log";
import { createMasker, type Masker } from "./output/masking";
import { duration, type Progress, size } from "./output/progress";
import { countSteps } from "./packer/packer-output";
import { indent, PackerRun } from "./packer/packer-run";
import { stageFiles } from "./packer/staging";
import { endSession, processInfo } from "./processes/processes";
import { toolEnvironment } from "./processes/tool-environment";
import { runToolOrFail } from "./processes/tools";

/** Settings of the build machine and its surroundings; none of them is an input of an image. */
export interface BuildOptions {
  readonly progress: Progress;
  /** @default {@link cacheRoot} */
  readonly cache?: string;
  /** @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
  /** What the command line says of the build machine: it goes before all else. @default - none: docs/inputs.md */
  readonly machine?: MachineOptions;
  /** Flatten the last layer although the specification has no output. */
  readonly flatten?: FlattenOptions;
  /** Fingerprints to build although the cache has them. @default none */
  readonly rebuild?: readonly string[];
  /** Where layers come from that were built elsewhere, if the specification says so. @default - they are built */
  readonly openSource?: OpenLayerSource;
  /** Where a step in the guest fails: leave the machine running until the build is stopped. @default false */
  readonly keepOnFailure?: boolean;
}

/** A flattened disk for a person, where {@link BuildSpecification.output} is one for Terraform. */
export interface FlattenOptions {
  readonly format: DiskFormat;
  /** A file to copy it to. Left out: it stays in the cache. */
  readonly copyTo?: string;
}

/** Where the certificates are that an administrator of this host added. */
const HOST_CA_FOLDER = "/usr/local/share/ca-certificates";

/** What it takes where no layer is built. */
const CONVERSION_TOOLS = ["qemu-img", "setpriv", "flock"];

/**
 * Builds what is missing and returns what was done.
 *
 * @param specificationDirectory what relative paths in the specification are relative to
 * @throws VisaImageError, with exit code 2 for a wrong or incomplete call, 3 where Packer fails, 4 where an input
 *   changed since the plan
 */
export async function build(
  specification: BuildSpecification,
  specificationDirectory: string,
  options: BuildOptions,
): Promise<BuildReport> {
  return new Build(specification, specificationDirectory, options).run();
}

/** One thing that the cache may hold: the base, or a layer. */
interface Item {
  readonly name: string;
  readonly fingerprint: string;
  /** Left out for the base. */
  readonly layer?: LayerSpecification;
}

class Build {
  private readonly started = performance.now();
  private readonly cache: Cache;
  private readonly environment: NodeJS.ProcessEnv;
  private readonly progress: Progress;
  private readonly items: readonly Item[];
  private readonly reports = new Map<string, LayerReport>();
  private readonly helpers = new Set<number>();
  private masker: Masker;
  private secrets = new Map<string, string>();
  private tools: Record<string, string> = {};
  private accelerator: Accelerator | undefined;
  private prepared = false;
  private toolSeconds = 0;
  private packerSeconds = 0;
  private guest: GuestReport = {};
  private source: LayerSource | undefined;

  constructor(
    private readonly specification: BuildSpecification,
    private readonly directory: string,
    private readonly options: BuildOptions,
  ) {
    checkSpecification(specification);
    this.environment = options.environment ?? process.env;
    this.progress = options.progress;
    this.cache = new Cache(options.cache ?? cacheRoot(this.environment));
    const [first] = specification.layers;
    this.items = [
      ...(first?.base ? [{ name: "base", fingerprint: first.parent }] : []),
      ...specification.layers.map((layer) => ({ name: layer.name, fingerprint: layer.fingerprint, layer })),
    ];
    this.masker = createMasker(this.proxies);
  }

  async run(): Promise<BuildReport> {
    await this.cache.prepare();
    for (const message of await cleanUpAbandoned(this.cache)) this.progress.message(message);
    const output = this.output;
    const last = this.items.at(-1) as Item;
    let flat: FlatManifest | undefined;
    let flatSeconds = 0;
    // The declared size is known before a long build; what the disk really has is looked at before it is flattened.
    if (output) checkDiskSize(last.name, last.layer?.diskSizeGb ?? 0, output.minDiskGb);
    if (output && !this.rebuilds(last)) flat = await this.cachedFlat(last, output.format);
    if (!flat) {
      await this.obtain(this.items.length - 1);
      if (output) {
        const start = performance.now();
        flat = await this.flatten(last, output);
        flatSeconds = (performance.now() - start) / 1000;
      }
    }
    const seconds = (performance.now() - this.started) / 1000;
    return {
      layers: this.items.map((item) => this.reports.get(item.fingerprint) ?? unneeded(item)),
      disk: output ? this.cache.flat(last.fingerprint, output.format) : this.cache.disk(last.fingerprint),
      output: output && flat && (await this.deliver(last, output, flat, flatSeconds)),
      accelerator: this.accelerator?.name,
      seconds,
      overheadSeconds: Math.max(0, seconds - this.toolSeconds - flatSeconds),
    };
  }

  /** The flattened disk that the cache has. It is read whole where it is handed over now: to Glance, or as a copy. */
  private checkFlat({ fingerprint }: Item, format: DiskFormat): Promise<FlatManifest | undefined> {
    const { flatten } = this.options;
    return this.cache.checkFlat(fingerprint, format, flatten && !flatten.copyTo ? "quick" : "full");
  }

  private async cachedFlat(item: Item, format: DiskFormat): Promise<FlatManifest | undefined> {
    const { name, fingerprint } = item;
    const flat = await this.checkFlat(item, format);
    if (!flat && (await exists(this.cache.flat(fingerprint, format)))) {
      this.progress.warn(`the flattened disk of "${name}" in the cache is damaged: it is made again`);
    }
    return flat;
  }

  private get output(): (Omit<OutputSpecification, "path"> & { path?: string }) | undefined {
    const { flatten } = this.options;
    if (!flatten) return this.specification.output;
    const { path, minDiskGb } = this.specification.output ?? {};
    return { path, format: flatten.format, minDiskGb: minDiskGb ?? Number.POSITIVE_INFINITY };
  }

  /** Makes sure that the cache has an item and all below it; returns its manifest. */
  private async obtain(index: number): Promise<ArtifactManifest> {
    let { start, missing } = await this.look(index, "quick");
    // What is flattened is read whole first, as what is built upon: a flipped bit would be in the image.
    if (missing > index && this.output) ({ start, missing } = await this.look(index, "full"));
    if (missing > index) {
      for (const item of this.items.slice(start, index + 1)) this.reports.set(item.fingerprint, cached(item));
      return (await this.cache.manifest((this.items[index] as Item).fingerprint)) as ArtifactManifest;
    }
    const taken = await this.takeHighest(missing, index);
    const first = taken ? taken.index + 1 : missing;
    if (first <= index) await this.prepare(this.items.slice(first, index + 1));
    let parent = taken?.manifest;
    for (let i = taken ? first : start; i <= index; i++) {
      // What is built upon is read whole first: a flipped bit would go into every layer above it.
      const depth = i < index || this.output ? "full" : "quick";
      parent = await this.obtainOne(this.items[i] as Item, i, parent, depth);
      // It came from Glance and was damaged: what is below it is needed now, or another download.
      if (!parent) return this.obtain(index);
    }
    return parent as ArtifactManifest;
  }

  /** Where the chain up to an item starts in the cache, and the first item from there on that is not usable as it is. */
  private async look(index: number, depth: CheckDepth): Promise<{ start: number; missing: number }> {
    const chain = this.items.slice(0, index + 1);
    const start = chain.some((item) => this.rebuilds(item))
      ? 0
      : await this.cache.foundation(chain.map(({ fingerprint }) => fingerprint));
    let parent: ArtifactManifest | undefined;
    for (let i = start; i <= index; i++) {
      const state = await this.checkOne(this.items[i] as Item, parent, depth);
      if (state.kind !== "intact") return { start, missing: i };
      parent = state.manifest;
    }
    return { start, missing: index + 1 };
  }

  /** Makes an artifact of the last one of these items that the specification's source has; nothing where it has none. */
  private async takeHighest(
    first: number,
    last: number,
  ): Promise<{ index: number; manifest: ArtifactManifest } | undefined> {
    const { parentsFromGlance } = this.specification;
    const { openSource } = this.options;
    // What is asked for anew is not what somebody has built before.
    const items = this.items.slice(first, last + 1).filter((item) => item.layer && !this.rebuilds(item));
    if (!parentsFromGlance || !openSource || items.length === 0) return undefined;
    try {
      this.source ??= await openSource(resolve(this.directory, parentsFromGlance.lockFile));
    } catch (error) {
      this.progress.warn(`nothing is taken from Glance: ${(error as Error).message}`);
      return undefined;
    }
    for (const item of items.reverse()) {
      const index = this.items.indexOf(item);
      try {
        const manifest = await this.take(item, index, this.source);
        if (manifest) return { index, manifest };
      } catch (error) {
        this.progress.warn(`"${item.name}" is not taken from Glance: ${(error as Error).message}`);
      }
    }
    return undefined;
  }

  private async take(item: Item, index: number, source: LayerSource): Promise<ArtifactManifest | undefined> {
    const disk = await source.find(item.fingerprint);
    if (!disk) {
      this.progress.message(`${item.name}: Glance has no image of ${item.fingerprint.slice(0, 12)}`);
      return undefined;
    }
    const lock = await this.lock(item);
    try {
      // Whoever had the lock may have built or downloaded it meanwhile.
      if ((await this.look(index, "quick")).missing > index) {
        this.reports.set(item.fingerprint, cached(item));
        return (await this.cache.manifest(item.fingerprint)) as ArtifactManifest;
      }
      if (!this.prepared) this.tools = await checkTools(CONVERSION_TOOLS);
      if (await exists(this.cache.folder(item.fingerprint))) {
        const aside = await this.cache.setAside(item.fingerprint, "stale");
        this.progress.warn(`the cached "${item.name}" is of no use as it is; set aside as ${aside}`);
      }
      return await this.make(item, index, undefined, "in Glance, and not in the cache", disk);
    } finally {
      await this.unlock(lock);
    }
  }

  /** What is to be built anew counts as missing, until it is. */
  private async checkOne(item: Item, parent: ArtifactManifest | undefined, depth: CheckDepth): Promise<ArtifactState> {
    return this.rebuilds(item) ? { kind: "missing" } : this.cache.check(item.fingerprint, parent, depth);
  }

  private rebuilds(item: Item): boolean {
    return this.options.rebuild?.includes(item.fingerprint) === true && !this.reports.has(item.fingerprint);
  }

  /** Builds an item on its parent where the cache does not have it; nothing where it takes a parent that is not given. */
  private async obtainOne(
    item: Item,
    index: number,
    parent: ArtifactManifest | undefined,
    depth: CheckDepth,
  ): Promise<ArtifactManifest | undefined> {
    const before = await this.checkOne(item, parent, depth);
    if (before.kind === "intact") {
      this.reports.set(item.fingerprint, cached(item));
      return before.manifest;
    }
    const lock = await this.lock(item);
    try {
      // Whoever had the lock may have built it meanwhile.
      const state = await this.checkOne(item, parent, depth);
      if (state.kind === "intact") {
        this.progress.message(`${item.name}: built by another process meanwhile`);
        this.reports.set(item.fingerprint, cached(item));
        return state.manifest;
      }
      let reason = this.rebuilds(item) ? "asked for, whatever the cache has" : "not in the cache";
      if (state.kind !== "missing") {
        reason = `${state.kind}: ${state.reason}`;
        const aside = await this.cache.setAside(item.fingerprint, state.kind);
        this.progress.warn(`the cached "${item.name}" is ${reason}; set aside as ${aside} and built again`);
      } else if (index < this.items.length - 1 && !this.rebuilds(item)) {
        reason = "not in the cache, and what stands on it must be built";
      }
      if (item.layer && !parent) return undefined;
      return await this.make(item, index, parent, reason);
    } finally {
      await this.unlock(lock);
    }
  }

  private async lock(item: Item): Promise<Lock> {
    const lock = await acquireLock(this.cache.locks, item.fingerprint, (owner) =>
      this.progress.message(
        owner
          ? `${item.name}: waiting for process ${owner.pid} of ${owner.user} on ${owner.host}, which builds it since ${owner.since}`
          : `${item.name}: waiting for another process that builds it`,
      ),
    );
    this.helpers.add(lock.helper);
    return lock;
  }

  private async unlock(lock: Lock): Promise<void> {
    await lock.release();
    this.helpers.delete(lock.helper);
  }

  /** Checks everything that a build needs before the first one starts. */
  private async prepare(items: readonly Item[]): Promise<void> {
    const layers = items.flatMap(({ layer }) => layer ?? []);
    const installer = items.some(({ layer }) => !layer) ? this.installer : undefined;
    const needed = installer ? [this.installation(installer), ...layers] : layers;
    const secrets = readSecrets(needed, this.environment, (message) => this.progress.warn(message));
    const all = layers.map((layer) => this.machine(layer));
    const machines = all.filter((each, i) => all.findIndex((other) => isDeepStrictEqual(each, other)) === i);
    for (const { headless } of machines) checkDisplay(headless, this.environment);
    for (const machine of machines) await checkVnc(machine, (message) => this.progress.warn(message));
    checkMemory(machines, (message) => this.progress.warn(message));
    if (layers.length > 0) checkPaths([this.cache.root, tmpdir()]);
    checkFreeSpace(this.cache.root, layers, this.output?.minDiskGb ?? 0);
    this.secrets = installer ? withPasswordHashes(installer, secrets) : secrets;
    this.masker = createMasker([...this.secrets.values(), ...this.proxies]);
    if (this.prepared) return;
    this.tools = await checkTools();
    if (layers.length > 0) {
      const scratch = await createScratch(this.cache, "accelerator");
      try {
        const { accelerator } = this.machine(layers[0] as LayerSpecification);
        this.accelerator = await chooseAccelerator(accelerator, scratch.path, this.cache.root);
      } finally {
        await removeScratch(scratch);
      }
      const { name, reason } = this.accelerator;
      this.progress.message(`accelerator: ${name === "kvm" ? "KVM" : "TCG, which is slow"} (${reason})`);
      for (const machine of machines) await checkCpu(machine, name);
    }
    this.prepared = true;
  }

  /** Builds or downloads one item in a scratch folder of its own and publishes it. */
  private async make(
    item: Item,
    index: number,
    parent: ArtifactManifest | undefined,
    reason: string,
    download?: SourceDisk,
  ): Promise<ArtifactManifest> {
    const start = performance.now();
    const short = item.fingerprint.slice(0, 12);
    const time = new Date().toISOString().slice(0, 19).replaceAll(":", "");
    const log = new BuildLog(join(this.cache.logs, `${time}-${item.name}-${short}.log`));
    const installer = item.layer ? undefined : this.installer;
    const configuration = (item.layer ?? installer)?.configuration;
    const steps = download ? 3 : (configuration ? countSteps(configuration) : 0) + 2;
    const flatten = this.output && index === this.items.length - 1 ? 1 : 0;
    this.progress.startLayer(item.name, index + 1, this.items.length, steps + flatten);
    const [doing, done] = download ? (["downloading", "downloaded"] as const) : (["building", "built"] as const);
    this.progress.message(`${doing} ${short} (${reason}); log: ${log.path}`);
    log.write(`${doing} "${item.name}" ${item.fingerprint}: ${reason}`);
    const scratch = await createScratch(this.cache, short);
    try {
      const staging = join(scratch.path, "publish");
      await mkdir(staging);
      const toolStart = performance.now();
      const disk = download
        ? await this.runDownload(download, item.layer as LayerSpecification, scratch, log)
        : item.layer
          ? await this.runPacker(item.layer, parent as ArtifactManifest, scratch, log)
          : installer
            ? await this.runInstaller(installer, scratch, log)
            : await this.runBase(scratch, log);
      const packer = configuration && !download;
      const toolSeconds = packer ? this.packerSeconds : (performance.now() - toolStart) / 1000;
      this.toolSeconds += toolSeconds;
      this.progress.startStep("checking and publishing");
      const virtualSize = await this.finishDisk(disk, parent, scratch, log);
      const target = join(staging, "disk.qcow2");
      await rename(disk, target);
      const record = await recordFile(target);
      const seconds = (performance.now() - start) / 1000;
      const createdAt = new Date().toISOString();
      const manifest: ArtifactManifest = {
        version: MANIFEST_VERSION,
        fingerprint: item.fingerprint,
        template: item.name,
        inputs: item.layer?.inputs ?? {},
        ...(download && { source: download.source }),
        ...(parent && { parent: { fingerprint: parent.fingerprint, diskSha256: parent.disk.sha256 } }),
        disk: { ...record, virtualSizeGb: virtualSize / 2 ** 30 },
        createdAt,
        durationSeconds: Math.round(seconds * 10) / 10,
        tools: this.tools,
        ...(packer && { accelerator: this.accelerator?.name }),
        packageVersion: packageVersion(),
        ...(!download && this.guest.login && { login: this.guest.login }),
        ...(!download && (await this.provenance(item, createdAt, staging))),
      };
      await this.cache.publish(staging, manifest, this.rebuilds(item));
      const total = (performance.now() - start) / 1000;
      log.write(`published ${this.cache.folder(item.fingerprint)}`);
      this.progress.message(`${done} in ${duration(total * 1000)}, ${size(record.bytes)}`);
      this.reports.set(item.fingerprint, {
        name: item.name,
        fingerprint: item.fingerprint,
        action: done,
        reason,
        seconds: total,
        toolSeconds,
        bytes: record.bytes,
        log: log.path,
      });
      return manifest;
    } catch (error) {
      log.write(`failed: ${this.masker.mask((error as Error).message)}`);
      throw error;
    } finally {
      await this.endStrays();
      await removeScratch(scratch);
      log.close();
    }
  }

  /** What a layer's manifest says of where it came from; writes its bill of materials. */
  private async provenance(
    { name: template, fingerprint, layer }: Item,
    createdAt: string,
    staging: string,
  ): Promise<Pick<ArtifactManifest, "git" | "sbom">> {
    if (!layer) return {};
    const git = await gitState(this.directory, this.masker);
    const { packages } = this.guest;
    if (!packages) return { git };
    const subject = { template, fingerprint, createdAt, packageVersion: packageVersion() };
    const text = cycloneDx(subject, packages);
    await writeFile(join(staging, SBOM_FILE), text);
    return { git, sbom: { sha256: sha256(text), packages: packages.packages.length } };
  }

  /** Runs Packer for a layer; returns the disk that it made. */
  private async runPacker(
    layer: LayerSpecification,
    parent: ArtifactManifest,
    scratch: Scratch,
    log: BuildLog,
  ): Promise<string> {
    await stageFiles(layer, this.directory, scratch.path);
    const access = chooseAccess(parent, layer.configuration);
    await writeAccess(access, scratch.path, layer.name, this.toolRunner(scratch, log));
    await writeFile(join(scratch.path, "build-ca.crt"), await this.certificates(layer));
    await this.linkParent(parent, scratch, log);
    await writeFile(join(scratch.path, REPORT_SCRIPT), REPORT_TEXT);
    await this.packer(this.packerRun(layer, scratch, log, access), "starting the machine", this.options.keepOnFailure);
    return join(scratch.path, "output", "disk.qcow2");
  }

  /** Lets an installer make the disk of the base; returns it. */
  private async runInstaller(base: InstallerBase, scratch: Scratch, log: BuildLog): Promise<string> {
    const work = this.installation(base);
    const run = this.toolRunner(scratch, log);
    const isIso = base.media[0]?.name === "iso";
    for (const medium of base.media) {
      const located = isUrl(medium.source) ? medium : { ...medium, source: resolve(this.directory, medium.source) };
      const file = await obtainMedium(located, this.baseOptions(scratch, log));
      await symlink(file, join(scratch.path, isIso ? "installer.iso" : medium.name));
    }
    if (!isIso) await run("qemu-img", ["create", "-q", "-f", "qcow2", "empty.qcow2", `${base.diskSizeGb}G`]);
    await stageFiles(work, this.directory, scratch.path);
    await fillSecrets(base, scratch.path, this.secrets);
    await writeFile(join(scratch.path, "build-ca.crt"), await this.certificates(work));
    const packer = this.packerRun(work, scratch, log);
    const stop = followConsole(join(scratch.path, CONSOLE_FILE), this.masker, (line) => {
      log.write(`console: ${line}`);
      this.progress.toolLine(line);
      this.progress.detail(line.slice(0, 60));
    });
    const failed = async (how: string, fix: string) =>
      new VisaImageError(`the installer ${how}:\n${indent(await packer.consoleTail())}`, {
        fix: `${fix}; the whole log: ${log.path}`,
        exitCode: ExitCode.PACKER,
      });
    try {
      await this.packer(packer, "installing");
    } catch (error) {
      // Packer's words for a machine that has not gone down in time.
      if (!log.tail().some((line) => line.endsWith("Failed to shutdown"))) throw error;
      throw await failed("was not done in time", 'answer what it asks for, or give it more time by "timeout"');
    } finally {
      await stop();
    }
    const disk = join(scratch.path, "output", "disk.qcow2");
    if (await hasBootLoader(disk, scratch.path, run)) return disk;
    throw await failed("ended without a boot loader on the disk", "see what it says");
  }

  /** The installer of a specification whose base is one. */
  private get installer(): InstallerBase | undefined {
    const base = this.specification.layers[0]?.base;
    return base?.kind === "installer" ? base : undefined;
  }

  /** An installation as the layer that it is to Packer. */
  private installation({ configuration, files, secrets }: InstallerBase): LayerSpecification {
    const [first] = this.specification.layers as [LayerSpecification];
    return { ...first, name: "base", configuration, files, secrets };
  }

  private packerRun(layer: LayerSpecification, scratch: Scratch, log: BuildLog, access?: GuestAccess): PackerRun {
    const machine = this.machine(layer);
    return new PackerRun({
      layer,
      access,
      machine,
      accelerator: this.accelerator?.name,
      mirror: this.mirror(machine),
      installerTimeout: this.installer?.timeout,
      secrets: this.secrets,
      version: this.tools.packer ?? "",
      packerCache: this.cache.packer,
      scratch,
      log,
      masker: this.masker,
      progress: this.progress,
      environment: this.environment,
      endStrays: () => this.endStrays(),
    });
  }

  private async packer(run: PackerRun, step: string, keep?: boolean): Promise<void> {
    const { seconds, guest } = await run.run(step, keep);
    this.packerSeconds = seconds;
    this.guest = guest;
  }

  /**
   * Makes `parent.qcow2`, an empty overlay on the parent's disk. A link would not do: qemu-img looks for the parent's own
   * parent beside the link. And whatever might write to it does not reach the cache.
   */
  private async linkParent(parent: ArtifactManifest, scratch: Scratch, log: BuildLog): Promise<void> {
    const disk = this.cache.disk(parent.fingerprint);
    const args = ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", disk, "parent.qcow2"];
    await this.toolRunner(scratch, log)("qemu-img", args);
  }

  /** Downloads a layer's flattened disk, and makes a disk of the cache's kind of it: whole, sparse, not compressed. */
  private async runDownload(
    download: SourceDisk,
    layer: LayerSpecification,
    scratch: Scratch,
    log: BuildLog,
  ): Promise<string> {
    const { source, format, bytes } = download;
    const image = join(scratch.path, "image");
    const disk = join(scratch.path, "disk.qcow2");
    this.progress.startStep(`downloading the image ${source.imageId} from Glance (${size(bytes)})`);
    log.write(`downloading the image ${source.imageId} "${source.imageName}" from ${source.glance}`);
    await download.download(image, (done) => this.progress.detail(`${Math.floor((100 * done) / bytes)} %`));
    this.progress.startStep("unpacking the image");
    await checkImage(image, format, layer, this.masker);
    await this.toolRunner(scratch, log)("qemu-img", ["convert", "-W", "-f", format, "-O", "qcow2", image, disk]);
    return disk;
  }

  private async runBase(scratch: Scratch, log: BuildLog): Promise<string> {
    const [first] = this.specification.layers;
    const base = first?.base;
    if (!base || base.kind === "installer") throw new Error("no base");
    this.progress.startStep(
      base.kind === "bootstrap" ? `bootstrapping Debian ${base.suite}` : "preparing the base image",
    );
    const located = base.kind === "file" ? { ...base, path: resolve(this.directory, base.path) } : base;
    const report = new GuestReportReader();
    const disk = await makeBase(
      located,
      this.baseOptions(scratch, log, (line) => report.take(line)),
    );
    this.guest = report.result;
    return disk;
  }

  private baseOptions(scratch: Scratch, log: BuildLog, onLine?: (line: string) => void): MakeBaseOptions {
    const machine = this.machine(this.specification.layers[0] as LayerSpecification);
    return {
      scratch: scratch.path,
      mirror: this.mirror(machine) || undefined,
      proxy: machine.proxy || undefined,
      downloads: join(this.cache.root, "downloads"),
      run: this.toolRunner(scratch, log, onLine),
      log: (line: string) => {
        log.write(this.masker.mask(line));
        this.progress.toolLine(this.masker.mask(line));
      },
    };
  }

  /** Makes a disk fit for the cache: nothing wrong with it, and its parent by a name that holds there. */
  private async finishDisk(
    disk: string,
    parent: ArtifactManifest | undefined,
    scratch: Scratch,
    log: BuildLog,
  ): Promise<number> {
    const run = this.toolRunner(scratch, log);
    await run("qemu-img", ["check", "-q", disk]);
    const virtualSize = await virtualSizeOf(disk, this.masker);
    if (parent) {
      // Last, since the new name leads nowhere from here. Only the name is changed, no byte of the disk.
      const backing = `../${parent.fingerprint}/disk.qcow2`;
      await run("qemu-img", ["rebase", "-u", "-F", "qcow2", "-b", backing, disk]);
    }
    return virtualSize;
  }

  /** Makes the disk that Glance gets: one full copy, sparse. */
  private async flatten(item: Item, output: Omit<OutputSpecification, "path">): Promise<FlatManifest> {
    const lock = await this.lock(item);
    try {
      // Whoever had the lock may have made it meanwhile.
      const there = await this.checkFlat(item, output.format);
      if (there) return there;
      const manifest = await this.cache.manifest(item.fingerprint);
      if (typeof manifest !== "object") throw new VisaImageError(`the disk of "${item.name}" is gone from the cache`);
      const virtualSize = await virtualSizeOf(this.cache.disk(item.fingerprint), this.masker);
      checkDiskSize(item.name, virtualSize / 2 ** 30, output.minDiskGb);
      if (!this.prepared) this.tools = await checkTools(CONVERSION_TOOLS);
      return await this.convert(item, output, manifest, virtualSize);
    } finally {
      await this.unlock(lock);
    }
  }

  private async convert(
    item: Item,
    output: Omit<OutputSpecification, "path">,
    manifest: ArtifactManifest,
    virtualSize: number,
  ): Promise<FlatManifest> {
    const scratch = await createScratch(this.cache, item.fingerprint.slice(0, 12));
    try {
      // One that was made just now counts this step already.
      if (!this.reports.get(item.fingerprint)?.log) {
        this.progress.startLayer(item.name, this.items.length, this.items.length, 1);
      }
      this.progress.startStep(`flattening to ${output.format}`);
      const target = join(scratch.path, "flat");
      const made = await flattenDisk(this.cache.disk(item.fingerprint), target, {
        format: output.format,
        directory: scratch.path,
        masker: this.masker,
        onDetail: (detail) => this.progress.detail(detail),
      });
      const flat: FlatManifest = {
        version: FLAT_VERSION,
        format: output.format,
        ...made,
        virtualSizeBytes: virtualSize,
        sourceSha256: manifest.disk.sha256,
      };
      await this.cache.publishFlat(item.fingerprint, target, flat);
      return flat;
    } finally {
      await this.endStrays();
      await removeScratch(scratch);
    }
  }

  /** Puts the disk where it was asked for: a link for Terraform, a copy for a person. */
  private async deliver(
    item: Item,
    output: { readonly path?: string; readonly format: DiskFormat },
    flat: FlatManifest,
    seconds: number,
  ): Promise<NonNullable<BuildReport["output"]>> {
    const file = this.cache.flat(item.fingerprint, output.format);
    const copyTo = this.options.flatten?.copyTo;
    if (copyTo) await copyDisk(file, copyTo, this.masker);
    const path = output.path && resolve(this.directory, output.path);
    if (path) await replaceLink(path, file);
    const { blocks } = await stat(file);
    return {
      path: copyTo ?? path ?? file,
      format: output.format,
      bytes: flat.bytes,
      bytesOnDisk: blocks * 512,
      virtualSizeBytes: flat.virtualSizeBytes,
      digest: flat.digest,
      flattened: seconds > 0,
      seconds,
    };
  }

  /** What the base and the login run their tools with. */
  private toolRunner(scratch: Scratch, log: BuildLog, onLine?: (line: string) => void): RunTool {
    return (command, args, { env, cwd, network } = {}) =>
      runToolOrFail(command, args, {
        environment: { ...toolEnvironment(process.env, network), TMPDIR: scratch.temporary, ...env },
        directory: cwd ?? scratch.path,
        masker: this.masker,
        onLine: (line) => {
          log.write(line);
          this.progress.toolLine(line);
          onLine?.(line);
        },
      });
  }

  /** Ends what the tools left running; the locks' helpers stay. */
  private async endStrays(): Promise<number> {
    // Only a worker has a session of its own; in another one there are processes that are none of ours.
    if (processInfo(process.pid)?.session !== process.pid) return 0;
    return endSession(process.pid, { except: this.helpers });
  }

  private machine({ machine: template }: LayerSpecification): Machine {
    const { machine: code = {} } = this.specification;
    // What synth has written is relative to its own file.
    const located = (machine: MachineOptions): MachineOptions =>
      machine.ca && machine.ca !== "host" ? { ...machine, ca: resolve(this.directory, machine.ca) } : machine;
    return resolveMachine({
      commandLine: this.options.machine,
      code: located(code),
      environment: this.environment,
      template: located(template),
    });
  }

  private get proxies(): string[] {
    return this.specification.layers.map((layer) => this.machine(layer).proxy);
  }

  private mirror({ mirror }: Machine): string {
    return mirror ?? hostDebianMirror() ?? "";
  }

  private async certificates(layer: LayerSpecification): Promise<string> {
    const { ca: wish } = this.machine(layer);
    if (!wish) return "";
    if (wish !== "host") {
      const text = await readFile(wish, "utf8").catch((cause) => {
        throw new VisaImageError(`cannot read the certificates "${wish}": ${cause.message}`, {
          fix: 'let --build-ca or VISA_BUILD_CA name a PEM file, or "host"',
          exitCode: ExitCode.USAGE,
        });
      });
      return text;
    }
    const names = await readdir(HOST_CA_FOLDER, { recursive: true }).catch(() => []);
    const texts = await Promise.all(
      names
        .filter((name) => name.endsWith(".crt"))
        .sort()
        .map((name) => readFile(join(HOST_CA_FOLDER, name), "utf8")),
    );
    return texts.map((text) => (text.endsWith("\n") ? text : `${text}\n`)).join("");
  }
}

function checkSpecification(specification: BuildSpecification): void {
  if (specification.version !== SPECIFICATION_VERSION) {
    throw new VisaImageError(
      `the build specification has version "${specification.version}", this runner reads ${SPECIFICATION_VERSION}`,
      { fix: "synthesize again, with the same version of cdktf-visa-images", exitCode: ExitCode.USAGE },
    );
  }
  const { layers } = specification;
  const wrong = (what: string) =>
    new VisaImageError(`the build specification is wrong: ${what}`, {
      fix: "synthesize again",
      exitCode: ExitCode.USAGE,
    });
  if (layers.length === 0) throw wrong("it has no layers");
  for (const [i, layer] of layers.entries()) {
    if (!/^[0-9a-f]{64}$/.test(layer.fingerprint)) throw wrong(`"${layer.fingerprint}" is no fingerprint`);
    if (!/^[0-9a-f]{64}$/.test(layer.parent)) throw wrong(`"${layer.parent}" is no fingerprint`);
    if (!/^[\w.-]+$/.test(layer.name)) throw wrong(`"${layer.name}" is no name of a template`);
    if (i === 0 ? !layer.base : layer.parent !== layers[i - 1]?.fingerprint) {
      throw wrong(`"${layer.name}" does not stand on the layer before it`);
    }
  }
}

function unneeded({ name, fingerprint }: Item): LayerReport {
  return { name, fingerprint, action: "unneeded", seconds: 0, toolSeconds: 0 };
}

function cached({ name, fingerprint }: Item): LayerReport {
  return { name, fingerprint, action: "cached", seconds: 0, toolSeconds: 0 };
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as { version: string }).version;
}
