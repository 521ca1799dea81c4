/**
 * The settings of the build machine: where each may be said, and which of them counts.
 *
 * One order holds for every input of a build (docs/inputs.md): an option of the command line, then code, then the
 * environment, then the template, then the default.
 */

import { isIPv4 } from "node:net";
import { ExitCode, type Location, VisaImageError } from "./errors";
import { wholeMebibytes } from "./mebibytes";
import type { BuilderName, BuildSpecification, MachineOptions, MachinePreset } from "./specification";

/** Who may run a build machine. */
export const BUILDERS: readonly BuilderName[] = ["qemu", "openstack"];

/** What the presets stand for. */
export const PRESETS: Readonly<Record<MachinePreset, { readonly cpus: number; readonly memoryMb: number }>> = {
  trial: { cpus: 1, memoryMb: 4096 },
  production: { cpus: 2, memoryMb: 8192 },
};

/** Settings with all that has a default. */
export type Machine = Omit<MachineOptions, "preset"> &
  Required<
    Pick<
      MachineOptions,
      | "builder"
      | "cpus"
      | "memoryMb"
      | "accelerator"
      | "headless"
      | "nested"
      | "checkpoints"
      | "timeoutMinutes"
      | "proxy"
      | "noProxy"
    >
  >;

const DEFAULTS: Machine = {
  builder: "qemu",
  cpus: 2,
  memoryMb: 4096,
  accelerator: "auto",
  headless: true,
  nested: false,
  checkpoints: true,
  // The original's builds take half an hour to an hour; without KVM several times as long.
  timeoutMinutes: 240,
  proxy: "",
  noProxy: "",
};

/** What was said about the machine, by place. */
export interface MachineSources {
  readonly commandLine?: MachineOptions;
  readonly code?: MachineOptions;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly template?: MachineOptions;
}

/** A setting that counts, and where it was said. */
export interface MachineSetting {
  readonly name: keyof Machine;
  readonly value: string | number | boolean;
  readonly origin: string;
}

/** The settings that count. @throws VisaImageError for a variable of the environment that cannot be used */
export function resolveMachine(sources: MachineSources): Machine {
  return Object.fromEntries(machineSettings(sources).map(({ name, value }) => [name, value])) as unknown as Machine;
}

/** Whether a cloud runs the machine of one of the layers. @throws VisaImageError as {@link resolveMachine} */
export function isBuiltByCloud(
  { layers, machine }: Pick<BuildSpecification, "layers" | "machine">,
  sources: Pick<MachineSources, "commandLine" | "environment">,
): boolean {
  return layers.some(
    ({ machine: template }) => resolveMachine({ ...sources, code: machine, template }).builder === "openstack",
  );
}

/** The settings that count, each with where it was said. @throws VisaImageError as {@link resolveMachine} */
export function machineSettings(sources: MachineSources): MachineSetting[] {
  const { commandLine = {}, code = {}, environment, template = {} } = sources;
  const own = machineFromEnvironment(environment);
  const places: [string, MachineOptions][] = [
    ["the default", DEFAULTS],
    ["the template", template],
    ["the environment", own],
    ["code", code],
    ["the command line", commandLine],
  ];
  const settings = new Map<string, MachineSetting>();
  for (const [place, { preset, ...options }] of places) {
    const named = preset ? Object.entries(PRESETS[preset]).map((entry) => [...entry, ` (${preset})`] as const) : [];
    for (const [name, value, detail = ""] of [...named, ...Object.entries(options)]) {
      if (value === undefined) continue;
      settings.set(name, { name: name as keyof Machine, value: value as string, origin: `${place}${detail}` });
    }
  }
  return [...settings.values()];
}

/** What the environment says of the machine. @throws VisaImageError for what cannot be used */
export function machineFromEnvironment(environment: MachineSources["environment"]): MachineOptions {
  const read = <T>(name: string, parse: (text: string) => T | undefined, fix: string): T | undefined => {
    const text = environment[name];
    if (!text) return undefined;
    const value = parse(text);
    if (value !== undefined) return value;
    throw new VisaImageError(`${name} is "${text}"`, { fix, exitCode: ExitCode.USAGE });
  };
  const number = (name: string) =>
    read(name, (text) => (/^[1-9]\d*$/.test(text) ? Number(text) : undefined), `a whole number, for example ${name}=2`);
  const flag = (name: string) => read(name, readFlag, `${name}=true or ${name}=false`);
  const word = <T extends string>(name: string, words: readonly T[]) =>
    read(name, (text) => words.find((each) => each === text), words.join(" or "));
  const options: MachineOptions = {
    builder: word("VISA_BUILDER", BUILDERS),
    flavor: environment.VISA_BUILD_FLAVOR || undefined,
    network: environment.VISA_BUILD_NETWORK || undefined,
    floatingIpPool: environment.VISA_BUILD_FLOATING_IP_POOL || undefined,
    securityGroups: environment.VISA_BUILD_SECURITY_GROUPS || undefined,
    availabilityZone: environment.VISA_BUILD_AVAILABILITY_ZONE || undefined,
    preset: word("VISA_BUILD_PRESET", Object.keys(PRESETS) as MachinePreset[]),
    cpus: number("VISA_BUILD_CPUS"),
    memoryMb: read("VISA_BUILD_MEMORY", wholeMebibytes, "MiB, or a size with its unit: VISA_BUILD_MEMORY=4G"),
    accelerator: word("VISA_BUILD_ACCELERATOR", ["auto", "kvm", "tcg"] as const),
    cpuModel: environment.VISA_BUILD_CPU_MODEL || undefined,
    nested: flag("VISA_BUILD_NESTED"),
    checkpoints: flag("VISA_BUILD_CHECKPOINTS"),
    timeoutMinutes: number("VISA_BUILD_TIMEOUT"),
    headless: flag("VISA_BUILD_HEADLESS") ?? flag("headless"),
    ...(environment.VISA_BUILD_VNC && readVnc(environment.VISA_BUILD_VNC, "VISA_BUILD_VNC")),
    // An empty one says "none", where the original's variable names one.
    proxy: environment.VISA_BUILD_PROXY ?? environment.VISA_HTTP_PROXY,
    noProxy: environment.VISA_BUILD_NO_PROXY ?? environment.VISA_NO_PROXY_HOSTS,
    mirror: environment.VISA_DEBIAN_MIRROR,
    ca: environment.VISA_BUILD_CA,
  };
  checkMachine(options, "the environment");
  return options;
}

/** An address of VNC, with a port if need be: `127.0.0.1:5901`. @throws VisaImageError for anything else */
export function readVnc(text: string, name: string): Pick<MachineOptions, "vncAddress" | "vncPort"> {
  const [, vncAddress = "", port] = /^([\d.]+)(?::(\d+))?$/.exec(text) ?? [];
  if (!isIPv4(vncAddress)) {
    throw new VisaImageError(`${name} is "${text}", which is no address of this machine`, {
      fix: `an IPv4 address, with a port if need be: ${name === "--vnc" ? "--vnc " : `${name}=`}127.0.0.1:5901`,
      exitCode: ExitCode.USAGE,
    });
  }
  const options = { vncAddress, ...(port !== undefined && { vncPort: Number(port) }) };
  checkMachine(options, name);
  return options;
}

/** Fails for settings that cannot be used. @param subject who said them */
export function checkMachine(machine: MachineOptions, subject: string, location?: Location): void {
  const { builder, preset, cpus, memoryMb, timeoutMinutes, cpuModel, vncAddress, vncPort } = machine;
  const fail = (what: string, fix: string) =>
    new VisaImageError(`${subject}: ${what}`, { location, fix, exitCode: ExitCode.USAGE });
  if (builder !== undefined && !BUILDERS.includes(builder)) {
    throw fail(`there is no builder "${builder}"`, BUILDERS.join(" or "));
  }
  if (preset !== undefined && !Object.hasOwn(PRESETS, preset)) {
    throw fail(`there is no preset "${preset}"`, Object.keys(PRESETS).join(" or "));
  }
  for (const [name, value] of Object.entries({ cpus, memoryMb, timeoutMinutes })) {
    if (value === undefined || (Number.isInteger(value) && value > 0)) continue;
    throw fail(`"${value}" is no number of ${name}`, "a whole number above 0");
  }
  if (cpuModel !== undefined && !/^[A-Za-z0-9][\w.-]*(,[+-]?[\w.-]+(=\w+)?)*$/.test(cpuModel)) {
    throw fail(`"${cpuModel}" is no name of a CPU`, "one of qemu-system-x86_64 -cpu help, for example EPYC,+aes");
  }
  if (vncAddress !== undefined && !isIPv4(vncAddress)) {
    throw fail(`"${vncAddress}" is no address for VNC`, "an IPv4 address of this machine, for example 127.0.0.1");
  }
  if (vncPort !== undefined && !(Number.isInteger(vncPort) && vncPort >= 5900 && vncPort <= 65535)) {
    throw fail(`"${vncPort}" is no port for VNC`, "a whole number from 5900 to 65535");
  }
}

/**
 * A URL's scheme, and what stands before its host: all up to the last `@`, since a password may hold `@`, `/`, `:` and
 * blanks where nobody has percent-encoded it.
 */
const USERINFO = /^\s*([a-z][a-z0-9+.-]*:\/\/)?([\s\S]*)@/i;

/** A proxy that stays in an image, or that is shown, is without its user and password, however these are written. */
export function withoutCredentials(value: string): string {
  return value.replace(USERINFO, "$1");
}

/** The user and the password of a proxy or another URL, as they are written: `jane:p@ss`; undefined where there is none. */
export function credentialsOf(value: string): string | undefined {
  return USERINFO.exec(value)?.[2];
}

/** Fails for a proxy with a password, where it would be written into a file. */
export function refuseCredentials({ proxy = "" }: MachineOptions, subject: string, location?: Location): void {
  if (withoutCredentials(proxy) === proxy) return;
  throw new VisaImageError(`${subject}: the proxy of the build machine holds a password`, {
    location,
    fix: "set VISA_BUILD_PROXY in the environment of the build instead",
    exitCode: ExitCode.USAGE,
  });
}

/** `true`, `yes` and their like, as YAML 1.1 and people write them. */
export function readFlag(text: string): boolean | undefined {
  if (/^(true|yes|on|1)$/i.test(text.trim())) return true;
  if (/^(false|no|off|0)$/i.test(text.trim())) return false;
  return undefined;
}
