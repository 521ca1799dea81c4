/** The builder of a template: the machine that Packer starts, and what of the template's word about it counts. */
import { usageError } from "../errors";
import { mapAll, Problems } from "../problems";
import type { MachineOptions } from "../specification";
import { Text } from "../template/render";
import { keyKinds } from "../template/schema";
import type { FileScope, Step } from "../template/template";
import { reference } from "./hcl";
import { CONSOLE_FILE } from "./runner-variables";
import type { StagedFiles } from "./staged-files";
import type { TypedValues } from "./typed-values";

/** Builder keys that the runner or this file decides; what a template says about them is left out. */
const DECIDED = new Set(
  `name http_directory http_bind_address http_interface http_port_min http_port_max iso_checksum iso_checksum_type
  iso_checksum_url iso_url iso_urls iso_target_path iso_target_extension iso_skip_cache communicator ssh_host ssh_port
  ssh_username ssh_password ssh_keypair_name ssh_private_key_file ssh_certificate_file ssh_agent_auth ssh_wait_timeout
  temporary_key_pair_name temporary_key_pair_type temporary_key_pair_bits ssh_clear_authorized_keys skip_nat_mapping
  host_port_min host_port_max ssh_host_port_min ssh_host_port_max shutdown_command accelerator cpus memory sockets cores
  threads cpu_model disk_size skip_resize_disk skip_compaction disk_compression format headless disk_image use_backing_file
  output_directory qemu_binary qemu_img_args qmp_enable qmp_socket_path display use_default_display disable_vnc
  vnc_bind_address vnc_use_password vnc_password vnc_port_min vnc_port_max vm_name`.split(/\s+/),
);

/** Keys of the config drive, which production has too: a second one would be another machine than VISA's. */
const CONFIG_DRIVE_KEYS = ["cd_files", "cd_content", "cd_label"];

/** Keys of a builder that name files of the template. */
const FILE_KEYS = ["floppy_files", "floppy_dirs", "firmware", "efi_firmware_code", "efi_firmware_vars"];

/** Keys of a builder that are for the installer alone where the template has one. */
export const INSTALLER_KEYS = new Set([
  "boot_command",
  "boot_wait",
  "boot_key_interval",
  "boot_keygroup_interval",
  "floppy_files",
  "floppy_dirs",
  "floppy_label",
]);

/** Arguments of QEMU that say how the build machine runs it, and so belong to no image. */
const VOLATILE_ARGUMENTS = new Set([
  "-m",
  "-smp",
  "-vnc",
  "-display",
  "-nographic",
  "-accel",
  "-enable-kvm",
  "-no-kvm",
]);

/**
 * An argument of a template without what says how the build machine runs it, which is the runner's to say: what it runs
 * on (`-enable-kvm`, the `accel=` of `-machine`), and a CPU that only KVM has (`-cpu host`).
 */
function withoutVolatile(argument: readonly Text[]): (readonly Text[])[] {
  const [name, value, ...rest] = argument;
  const option = name?.real.replace(/^--/, "-") ?? "";
  if (VOLATILE_ARGUMENTS.has(option)) return [];
  if (value && option === "-cpu" && /^host(,|$)/.test(value.real)) return [];
  if (!value || (option !== "-machine" && option !== "-M") || !/(^|,)accel=/.test(value.real)) return [argument];
  const without = (text: string) => text.replaceAll(/(^|,)accel=[^,]*/g, "").replace(/^,/, "");
  const [real, structure] = [without(value.real), without(value.structure)];
  return real === "" ? [] : [[name as Text, new Text(real, structure), ...rest]];
}

/** How Packer gets in and out; with a key or a password. */
export const LOGIN = {
  communicator: "ssh",
  ssh_username: "root",
  ssh_disable_agent_forwarding: true,
  shutdown_command: "systemctl poweroff",
} as const;

/** A template's QEMU builder; one that says nothing has the defaults. */
export class QemuBuilder {
  constructor(
    /** Undefined where the template has none. */
    private readonly step: Step | undefined,
    private readonly values: TypedValues,
    private readonly files: StagedFiles,
    /** The folder of its files, where the step has none. */
    private readonly templatesFiles: FileScope | undefined,
  ) {}

  /** The folder that the builder's files are looked up in. */
  get scope(): FileScope | undefined {
    return this.step?.files ?? this.templatesFiles;
  }

  /** What a provisioner's `only`, `except` and `override` may call it. */
  get names(): readonly string[] {
    return [String(this.step?.settings.name ?? "qemu"), "qemu"];
  }

  /** What the template says of the machine, in Packer's words and types; not what the runner decides. */
  settings(omit?: ReadonlySet<string>): Record<string, unknown> {
    const own: Record<string, unknown> = {};
    const kinds = keyKinds("builder_qemu");
    mapAll(Object.entries(this.step?.settings ?? {}), ([key, value]) => {
      const location = this.step?.locate([key]);
      if (CONFIG_DRIVE_KEYS.includes(key)) {
        throw usageError(
          `"${key}" is taken by the config drive of the build`,
          location,
          "use floppy_files or a file provisioner",
        );
      }
      // packme trees say `boot_command: none` where they boot a disk; HCL2 takes nothing but a list.
      if (DECIDED.has(key) || omit?.has(key) || value === null || (key === "boot_command" && value === "none")) return;
      own[key] = FILE_KEYS.includes(key)
        ? this.builderFiles(key, value)
        : this.values.value(value, kinds?.get(key) ?? "any", location, key);
    });
    return own;
  }

  /** The machine and its disk: defaults, what the template says, and what the runner decides. */
  hardware(own: Record<string, unknown>, diskSize: Text): Record<string, unknown> {
    return {
      disk_interface: "virtio",
      disk_cache: "unsafe",
      disk_discard: "unmap",
      disk_detect_zeroes: "unmap",
      net_device: "virtio-net",
      boot_wait: "1s",
      ssh_timeout: "20m",
      // sshd answers before cloud-init has written the key, and each refusal counts.
      ssh_handshake_attempts: 500,
      shutdown_timeout: "10m",
      ...own,
      qemuargs: this.qemuArguments(own.qemuargs as Text[][] | undefined),
      iso_checksum: "none",
      format: "qcow2",
      disk_size: new Text(`${diskSize.real}G`, `${diskSize.structure}G`),
      skip_compaction: true,
      output_directory: "output",
      vm_name: "disk.qcow2",
      headless: reference("headless"),
      cpus: reference("cpus"),
      memory: reference("memory"),
      accelerator: reference("accelerator"),
      vnc_bind_address: reference("vnc_bind_address"),
    };
  }

  private qemuArguments(own: readonly Text[][] | undefined): unknown[] {
    const kept = (own ?? []).flatMap((argument) => withoutVolatile(argument));
    const names = kept.map(([name]) => name?.real);
    if (names.includes("-drive")) {
      throw usageError(
        '"-drive" in qemuargs takes the place of the layer\'s own disk',
        this.step?.locate(["qemuargs"]),
        "use disk_interface, disk_cache and their like",
      );
    }
    const defaults: [string, string][] = [
      // QEMU's own default lacks what Python's wheels are compiled for (x86-64-v2).
      ["-cpu", reference("cpu_model")],
      // Packer's own forwards the guest's SSH from all addresses of this machine.
      ["-netdev", "user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22"],
      ["-serial", `file:${CONSOLE_FILE}`],
    ];
    return [...kept, ...defaults.filter(([name]) => !names.includes(name))];
  }

  /** What the template says about the build machine, which is no part of the configuration. */
  machine(): MachineOptions {
    const number = (key: string): number | undefined => {
      const value = this.step?.settings[key] ?? undefined;
      return value === undefined ? undefined : this.values.count(value, this.step?.locate([key]), key);
    };
    // As with QEMU itself, what qemuargs say goes before.
    const smp = /^(?:cpus=)?([1-9]\d*)(?:,|$)/.exec(this.argument("-smp"))?.[1];
    const [, size, unit] = /^(?:size=)?([1-9]\d*)([MG]?)(?:,|$)/i.exec(this.argument("-m")) ?? [];
    const problems = new Problems();
    const cpus = smp ? Number(smp) : problems.attempt(() => number("cpus"));
    const memoryMb = size
      ? Number(size) * (unit?.toUpperCase() === "G" ? 1024 : 1)
      : problems.attempt(() => number("memory"));
    const model = this.step?.settings.cpu_model ?? undefined;
    const cpuModel =
      problems.attempt(() => this.values.text(model ?? "host", this.step?.locate(["cpu_model"])).real) ?? "host";
    problems.throwAny();
    return {
      ...(cpus !== undefined && { cpus }),
      ...(memoryMb !== undefined && { memoryMb }),
      // That of this machine is what a guest with KVM has anyway, and one without cannot have.
      ...(cpuModel !== "host" && { cpuModel }),
    };
  }

  /** The value of an argument in a template's qemuargs; empty where there is none. */
  private argument(name: string): string {
    const own = this.step?.settings.qemuargs;
    const pair: unknown = Array.isArray(own) ? own.find((each) => Array.isArray(each) && each[0] === name) : undefined;
    return Array.isArray(pair) ? this.values.text(pair[1] ?? "", this.step?.locate(["qemuargs"])).real.trim() : "";
  }

  private builderFiles(key: string, value: unknown): unknown {
    const location = this.step?.locate([key]);
    const one = (own: unknown): Text =>
      this.files.addNamed(this.values.text(own, location).real, this.scope, "file", location);
    return Array.isArray(value) ? value.map(one) : key.startsWith("floppy") ? [one(value)] : one(value);
  }
}
