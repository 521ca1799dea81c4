/** What every part of a build is given, and what follows from it. Nothing in it changes while the build runs. */
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Machine, resolveMachine } from "../build-machine";
import { ExitCode, VisaImageError } from "../errors";
import {
  type BuildSpecification,
  type DiskFormat,
  type InstallerBase,
  type LayerSpecification,
  type MachineOptions,
  type OutputSpecification,
  SPECIFICATION_VERSION,
} from "../specification";
import { type ArtifactManifest, Cache, cacheRoot } from "./cache/cache";
import { hostDebianMirror } from "./host/mirror";
import type { OpenLayerSource } from "./layer-source";
import type { Progress } from "./output/progress";

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

/** One thing that the cache may hold: the base, or a layer. */
export interface Item {
  readonly name: string;
  readonly fingerprint: string;
  /** Left out for the base. */
  readonly layer?: LayerSpecification;
}

/** The flattened disk that a build is to make; without a path it is for a person. */
export type Output = Omit<OutputSpecification, "path"> & { readonly path?: string };

/** One build. */
export interface BuildContext {
  readonly specification: BuildSpecification;
  /** What relative paths in the specification are relative to. */
  readonly directory: string;
  readonly options: BuildOptions;
  readonly environment: NodeJS.ProcessEnv;
  readonly progress: Progress;
  readonly cache: Cache;
  /** From the base to the layer that is asked for. */
  readonly items: readonly Item[];
  readonly output?: Output;
}

/** @throws VisaImageError for a specification that this runner cannot build */
export function createContext(
  specification: BuildSpecification,
  directory: string,
  options: BuildOptions,
): BuildContext {
  checkSpecification(specification);
  const { environment = process.env, progress, flatten } = options;
  const [first] = specification.layers;
  const { path, minDiskGb = Number.POSITIVE_INFINITY } = specification.output ?? {};
  return {
    specification,
    directory,
    options,
    environment,
    progress,
    cache: new Cache(options.cache ?? cacheRoot(environment)),
    items: [
      ...(first?.base ? [{ name: "base", fingerprint: first.parent }] : []),
      ...specification.layers.map((layer) => ({ name: layer.name, fingerprint: layer.fingerprint, layer })),
    ],
    output: flatten ? { path, format: flatten.format, minDiskGb } : specification.output,
  };
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

/** The installer of a specification whose base is made by one. */
export function installerOf({ specification }: BuildContext): InstallerBase | undefined {
  const base = specification.layers[0]?.base;
  return base?.kind === "installer" ? base : undefined;
}

/** An installation as the layer that it is to Packer. */
export function installationOf(
  { specification }: BuildContext,
  { configuration, files, secrets }: InstallerBase,
): LayerSpecification {
  const [first] = specification.layers as [LayerSpecification];
  return { ...first, name: "base", configuration, files, secrets };
}

/** The settings of a layer's build machine. @throws VisaImageError for what the environment says and cannot be used */
export function machineOf(
  { specification, directory, options, environment }: BuildContext,
  { machine: template }: LayerSpecification,
): Machine {
  // What synth has written is relative to its own file.
  const located = (machine: MachineOptions): MachineOptions =>
    machine.ca && machine.ca !== "host" ? { ...machine, ca: resolve(directory, machine.ca) } : machine;
  return resolveMachine({
    commandLine: options.machine,
    code: located(specification.machine ?? {}),
    environment,
    template: located(template),
  });
}

/** Why a layer that the cache has is not wanted; nothing where it is: it was built in two, and is to be in one run. */
export function reasonAgainst(context: BuildContext, { fingerprint, resumedAt }: ArtifactManifest): string | undefined {
  const layer = context.items.find((item) => item.fingerprint === fingerprint)?.layer;
  if (!layer || !resumedAt || machineOf(context, layer).checkpoints) return undefined;
  return `its build started at checkpoint ${resumedAt.step}, and one run is asked for`;
}

/** Whether a layer is built by a cloud's Nova, and not by QEMU on this machine. */
export function isByCloud(context: BuildContext, layer: LayerSpecification): boolean {
  return machineOf(context, layer).builder === "openstack";
}

/** The proxies of all build machines, which may hold a password. */
export function proxiesOf(context: BuildContext): string[] {
  return context.specification.layers.map((layer) => machineOf(context, layer).proxy);
}

/** The Debian mirror of a build machine; empty for none. */
export function mirrorOf({ mirror }: Machine): string {
  return mirror ?? hostDebianMirror() ?? "";
}

/** Where the certificates are that an administrator of this host added. */
const HOST_CA_FOLDER = "/usr/local/share/ca-certificates";

/** What a guest trusts during its build, as PEM; empty for nothing. @throws VisaImageError for a file that is not there */
export async function certificatesOf({ ca: wish }: Machine): Promise<string> {
  if (!wish) return "";
  if (wish !== "host") {
    return readFile(wish, "utf8").catch((cause) => {
      throw new VisaImageError(`cannot read the certificates "${wish}": ${cause.message}`, {
        fix: 'let --build-ca or VISA_BUILD_CA name a PEM file, or "host"',
        exitCode: ExitCode.USAGE,
      });
    });
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
