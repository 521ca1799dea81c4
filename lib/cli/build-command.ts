/** `visa-image build`: specifies templates, or reads what a synth specified, and has them built under supervision. */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { checkMachine, isBuiltByCloud, readVnc, resolveMachine } from "../build-machine";
import { ExitCode, VisaImageError } from "../errors";
import { mapAll } from "../problems";
import { LOCK_FILE, readLock } from "../releases/release-lock";
import { refuseRevoked } from "../releases/revocation";
import type { BuildReport, LayerReport } from "../runner/build-report";
import { Cache, cacheRoot } from "../runner/cache/cache";
import type { FlattenOptions } from "../runner/context";
import { availableMemory, freeSpace, spaceFor } from "../runner/host/requirements";
import { duration, size } from "../runner/output/progress";
import { type BuildRequest, CLOUD_STOP_MS, type SuperviseOptions, supervise } from "../runner/supervisor";
import type {
  BuilderName,
  BuildSpecification,
  CacheSource,
  DiskFormat,
  MachineOptions,
  MachinePreset,
} from "../specification";
import { chooseTemplates, environmentOf, hidePassword, type InputOptions, openCatalog, specifyOptions } from "./inputs";
import { cutIntoPieces, type Job, type Piece, reportsOf, runPieces, withLater, withName } from "./parallel";

/** Options of the command, as commander reads them. */
export interface BuildCommandOptions extends InputOptions {
  readonly specification?: string;
  readonly format?: DiskFormat;
  readonly output?: string;
  /** A folder; false for `--no-cache`. */
  readonly cache?: string | boolean;
  readonly keepOnFailure?: true;
  /** false for `--no-checkpoints`. */
  readonly checkpoints?: boolean;
  readonly cacheFrom?: CacheSource;
  readonly parallel?: number;
  readonly builder?: BuilderName;
  readonly flavor?: string;
  readonly network?: string;
  readonly floatingIpPool?: string;
  readonly securityGroups?: string;
  readonly availabilityZone?: string;
  readonly preset?: MachinePreset;
  readonly cpus?: number;
  readonly memory?: number;
  readonly accelerator?: "auto" | "kvm" | "tcg";
  readonly cpuModel?: string;
  readonly nested?: true;
  readonly timeout?: number;
  readonly notHeadless?: true;
  readonly vnc?: string;
  readonly buildCa?: string;
  readonly mirror?: string;
  readonly json?: true;
  readonly verbose?: true;
  readonly quiet?: true;
  /** What is built is to be registered: whether that can be done is found out before. */
  readonly signIn?: true;
  /** The same for VISA's list. */
  readonly askVisa?: true;
}

/** Runs the command. */
export async function runBuild(templates: readonly string[], options: BuildCommandOptions): Promise<void> {
  hidePassword(options, "visa-image build");
  const environment = environmentOf(options);
  if (options.signIn) await signInFirst();
  if (options.askVisa) {
    const { askVisaFirst } = require("../visa/ask-first") as typeof import("../visa/ask-first");
    await askVisaFirst({ onMessage: (text) => process.stderr.write(`${text}\n`) });
  }
  // All of them first: what is wrong with the last one is said before the first one is built.
  const jobs = readJobs(templates, options, environment);
  const sign = signatures(jobs);
  const reports = await buildJobs(jobs, options, environment);
  await sign?.();
  if (options.json) process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`);
}

/** With the client that registers the image, so that a mistake costs no build. */
async function signInFirst(): Promise<void> {
  const { credentialsFrom } = require("../cloud/keystone") as typeof import("../cloud/keystone");
  const { Glance } = require("../cloud/glance") as typeof import("../cloud/glance");
  await (await Glance.connect(credentialsFrom(process.env))).check();
}

/** What signs the disks that Glance is to check the signature of; nothing where there are none. */
function signatures(jobs: readonly Job[]): (() => Promise<void>) | undefined {
  const disks = jobs.flatMap(({ specification: { output }, directory }) =>
    output?.signed ? [resolve(directory, output.path)] : [],
  );
  if (disks.length === 0) return undefined;
  const { diskSigningKey, signDisk } =
    require("../releases/trust/disk-signature") as typeof import("../releases/trust/disk-signature");
  const key = diskSigningKey(process.env);
  return async () => {
    for (const disk of disks) await signDisk(disk, key);
  };
}

/** Has all of them built, and says where the disks are. */
export function buildJobs(
  jobs: readonly Job[],
  options: BuildCommandOptions,
  environment: NodeJS.ProcessEnv,
): Promise<BuildReport[]> {
  const { parallel = 1 } = options;
  return parallel > 1 && jobs.length > 1
    ? buildAtOnce(jobs, parallel, options, environment)
    : buildInTurn(jobs, options, environment);
}

async function buildInTurn(
  jobs: readonly Job[],
  options: BuildCommandOptions,
  environment: NodeJS.ProcessEnv,
): Promise<BuildReport[]> {
  const reports: BuildReport[] = [];
  const built = new Set<string>();
  for (const [i, own] of jobs.entries()) {
    const job = withLater(own, jobs.slice(i + 1));
    // What two templates share is built anew once, or the first one would stand on what is gone.
    const rebuild = options.cache === false ? fingerprints(job.specification).filter((each) => !built.has(each)) : [];
    const flatten = flattenOptions(job.specification, options);
    const report = await superviseJob(job, options, environment, { rebuild, flatten });
    for (const fingerprint of rebuild) built.add(fingerprint);
    reports.push(report);
    if (!options.quiet) process.stderr.write(`${summary(report)}\n`);
    if (!options.json) process.stdout.write(`${report.output?.path ?? report.disk}\n`);
  }
  return reports;
}

async function buildAtOnce(
  jobs: readonly Job[],
  limit: number,
  options: BuildCommandOptions,
  environment: NodeJS.ProcessEnv,
): Promise<BuildReport[]> {
  const { pieces, ends } = cutIntoPieces(jobs, options.cache === false);
  const cache = new Cache(cacheFolder(options, environment));
  await cache.prepare();
  const memory = availableMemory();
  const commandLine = machineOptions(options);
  const need = ({ own, specification: { machine: code }, asked }: Piece) => {
    const sizes = own.map(({ machine: template }) => {
      const { builder, memoryMb } = resolveMachine({ commandLine, code, environment, template });
      return builder === "qemu" ? memoryMb : 0;
    });
    const flatGb = asked && (options.format || options.output) ? (own.at(-1)?.diskSizeGb ?? 0) : 0;
    return { memory: Math.max(...sizes) * 2 ** 20, disk: spaceFor(own, flatGb) };
  };
  // Each listens to signals, and to the end of who asked.
  process.setMaxListeners(process.getMaxListeners() + 2 * limit);
  const reports = await runPieces(pieces, {
    limit,
    need,
    room: (running) => {
      const sum = (what: "memory" | "disk") => running.reduce((total, piece) => total + need(piece)[what], 0);
      return { memory: memory - sum("memory"), disk: freeSpace(cache.root) - sum("disk") };
    },
    run: async (piece) => {
      const output = withName(piece.name, process.stderr);
      const below = piece.after ? fingerprints(piece.after.specification) : [];
      const rebuild =
        options.cache === false ? fingerprints(piece.specification).filter((each) => !below.includes(each)) : [];
      const flatten = piece.asked ? flattenOptions(piece.specification, options) : undefined;
      try {
        const job = piece.after ? piece : withLater(piece, jobs);
        return await superviseJob(job, options, environment, { rebuild, flatten, output });
      } finally {
        output.end();
      }
    },
    onMessage: ({ name }, text) => {
      for (const line of text.split("\n")) process.stderr.write(`[${name}] ${line}\n`);
    },
  });
  const all = reportsOf(ends, reports);
  for (const [i, report] of all.entries()) {
    if (!options.quiet) process.stderr.write(`[${ends[i]?.name}] ${summary(report)}\n`);
    if (!options.json) process.stdout.write(`${report.output?.path ?? report.disk}\n`);
  }
  return all;
}

/** Specifies templates, or reads what a synth specified. */
export function readJobs(
  templates: readonly string[],
  options: BuildCommandOptions,
  environment: NodeJS.ProcessEnv,
): Job[] {
  const jobs = options.specification
    ? [readSpecification(options.specification, templates, options)]
    : specifyTemplates(templates, options, environment);
  const lock = readLock(LOCK_FILE);
  for (const { specification } of jobs) {
    const what = `the template "${specification.layers.at(-1)?.name}"`;
    refuseRevoked(lock, { fingerprints: fingerprints(specification), what, lockFile: LOCK_FILE });
  }
  return jobs;
}

/** Builds what the cache does not have, in a worker that ends with whoever asked for it. */
export function superviseJob(
  { specification, directory }: Job,
  options: BuildCommandOptions,
  environment: NodeJS.ProcessEnv,
  more: {
    readonly rebuild?: readonly string[];
    readonly flatten?: FlattenOptions;
    readonly shell?: BuildRequest["shell"];
    readonly onReady?: SuperviseOptions["onReady"];
    /** Where it is shown, line by line. @default this process's stderr */
    readonly output?: NodeJS.WritableStream;
  },
): Promise<BuildReport> {
  const { stderr } = process;
  const { rebuild, flatten, output, shell, onReady } = more;
  const byCloud = isBuiltByCloud(specification, { commandLine: machineOptions(options), environment });
  // What a cloud has built, on another machine too, is there.
  const parentsFromGlance =
    cacheFrom(options, environment) || (byCloud && !specification.parentsFromGlance)
      ? { lockFile: resolve(LOCK_FILE) }
      : specification.parentsFromGlance;
  return supervise(
    {
      specification: { ...specification, parentsFromGlance },
      specificationDirectory: directory,
      shell,
      cache: cacheFolder(options, environment),
      options: {
        machine: machineOptions(options),
        flatten,
        rebuild,
        keepOnFailure: options.keepOnFailure,
      },
      progress: {
        terminal: stderr.isTTY === true && process.env.TERM !== "dumb" && !options.verbose && !output,
        columns: stderr.columns,
        color: stderr.isTTY === true && !process.env.NO_COLOR,
        verbose: options.verbose,
        quiet: options.quiet,
      },
    },
    {
      worker: [process.execPath, ...process.execArgv, process.argv[1] as string, "worker"],
      environment: {
        VISA_ROOT_PASSWORD: environment.VISA_ROOT_PASSWORD,
        VISA_ROOT_PASSWORD_FILE: environment.VISA_ROOT_PASSWORD_FILE,
      },
      output: output ?? stderr,
      onReady,
      ...(byCloud && { stopMs: CLOUD_STOP_MS }),
    },
  );
}

/** A specification says it already, with the path of its lock. */
function cacheFrom(options: BuildCommandOptions, environment: NodeJS.ProcessEnv): CacheSource | undefined {
  const source = options.specification ? undefined : environment.VISA_CACHE_FROM || undefined;
  if (source === undefined || source === "glance") return options.cacheFrom ?? source;
  throw new VisaImageError(`VISA_CACHE_FROM is "${source}"`, {
    fix: "set it to glance, or not at all",
    exitCode: ExitCode.USAGE,
  });
}

/** What the options say of the build machine. */
function machineOptions(options: BuildCommandOptions): MachineOptions {
  const machine: MachineOptions = {
    builder: options.builder,
    flavor: options.flavor,
    network: options.network,
    floatingIpPool: options.floatingIpPool,
    securityGroups: options.securityGroups,
    availabilityZone: options.availabilityZone,
    preset: options.preset,
    cpus: options.cpus,
    memoryMb: options.memory,
    accelerator: options.accelerator,
    cpuModel: options.cpuModel,
    nested: options.nested,
    // Without the option commander says true, which is nobody's word.
    checkpoints: options.checkpoints === false ? false : undefined,
    timeoutMinutes: options.timeout,
    headless: options.notHeadless ? false : undefined,
    ...(options.vnc !== undefined && readVnc(options.vnc, "--vnc")),
    proxy: options.httpProxy,
    noProxy: typeof options.proxy === "string" ? options.proxy : undefined,
    mirror: options.mirror,
    ca: options.buildCa && options.buildCa !== "host" ? resolve(options.buildCa) : options.buildCa,
  };
  checkMachine(machine, "the command line");
  return machine;
}

function cacheFolder(options: BuildCommandOptions, environment: NodeJS.ProcessEnv): string {
  return typeof options.cache === "string" ? resolve(options.cache) : cacheRoot(environment);
}

/** Of the base and of every layer. */
function fingerprints({ layers }: BuildSpecification): string[] {
  return layers.flatMap(({ base, parent, fingerprint }) => (base ? [parent, fingerprint] : [fingerprint]));
}

function specifyTemplates(
  templates: readonly string[],
  options: BuildCommandOptions,
  environment: NodeJS.ProcessEnv,
): Job[] {
  const { specify } = require("../specify/specify") as typeof import("../specify/specify");
  const { catalog, folder } = openCatalog(options);
  return mapAll(chooseTemplates(catalog, templates), (template) => ({
    specification: specify(specifyOptions(catalog, template, options, environment)),
    directory: folder,
  }));
}

function readSpecification(file: string, templates: readonly string[], options: BuildCommandOptions): Job {
  const given = [
    templates.length > 0 && "a template",
    options.catalog && "--catalog",
    options.variable.length > 0 && "--variable",
    options.pamPublic && "--pam-public",
    options.cacheBuster !== undefined && "--cache-buster",
  ].filter(Boolean);
  if (given.length > 0) {
    throw new VisaImageError(`--specification does not go with ${given.join(", ")}: it says what to build already`, {
      fix: "give one or the other",
      exitCode: ExitCode.USAGE,
    });
  }
  try {
    const specification = JSON.parse(readFileSync(file, "utf8")) as BuildSpecification;
    if (!Array.isArray(specification.layers)) throw new Error("it has no layers");
    return { specification, directory: dirname(resolve(file)) };
  } catch (cause) {
    throw new VisaImageError(`cannot read the specification "${file}": ${(cause as Error).message}`, {
      fix: "synthesize again",
      exitCode: ExitCode.USAGE,
      cause,
    });
  }
}

function flattenOptions(specification: BuildSpecification, options: BuildCommandOptions): FlattenOptions | undefined {
  if (!options.format && !options.output) return undefined;
  const format = options.format ?? specification.output?.format ?? "raw";
  const name = specification.layers.at(-1)?.name;
  return { format, copyTo: options.output && join(resolve(options.output), `${name}.${format}`) };
}

function summary(report: BuildReport): string {
  const names = (action: LayerReport["action"]) =>
    report.layers.filter((layer) => layer.action === action).map(({ name }) => name);
  const [built, downloaded] = [names("built"), names("downloaded")];
  const parts = [built.length > 0 ? `built ${built.join(", ")}` : "nothing to build"];
  if (downloaded.length > 0) parts.push(`downloaded ${downloaded.join(", ")}`);
  if (report.output) {
    const { format, bytesOnDisk, bytes, flattened } = report.output;
    parts.push(`${format} ${flattened ? "made" : "there"}: ${size(bytes)}, ${size(bytesOnDisk)} on disk`);
  }
  return `${parts.join("; ")}; ${duration(report.seconds * 1000)}, ${report.overheadSeconds.toFixed(1)} s of it our own`;
}
