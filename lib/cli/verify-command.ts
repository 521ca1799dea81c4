/** `visa-image verify`: has a disk made where it is not there, boots it, and says whether it keeps VISA's contract. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseBootBudget } from "../boot-budget";
import { machineFromEnvironment } from "../build-machine";
import { type ContractPart, contractParts, VERIFIER_VERSION, type VerifyProfile } from "../contract";
import { ExitCode, VisaImageError } from "../errors";
import { sha256, short } from "../fingerprint/digest";
import { ownerScript } from "../owner-script";
import { bootInUse } from "../releases/boot-in-use";
import { LOCK_FILE } from "../releases/release-lock";
import { readPage } from "../report/read-page";
import { PAGE_FILE, writePage } from "../report/write-page";
import { Cache, cacheRoot } from "../runner/cache/cache";
import { digestDisk } from "../runner/cache/disk-digest";
import { sha512Of } from "../runner/cache/disks";
import { cleanUpAfter, createScratch, removeScratch } from "../runner/cache/scratch";
import type { ImageRelease } from "../runner/guest/image-release";
import { chooseAccelerator } from "../runner/host/accelerator";
import { createMasker } from "../runner/output/masking";
import { identify } from "../runner/processes/processes";
import {
  type BuildSpecification,
  type DiskFormat,
  type Firmware,
  type LayerSpecification,
  type SpecifiedFile,
  WARNING_INPUT,
} from "../specification";
import type { BootStandard } from "../verify/boot-report";
import type { MetadataSource } from "../verify/checks/cloud-checks";
import type { OwnCheck } from "../verify/own-check";
import { judgedAnew, verify } from "../verify/verify";
import { contractTable, REPORT_FILE, reportLines, summary, type VerifyReport } from "../verify/verify-report";
import { type BuildCommandOptions, readJobs, superviseJob } from "./build-command";
import { environmentOf, warn } from "./inputs";
import { stoppable } from "./stoppable";

/** Options of the command, as commander reads them. */
export interface VerifyCommandOptions
  extends Pick<
    BuildCommandOptions,
    | "catalog"
    | "specification"
    | "variable"
    | "pamPublic"
    | "cacheBuster"
    | "format"
    | "accelerator"
    | "buildCa"
    | "cache"
    | "quiet"
  > {
  readonly bootCommand?: string;
  readonly disk?: string;
  readonly contract?: string;
  readonly firmware: Firmware;
  /** @default "full"; on a cloud "gate" */
  readonly profile?: VerifyProfile;
  readonly reports?: string;
  /** As {@link parseBootBudget} reads it. @default - none */
  readonly bootBudget?: string;
  /** The image of the lock whose release in use the boot is compared with. */
  readonly inUse?: string;
  readonly lockFile?: string;
  readonly all?: true;
  readonly markdown?: true;
  readonly json?: true;
  /** Name or id of a registered image, which a cloud boots. @default - a disk is booted here */
  readonly onCloud?: string;
  readonly flavor?: string;
  readonly network?: string;
  readonly securityGroup?: readonly string[];
  readonly source?: MetadataSource | "both";
  readonly floatingIpPool?: string;
  readonly from?: string;
}

/** A disk, and what is known of it. */
interface Artifact {
  readonly disk: string;
  readonly format: DiskFormat;
  readonly digest: string;
  readonly template: string;
  readonly fingerprint: string;
  readonly parts: readonly ContractPart[];
  readonly checks: readonly OwnCheck[];
  /** What its templates warn of. @default none */
  readonly warnings?: readonly string[];
  /** What the image has to say of itself, by its manifest. @default - nobody knows */
  readonly release?: ImageRelease;
}

/** Runs the command. @throws VisaImageError with exit code 1 where an assertion does not hold */
export async function runVerify(template: string | undefined, options: VerifyCommandOptions): Promise<void> {
  const { profile = "full" } = options;
  const standard = standardOf(options);
  const cache = new Cache(typeof options.cache === "string" ? resolve(options.cache) : cacheRoot());
  await cache.prepare();
  const artifact = options.disk ? await givenDisk(template, options) : await builtDisk(template, options, cache);
  const bootCommand = options.bootCommand ? readFileSync(options.bootCommand, "utf8") : ownerScript();
  const key = verificationKey(artifact, bootCommand, options.firmware);
  const reports = options.reports
    ? resolve(options.reports)
    : join(cache.reports, `${short(artifact.fingerprint)}-${key}-${profile}`);
  const before = profile === "gate" ? readReport(reports) : undefined;
  const say = (text: string) => {
    if (!options.quiet || text.startsWith("FAIL")) process.stderr.write(`[${artifact.template}] ${text}\n`);
  };
  let report: VerifyReport;
  const judged = before?.passed && before.digest === artifact.digest ? judgedAnew(before, standard) : undefined;
  if (judged?.passed) {
    say(`verified already, on ${judged.startedAt}`);
    report = await withChecksum(judged, artifact, reports);
  } else {
    // The kernel ends QEMU with this process; what it leaves in the cache is removed here, or by the next run.
    const cleanUp = async () => {
      const self = identify();
      if (self) await cleanUpAfter(cache, self);
    };
    report = await stoppable(cleanUp, async () => {
      const scratch = await createScratch(cache, short(artifact.fingerprint));
      // Whatever this process puts there goes with the scratch folder, also where it is killed.
      process.env.TMPDIR = scratch.temporary;
      try {
        const { name, reason } = await chooseAccelerator(
          options.accelerator ?? machineFromEnvironment(process.env).accelerator,
          scratch.path,
          cache.root,
        );
        say(`verifying with ${name === "kvm" ? "KVM" : "TCG, which is slow"} (${reason})`);
        const sha512 = sha512Of(artifact.disk, createMasker([]));
        // Looked at with the report; until then it is nobody's.
        sha512.catch(() => {});
        return await verify({
          ...artifact,
          sha512,
          profile,
          bootCommand,
          accelerator: name,
          firmware: options.firmware,
          standard,
          scratch: scratch.path,
          reports,
          onMessage: say,
        });
      } finally {
        await removeScratch(scratch);
      }
    });
  }
  const fix = "correct the template, and build again; what is wrong is not registered";
  await tellReport(report, { reports, cache, options, say, fix });
}

/** What {@link tellReport} is told. */
interface TellOptions {
  /** The folder of the evidence. */
  readonly reports: string;
  readonly cache: Cache;
  readonly options: Pick<VerifyCommandOptions, "json" | "markdown" | "quiet" | "all">;
  readonly say: (text: string) => void;
  /** What a person does about a failure, once they have seen the evidence. */
  readonly fix: string;
}

/** Prints a report, and writes its page. @throws VisaImageError where it did not pass */
export async function tellReport(
  report: VerifyReport,
  { reports, cache, options, say, fix }: TellOptions,
): Promise<void> {
  await writeReportPage(report, reports, cache, say);
  if (options.json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  else if (options.markdown) process.stdout.write(contractTable(report));
  else if (!options.quiet || !report.passed) process.stdout.write(`${reportLines(report, options.all)}\n`);
  if (report.passed) return;
  throw new VisaImageError(`the image does not keep VISA's contract: ${summary(report)}`, {
    fix: `see the evidence in ${reports}; ${fix}`,
  });
}

/** For a person to look at, among the evidence. The verdict does not depend on it: where it fails, that is said. */
async function writeReportPage(
  report: VerifyReport,
  folder: string,
  cache: Cache,
  say: (text: string) => void,
): Promise<void> {
  const { template, fingerprint } = report;
  try {
    const page = await readPage({ cache, fingerprint, template, verified: { report, folder } });
    say(`to look at: ${writePage(page, join(folder, PAGE_FILE))}`);
  } catch (error) {
    warn(`${PAGE_FILE} could not be written: ${(error as Error).message}`);
  }
}

async function builtDisk(template: string | undefined, options: VerifyCommandOptions, cache: Cache): Promise<Artifact> {
  if (!template && !options.specification) {
    throw new VisaImageError("what to verify is missing", {
      fix: "visa-image verify <template>, or --disk <file>",
      exitCode: ExitCode.USAGE,
    });
  }
  const environment = environmentOf(options);
  const [job] = readJobs(template ? [template] : [], options, environment);
  if (!job) throw new VisaImageError(`there is nothing to verify in "${template}"`);
  const layer = job.specification.layers.at(-1) as LayerSpecification;
  const format = job.specification.output?.format ?? options.format ?? "raw";
  const { output } = await superviseJob(job, options, environment, { flatten: { format } });
  if (!output) throw new VisaImageError(`there is no disk of "${layer.name}"`);
  const manifest = await cache.manifest(layer.fingerprint);
  return {
    ...(typeof manifest === "object" && { release: manifest.release }),
    ...{ disk: output.path, format, digest: output.digest },
    ...{ template: layer.name, fingerprint: layer.fingerprint, parts: layer.contract },
    checks: readChecks(job.specification, job.directory),
    warnings: job.specification.layers.flatMap(({ name, inputs }) =>
      inputs[WARNING_INPUT] ? [`"${name}": ${inputs[WARNING_INPUT]}`] : [],
    ),
  };
}

async function givenDisk(template: string | undefined, options: VerifyCommandOptions): Promise<Artifact> {
  const { disk = "", contract = "boot desktop login hygiene" } = options;
  if (template || options.specification) {
    throw new VisaImageError("--disk does not go with a template or a specification", {
      fix: "give one of them",
      exitCode: ExitCode.USAGE,
    });
  }
  if (!existsSync(disk)) throw new VisaImageError(`there is no disk "${disk}"`, { exitCode: ExitCode.USAGE });
  const parts = contractParts(contract.split(/[\s,]+/).filter(Boolean));
  const digest = await digestDisk(disk);
  const format = options.format ?? (disk.endsWith(".qcow2") ? "qcow2" : "raw");
  return {
    disk: resolve(disk),
    format,
    digest,
    template: basename(disk),
    fingerprint: digest,
    parts,
    checks: [],
  };
}

/** The checks of all layers: what holds for a parent holds for its child. */
export function readChecks(specification: BuildSpecification, directory: string): OwnCheck[] {
  return specification.layers.flatMap((layer) => layer.checks.map((file) => readCheck(layer.name, file, directory)));
}

function readCheck(template: string, file: SpecifiedFile, directory: string): OwnCheck {
  const path = resolve(directory, file.source);
  const script = readFileSync(path);
  if (sha256(script) !== file.sha256) {
    throw new VisaImageError(`the check "${path}" changed since the plan`, {
      fix: "plan again",
      exitCode: ExitCode.CHANGED,
    });
  }
  return { name: `${template}: ${basename(path)}`, script: script.toString("utf8") };
}

/** @throws VisaImageError where one of the budget and the image that it is about is there without the other */
function standardOf({ bootBudget, inUse, lockFile = LOCK_FILE }: VerifyCommandOptions): BootStandard | undefined {
  if (bootBudget === undefined && inUse === undefined) return undefined;
  if (bootBudget === undefined || inUse === undefined) {
    throw new VisaImageError("--boot-budget and --in-use go together", {
      fix: "--boot-budget owner=0.25 --in-use <stack>/<id>, as `npx visa-image lock show` names it",
      exitCode: ExitCode.USAGE,
    });
  }
  return { budget: parseBootBudget(bootBudget), inUse: bootInUse(resolve(lockFile), inUse) };
}

/** Changes with whatever the verdict depends on, but for the profile, and the budget of the boot: {@link judgedAnew}. */
function verificationKey(artifact: Artifact, bootCommand: string, firmware: Firmware): string {
  const { digest, format, parts, checks } = artifact;
  const inputs = JSON.stringify([VERIFIER_VERSION, digest, format, parts, checks, bootCommand, firmware]);
  return short(sha256(inputs));
}

/** A report of an earlier version gets what the registration compares. */
async function withChecksum(report: VerifyReport, { disk }: Artifact, reports: string): Promise<VerifyReport> {
  if (report.sha512) return report;
  const whole = { ...report, sha512: await sha512Of(disk, createMasker([])) };
  writeFileSync(join(reports, REPORT_FILE), `${JSON.stringify(whole, undefined, 2)}\n`);
  return whole;
}

function readReport(folder: string): VerifyReport | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, REPORT_FILE), "utf8")) as VerifyReport;
  } catch {
    return undefined;
  }
}
