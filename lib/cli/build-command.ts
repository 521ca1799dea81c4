/** `visa-image build`: specifies a template, or reads what a synth specified, and has it built under supervision. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { FlattenOptions } from "../build/build";
import { cacheRoot } from "../build/cache";
import { duration, size } from "../build/progress";
import type { BuildReport } from "../build/report";
import { supervise } from "../build/supervisor";
import { ExitCode, VisaImageError } from "../errors";
import type { BuildSpecification, DiskFormat } from "../specification";

/** Options of the command, as commander reads them. */
export interface BuildCommandOptions {
  readonly catalog?: string;
  readonly specification?: string;
  readonly variable: readonly string[];
  readonly pamPublic?: string;
  readonly rootPasswordFile?: string;
  readonly refresh?: string;
  readonly format?: DiskFormat;
  readonly output?: string;
  readonly cpus?: number;
  readonly memory?: number;
  readonly accelerator?: "auto" | "kvm" | "tcg";
  readonly notHeadless?: true;
  readonly buildCa?: string;
  readonly mirror?: string;
  readonly cache?: string;
  readonly verbose?: true;
  readonly quiet?: true;
}

/** Runs the command. */
export async function runBuild(template: string | undefined, options: BuildCommandOptions): Promise<void> {
  const work = readWork(template, options);
  const report = await runSupervised(work, options, flattenOptions(work.specification, options));
  if (!options.quiet) process.stderr.write(`${summary(report)}\n`);
  process.stdout.write(`${report.output?.path ?? report.disk}\n`);
}

/** What is to be built, and with which secrets. */
export interface Work {
  readonly specification: BuildSpecification;
  /** What its relative paths start from. */
  readonly directory: string;
  /** The process environment, with what the options say of secrets. */
  readonly environment: NodeJS.ProcessEnv;
}

/** Specifies a template, or reads what a synth specified. */
export function readWork(template: string | undefined, options: BuildCommandOptions): Work {
  const environment = { ...process.env };
  if (options.rootPasswordFile) {
    // The file that was named here wins over a password that the shell happens to have.
    environment.VISA_ROOT_PASSWORD_FILE = resolve(options.rootPasswordFile);
    delete environment.VISA_ROOT_PASSWORD;
  }
  const work = options.specification
    ? readSpecification(options.specification, template, options)
    : specifyTemplate(template, options, environment);
  return { ...work, environment };
}

/** Builds what the cache does not have, in a worker that ends with whoever asked for it. */
export async function runSupervised(
  { specification, directory, environment }: Work,
  options: BuildCommandOptions,
  flatten: FlattenOptions | undefined,
): Promise<BuildReport> {
  const { stderr } = process;
  return supervise(
    {
      specification,
      specificationDirectory: directory,
      cache: options.cache ? resolve(options.cache) : cacheRoot(environment),
      options: {
        cpus: options.cpus,
        memoryMb: options.memory,
        accelerator: options.accelerator,
        headless: options.notHeadless ? false : undefined,
        mirror: options.mirror,
        ca: options.buildCa && options.buildCa !== "host" ? resolve(options.buildCa) : options.buildCa,
        flatten,
      },
      progress: {
        terminal: stderr.isTTY === true && process.env.TERM !== "dumb" && !options.verbose,
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
      output: stderr,
    },
  );
}

function readSpecification(file: string, template: string | undefined, options: BuildCommandOptions) {
  const given = [
    template && "a template",
    options.catalog && "--catalog",
    options.variable.length > 0 && "--variable",
    options.pamPublic && "--pam-public",
    options.refresh !== undefined && "--refresh",
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

function specifyTemplate(template: string | undefined, options: BuildCommandOptions, environment: NodeJS.ProcessEnv) {
  const variables = readVariables(options.variable, template ?? "");
  const { specify } = require("../specify") as typeof import("../specify");
  const { Catalog } = require("../template/catalog") as typeof import("../template/catalog");
  const folder = options.catalog ?? (existsSync("config.yml") ? "." : undefined);
  const catalog = folder === undefined ? Catalog.shipped() : Catalog.fromDirectory(folder);
  if (!template) {
    throw new VisaImageError("the template to build is missing", {
      fix: `visa-image build <template>; there are: ${catalog.names().join(", ")}`,
      exitCode: ExitCode.USAGE,
    });
  }
  const specification = specify({
    catalog,
    template,
    variables,
    refresh: options.refresh,
    pamPublicKeyFile: options.pamPublic ?? environment.VISA_PAM_PUBLIC_KEY,
    environment,
    onWarning: (message) => process.stderr.write(`warning: ${message}\n`),
  });
  return { specification, directory: resolve(folder ?? ".") };
}

/** `name=value` and `template.name=value`. */
export function readVariables(texts: readonly string[], template: string): Record<string, Record<string, string>> {
  const variables: Record<string, Record<string, string>> = {};
  for (const text of texts) {
    const match = /^(?:([^.=]+)\.)?([^.=]+)=([\s\S]*)$/.exec(text);
    if (!match) {
      throw new VisaImageError(`"${text}" is no variable`, {
        fix: "--variable name=value, or --variable template.name=value",
        exitCode: ExitCode.USAGE,
      });
    }
    const [, owner = template, name = "", value = ""] = match;
    variables[owner] = { ...variables[owner], [name]: value };
  }
  return variables;
}

function flattenOptions(specification: BuildSpecification, options: BuildCommandOptions): FlattenOptions | undefined {
  if (!options.format && !options.output) return undefined;
  const format = options.format ?? specification.output?.format ?? "raw";
  const name = specification.layers.at(-1)?.name;
  return { format, copyTo: options.output && join(resolve(options.output), `${name}.${format}`) };
}

function summary(report: BuildReport): string {
  const built = report.layers.filter(({ action }) => action === "built").map(({ name }) => name);
  const parts = [built.length > 0 ? `built ${built.join(", ")}` : "nothing to build"];
  if (report.output) {
    const { format, bytesOnDisk, bytes, flattened } = report.output;
    parts.push(`${format} ${flattened ? "made" : "there"}: ${size(bytes)}, ${size(bytesOnDisk)} on disk`);
  }
  return `${parts.join("; ")}; ${duration(report.seconds * 1000)}, ${report.overheadSeconds.toFixed(1)} s of it our own`;
}
