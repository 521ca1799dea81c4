/**
 * A rendered Packer configuration as it is run. What is put in here depends on the machine that builds, the version of
 * Packer and the way into the guest: fingerprints know none of it. In the image it leaves one file, which says when and
 * from which commit it was built (guest/image-release.ts).
 */
import type { Machine } from "../../build-machine";
import { GUEST_SCRIPTS } from "../../packer/guest-scripts";
import { CHECKPOINT_SCRIPTS } from "../checkpoints/scripts";
import { stepsOf, withSteps } from "../checkpoints/steps";
import { CREDENTIALS, type GuestAccess } from "../guest/guest-access";
import { REPORT_SCRIPT } from "../guest/guest-report";
import type { Accelerator } from "../host/accelerator";
import { VNC_ADDRESS } from "../host/requirements";
import { QEMU_PROGRAM } from "./qemu-words";
import { type ServerSource, serverSource } from "./server-source";

/** A Unix socket in the scratch folder, at which QEMU's monitor answers. */
export const MONITOR_SOCKET = "monitor";

/** A configuration in HCL2's JSON. */
export type Configuration = Readonly<Record<string, unknown>>;

/** What a run depends on. */
export interface RunSettings {
  /** How a layer's build gets into its guest; left out for an installation, which nobody gets into. */
  readonly access?: GuestAccess;
  readonly accelerator: Accelerator["name"] | undefined;
  readonly machine: Pick<Machine, "headless" | "vncAddress" | "vncPort">;
  /** Where the relay to the guest's SSH will be. */
  readonly relayAddress: string;
  /** Packer's version; an empty one is taken for a new one. */
  readonly packerVersion: string;
  /** The server of a cloud that it runs in. @default - QEMU on this machine */
  readonly server?: ServerSource;
  /** Where it stops for checkpoints. @default - nowhere */
  readonly checkpoints?: CheckpointStops;
}

/** After which of a template's steps a run stops for a checkpoint. */
export interface CheckpointStops {
  /** How many of the template's steps the configuration lacks, since they are done. */
  readonly done: number;
  /** Counted from 1, with those that are done. */
  readonly after: readonly number[];
}

/** A change of a configuration; it returns the one that it was given where it does not apply. */
type Change = (configuration: Configuration, settings: RunSettings) => Configuration;

/** The changes, in the order in which they are made: those of the provisioners first, then QEMU's arguments. */
const CHANGES: readonly Change[] = [
  withCheckpoints,
  withGuestReport,
  withFoldersToCopyInto,
  withAccess,
  withFixedAddresses,
  withoutDefaultDevices,
  withScreen,
  withQemuProgram,
  withMonitor,
  withRelay,
  withRequiredPlugins,
];

/** Those where the guest is a cloud's server: of its machine nothing is ours to say. */
const CHANGES_FOR_SERVER: readonly Change[] = [withGuestReport, withFoldersToCopyInto, withServer, withRequiredPlugins];

/** The configuration that Packer is given. @param rendered that of a layer or an installation, which is not changed */
export function runConfiguration(rendered: Configuration, settings: RunSettings): Configuration {
  const changes = settings.server ? CHANGES_FOR_SERVER : CHANGES;
  return changes.reduce((configuration, change) => change(configuration, settings), rendered);
}

/** Whether it is 1.7 or later. */
export function isModern(packerVersion: string): boolean {
  return !/^1\.[0-6]\./.test(`${packerVersion}.`);
}

/**
 * After a step two more: in the guest, which writes to its disk what it has in memory, and on this machine, where Packer
 * waits until the disk is frozen (checkpoints/layer-checkpoints.ts).
 */
function withCheckpoints(configuration: Configuration, { checkpoints }: RunSettings): Configuration {
  if (!checkpoints) return configuration;
  const { done, after } = checkpoints;
  const steps = stepsOf(configuration);
  const own = steps.own.flatMap((step, i) => {
    const number = done + i + 1;
    if (!after.includes(number)) return [step];
    const environment_vars = [`VISA_CHECKPOINT=${number}`];
    return [
      step,
      { shell: { script: CHECKPOINT_SCRIPTS.guest, environment_vars } },
      { "shell-local": { script: CHECKPOINT_SCRIPTS.wait, environment_vars } },
    ];
  });
  return withSteps(configuration, { ...steps, own });
}

/** A step in which the guest is told what it is, and says what is in it: before the seal, where there is one, else at the end. */
function withGuestReport(configuration: Configuration, { access }: RunSettings): Configuration {
  if (!access) return configuration;
  const builds = (configuration.build ?? []) as readonly { provisioner?: readonly Record<string, unknown>[] }[];
  return {
    ...configuration,
    build: builds.map((build) => {
      const own = build.provisioner ?? [];
      const { script } = (own.at(-1)?.shell ?? {}) as { script?: unknown };
      const end = script === GUEST_SCRIPTS.seal ? own.length - 1 : own.length;
      const step = { shell: { script: REPORT_SCRIPT } };
      return { ...build, provisioner: [...own.slice(0, end), step, ...own.slice(end)] };
    }),
  };
}

/**
 * A folder's content goes into a folder that is there, as Packer has it. Without this scp makes a file of each in turn,
 * under the folder's own name, where it is not there: the last one stays, and nobody is told.
 */
function withFoldersToCopyInto(configuration: Configuration): Configuration {
  const builds = (configuration.build ?? []) as readonly { provisioner?: readonly Record<string, unknown>[] }[];
  const change = (step: Record<string, unknown>): Record<string, unknown> => {
    const { source, sources, destination } = (step.file ?? {}) as Record<string, unknown>;
    const names = [source ?? [], sources ?? []].flat() as unknown[];
    if (names.length === 0 || !names.every((name) => String(name).endsWith("/"))) return step;
    return { file: { ...(step.file as object), destination: `${String(destination).replace(/\/+$/, "")}/.` } };
  };
  return {
    ...configuration,
    build: builds.map((build) =>
      build.provisioner ? { ...build, provisioner: build.provisioner.map(change) } : build,
    ),
  };
}

/** Credentials in the place of the config drive, which a rendered layer has. */
function withAccess(configuration: Configuration, { access }: RunSettings): Configuration {
  if (access !== "credentials") return configuration;
  const added = CREDENTIALS.map((name) => systemdCredential(name, `file=credentials/${name}`));
  return withArguments(configuration, added, { cd_files: undefined, cd_label: undefined });
}

/**
 * A guest that starts each program at the same addresses, where no KVM runs it: TCG translates a program anew for each
 * address that it starts at, which is most of what a process costs. systemd 251 and later take it, for the time of this
 * boot.
 */
function withFixedAddresses(configuration: Configuration, { accelerator }: RunSettings): Configuration {
  if (accelerator === "kvm") return configuration;
  return withArguments(configuration, [systemdCredential("sysctl.extra", "string=kernel.randomize_va_space=0")]);
}

const SCREENS = /vga|qxl|cirrus|bochs-display|virtio-gpu|ramfb/i;

/**
 * None of the devices that QEMU adds by itself (drives for CDs and floppies, a parallel port), which no cloud's machine
 * has and Linux looks into as it boots. The screen stays.
 */
function withoutDefaultDevices(configuration: Configuration): Configuration {
  return mapSources(configuration, (source) => {
    const own = source.qemuargs ?? [];
    const hasScreen = own.some(([name, value = ""]) => name === "-vga" || (name === "-device" && SCREENS.test(value)));
    return { ...source, qemuargs: [...own, ["-nodefaults"], ...(hasScreen ? [] : [["-vga", "std"]])] };
  });
}

/**
 * VNC where somebody needs it, with a password of Packer's making: Packer itself, to type a boot command, or a person who
 * has said where. Elsewhere none: every user of this machine reaches a port of loopback.
 */
function withScreen(configuration: Configuration, { machine }: RunSettings): Configuration {
  const { headless, vncAddress, vncPort } = machine;
  return mapSources(configuration, (source) => {
    const own = source.qemuargs ?? [];
    if (vncAddress === undefined && vncPort === undefined && !source.boot_command?.length) {
      // Packer 1.6.6 has QEMU open it even where it is disabled, unless the arguments say otherwise.
      const none = [["-vnc", "none"], ...(headless ? [["-display", "none"]] : [])];
      return { ...source, disable_vnc: true, qemuargs: [...own, ...none] };
    }
    const password = { vnc_use_password: true, qmp_enable: true };
    if (vncPort === undefined) return { ...source, ...password };
    // Packer 1.6.6 has QEMU listen at 5900 and what the port is above the least one, and looks for it at the port itself.
    const argument = ["-vnc", `${vncAddress ?? VNC_ADDRESS}:${vncPort - 5900},password=on`];
    return { ...source, ...password, qemuargs: [...own, argument], vnc_port_min: vncPort, vnc_port_max: vncPort };
  });
}

/** QEMU by a program that keeps what it says. */
function withQemuProgram(configuration: Configuration): Configuration {
  return mapSources(configuration, (source) => ({ ...source, qemu_binary: `./${QEMU_PROGRAM}` }));
}

/** QEMU's monitor, which says how the guest ended. */
function withMonitor(configuration: Configuration): Configuration {
  return withArguments(configuration, [
    ["-chardev", `socket,id=visa-monitor,path=${MONITOR_SOCKET},server=on,wait=off`],
    ["-mon", "chardev=visa-monitor,mode=control"],
  ]);
}

/** All but the port of the forward that Packer goes by. */
const FORWARD = /hostfwd=tcp:[^:,]*:(?=\{\{\s*\.SSHHostPort\s*\}\}-)/;

/** Packer goes by the relay, and QEMU forwards the same port on 127.0.0.1 alone, whatever the template has. */
function withRelay(configuration: Configuration, { relayAddress }: RunSettings): Configuration {
  return mapSources(configuration, (source) => {
    if (source.communicator !== "ssh") return source;
    const qemuargs = source.qemuargs?.map((each) =>
      each.map((text) => text.replace(FORWARD, "hostfwd=tcp:127.0.0.1:")),
    );
    return { ...source, qemuargs, ssh_host: relayAddress };
  });
}

/** The builder for OpenStack in the place of QEMU's: the same steps, with the same way in. */
function withServer(configuration: Configuration, { server }: RunSettings): Configuration {
  if (!server) return configuration;
  const { qemu } = configuration.source as { qemu: Record<string, Readonly<Record<string, unknown>>> };
  const sources = Object.entries(qemu).map(([name, source]) => [name, serverSource(source, server)]);
  const builds = (configuration.build ?? []) as readonly { sources: readonly string[] }[];
  return {
    ...configuration,
    source: { openstack: Object.fromEntries(sources) },
    build: builds.map((build) => ({
      ...build,
      sources: build.sources.map((name) => name.replace(/^source\.qemu\./, "source.openstack.")),
    })),
  };
}

/** The plugins that Packer 1.7 and later must be told of; from 1.10 on none comes with it. */
const PLUGINS: Readonly<Record<string, { source: string; version: string }>> = {
  qemu: { source: "github.com/hashicorp/qemu", version: ">= 1.0.0" },
  openstack: { source: "github.com/hashicorp/openstack", version: ">= 1.0.0" },
  ansible: { source: "github.com/hashicorp/ansible", version: ">= 1.0.0" },
};

/** The plugins that `packer init` installs. Packer 1.6 refuses the block. */
function withRequiredPlugins(configuration: Configuration, { packerVersion, server }: RunSettings): Configuration {
  if (!isModern(packerVersion)) return configuration;
  const [build] = (configuration.build ?? []) as { provisioner?: Record<string, unknown>[] }[];
  const ansible = build?.provisioner?.some((provisioner) => Object.hasOwn(provisioner, "ansible-local"));
  const { qemu, openstack, ansible: ansiblePlugin } = PLUGINS;
  const builder = server ? { openstack } : { qemu };
  return { packer: { required_plugins: { ...builder, ...(ansible && { ansible: ansiblePlugin }) } }, ...configuration };
}

/** QEMU's arguments that hand a credential to the guest's systemd. @param content `string=…`, or `file=…` with its path */
function systemdCredential(name: string, content: string): [string, string] {
  return ["-fw_cfg", `name=opt/io.systemd.credentials/${name},${content}`];
}

/** A configuration with arguments of QEMU and settings of its builder added; one that is undefined is taken away. */
function withArguments(
  configuration: Configuration,
  added: readonly (readonly string[])[],
  settings: Readonly<Record<string, unknown>> = {},
): Configuration {
  return mapSources(configuration, (source) => ({
    ...source,
    ...settings,
    qemuargs: [...(source.qemuargs ?? []), ...added],
  }));
}

/** What is read here of a source in a configuration. */
interface QemuSource {
  readonly communicator?: unknown;
  readonly boot_command?: readonly string[];
  readonly qemuargs?: readonly (readonly string[])[];
}

/** A configuration with each of its sources changed. */
function mapSources(configuration: Configuration, change: (source: QemuSource) => object): Configuration {
  const { qemu } = configuration.source as { qemu: Record<string, QemuSource> };
  const sources = Object.entries(qemu).map(([name, source]) => [name, change(source)]);
  return { ...configuration, source: { qemu: Object.fromEntries(sources) } };
}
