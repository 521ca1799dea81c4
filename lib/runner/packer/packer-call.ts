/** What every call of Packer for a layer is given: its configuration, variables and environment. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Machine } from "../../build-machine";
import type { LayerSpecification } from "../../specification";
import { HASH_SUFFIX } from "../../template/marks";
import type { Scratch } from "../cache/scratch";
import type { GuestAccess } from "../guest/guest-access";
import { type Accelerator, cpuArgument } from "../host/accelerator";
import { asSeenFromGuest } from "../host/mirror";
import { VNC_ADDRESS } from "../host/requirements";
import type { Masker } from "../output/masking";
import { pickVariables, toolEnvironment } from "../processes/tool-environment";
import { runToolOrFail } from "../processes/tools";
import { cloudVariables, writeCloudFiles } from "./cloud-variables";
import { writeQemuProgram } from "./qemu-words";
import { type CheckpointStops, runConfiguration } from "./run-configuration";
import type { ServerSource } from "./server-source";

/** The configuration that Packer reads, in the folder that it runs in. */
export const CONFIGURATION_FILE = "build.pkr.json";

/** What a call depends on. */
export interface PackerCall {
  readonly layer: LayerSpecification;
  /** How Packer gets into the guest; left out for an installation. */
  readonly access?: GuestAccess;
  readonly machine: Machine;
  readonly accelerator: Accelerator["name"] | undefined;
  /** The server of a cloud that it runs in. @default - QEMU on this machine */
  readonly server?: ServerSource;
  /** Where it stops for checkpoints. @default - nowhere */
  readonly checkpoints?: CheckpointStops;
  /** Debian mirror; empty for none. */
  readonly mirror: string;
  /** How long an installer may take, as Packer writes times. */
  readonly installerTimeout?: string;
  /** Values of the layer's secrets. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Packer's version. */
  readonly version: string;
  /** Where Packer keeps its locks and plugins. */
  readonly packerCache: string;
  readonly scratch: Scratch;
  readonly masker: Masker;
  /** The runner's environment. */
  readonly environment: NodeJS.ProcessEnv;
}

/** Writes the configuration as it is run, and what it starts. @param relayAddress where the relay to the guest's SSH will be */
export async function writeConfiguration(call: PackerCall, relayAddress: string, folder: string): Promise<void> {
  const { layer, access, accelerator, machine, server, checkpoints, version: packerVersion } = call;
  const settings = { access, accelerator, machine, relayAddress, packerVersion, server, checkpoints };
  const configuration = runConfiguration(layer.configuration, settings);
  await writeFile(join(folder, CONFIGURATION_FILE), JSON.stringify(configuration, null, 2));
  if (server) await writeCloudFiles(call.environment, call.scratch.temporary);
  else await writeQemuProgram(folder);
}

/** Installs the plugins that a configuration needs: for Packer 1.7 and later. @throws VisaImageError where that fails */
export async function installPlugins(
  call: PackerCall,
  directory: string,
  onLine: (line: string) => void,
): Promise<void> {
  const { masker } = call;
  const environment = { ...toolEnvironment(call.environment, true), ...callEnvironment(call) };
  const options = { environment, directory, masker, deathSignal: "TERM" as const, onLine };
  await runToolOrFail("packer", ["init", CONFIGURATION_FILE], options);
}

/** The values of variables that everyone may read. */
export function callVariables(call: PackerCall): string[] {
  const { layer, machine, accelerator, installerTimeout } = call;
  const mirror = seenBy(call, call.mirror);
  const values: Record<string, string | number | boolean | undefined> = {
    cpus: machine.cpus,
    memory: machine.memoryMb,
    headless: machine.headless,
    accelerator,
    cpu_model: cpuArgument(accelerator ?? "tcg", machine),
    vnc_bind_address: machine.vncAddress ?? VNC_ADDRESS,
    mirror,
    installer_timeout: installerTimeout,
  };
  return Object.entries(values)
    .filter(([name, value]) => value !== undefined && declares(layer, name))
    .flatMap(([name, value]) => ["-var", `${name}=${value}`]);
}

/**
 * What Packer and the tools that it starts see: little, so that a build does not depend on whose shell started it.
 * Secrets, and proxies that may hold a password, come this way: a command line can be read by everyone.
 */
export function callEnvironment(call: PackerCall): NodeJS.ProcessEnv {
  const { environment: own, layer, machine, scratch, packerCache, secrets } = call;
  const inherited = ["PATH", "LANG", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "VISA_IMAGE_RUN"];
  const environment: NodeJS.ProcessEnv = {
    ...pickVariables(inherited, own),
    ...(call.server && cloudVariables(own, scratch.temporary)),
    HOME: scratch.temporary,
    TMPDIR: scratch.temporary,
    PACKER_CONFIG_DIR: scratch.temporary,
    PACKER_CACHE_DIR: packerCache,
    // Plugins that `packer init` installs are kept for the next build.
    PACKER_PLUGIN_PATH: own.PACKER_PLUGIN_PATH ?? join(packerCache, "plugins"),
    CHECKPOINT_DISABLE: "1",
    PKR_VAR_proxy: seenBy(call, machine.proxy),
    PKR_VAR_no_proxy: machine.noProxy,
  };
  for (const name of layer.secrets.flatMap((secret) => [secret.name, secret.name + HASH_SUFFIX])) {
    if (declares(layer, name)) environment[`PKR_VAR_${name}`] = secrets.get(name) ?? "";
  }
  return environment;
}

/** An address as the guest reaches it: a cloud's server reaches nothing of this machine's loopback, and goes without. */
function seenBy({ server }: PackerCall, url: string): string {
  const seen = asSeenFromGuest(url);
  return server && seen !== url ? "" : seen;
}

function declares(layer: LayerSpecification, name: string): boolean {
  const blocks = layer.configuration.variable;
  return (Array.isArray(blocks) ? blocks : [blocks]).some((block) => Object.hasOwn((block as object) ?? {}, name));
}
