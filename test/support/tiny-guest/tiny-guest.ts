/**
 * A guest of a few megabytes for tests of the runner: real Packer, real QEMU, real ssh, in seconds without KVM.
 *
 * Its layers write to /mnt, the file system on the layer's disk.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type {
  BuildSpecification,
  DiskFormat,
  LayerSpecification,
  MachineOptions,
  SecretVariable,
} from "../../../lib/specification";

/** A layer of the tiny guest. */
export interface TinyLayer {
  readonly name: string;
  /** Provisioners as Packer's JSON has them. */
  readonly provisioners: readonly object[];
  /** Scripts and files by their path in the scratch folder. */
  readonly files?: Readonly<Record<string, string>>;
  readonly secrets?: readonly SecretVariable[];
  /** @default 1 */
  readonly diskSizeGb?: number;
  /** Settings of the builder, over those that it has. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** More words for the kernel: `tiny=no-ssh` for a guest that SSH does not run on. */
  readonly append?: string;
  /** Whether a reboot starts it anew, rather than ends it. @default false */
  readonly reboots?: true;
  /** What the template says about the build machine, beside its size. */
  readonly machine?: MachineOptions;
}

/** Folder of kernel, initrd and disk; made on first use, kept for the next run. */
export function tinyGuest(): string {
  const sources = ["make.sh", "init", "modules"].map((name) => readFileSync(join(__dirname, name)));
  const version = sources
    .reduce((hash, text) => hash.update(text), createHash("sha256"))
    .digest("hex")
    .slice(0, 12);
  const folder = resolve(__dirname, "../../../node_modules/.cache/visa-image-tiny-guest", version);
  if (!existsSync(folder)) {
    const temporary = `${folder}.${process.pid}`;
    execFileSync(join(__dirname, "make.sh"), [temporary], { stdio: ["ignore", "inherit", "inherit"] });
    try {
      renameSync(temporary, folder);
    } catch {
      // Another test made it meanwhile.
      rmSync(temporary, { recursive: true, force: true });
    }
  }
  return folder;
}

/** Writes a specification of layers on the tiny guest, and the files that it names, into a folder. */
export function writeTinySpecification(
  folder: string,
  layers: readonly TinyLayer[],
  output?: { format: DiskFormat; path: string; minDiskGb: number },
): { file: string; specification: BuildSpecification } {
  const guest = tinyGuest();
  const disk = join(guest, "disk.qcow2");
  let parent = digest("base", readFileSync(disk));
  const specified = layers.map((layer, i): LayerSpecification => {
    const files = Object.entries(layer.files ?? {}).map(([path, text]) => {
      const source = join("inputs", layer.name, path);
      mkdirSync(join(folder, source, ".."), { recursive: true });
      writeFileSync(join(folder, source), text, { mode: 0o755 });
      return { path, source, mode: 0o755, sha256: digest(text) };
    });
    for (const name of ["vmlinuz", "initrd.gz"]) {
      const source = join(guest, name);
      files.push({ path: `guest/${name}`, source, mode: 0o644, sha256: digest(readFileSync(source)) });
    }
    const configuration = packerConfiguration(layer);
    const own = parent;
    parent = digest(
      "layer",
      layer.name,
      own,
      JSON.stringify(configuration),
      JSON.stringify(files.map(({ sha256 }) => sha256)),
    );
    return {
      name: layer.name,
      fingerprint: parent,
      parent: own,
      ...(i === 0 && {
        base: { kind: "file", path: disk, checksum: `sha256:${digest(readFileSync(disk))}`, format: "qcow2" },
      }),
      inputs: { packer: digest(JSON.stringify(configuration)).slice(0, 12) },
      configuration,
      files,
      secrets: layer.secrets ?? [],
      diskSizeGb: layer.diskSizeGb ?? 1,
      contract: [],
      checks: [],
      machine: { cpus: 1, memoryMb: 256, accelerator: "tcg", ...layer.machine },
    };
  });
  const specification: BuildSpecification = { version: 1, layers: specified, output };
  const file = join(folder, "specification.json");
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, JSON.stringify(specification));
  return { file, specification };
}

function packerConfiguration({
  provisioners,
  secrets = [],
  diskSizeGb = 1,
  settings,
  append = "",
  reboots,
}: TinyLayer): Record<string, unknown> {
  return {
    variable: {
      cpus: { type: "number", default: 1 },
      memory: { type: "number", default: 256 },
      headless: { type: "bool", default: true },
      accelerator: { type: "string", default: "tcg" },
      cpu_model: { type: "string", default: "max" },
      vnc_bind_address: { type: "string", default: "127.0.0.1" },
      mirror: { type: "string", default: "" },
      ...Object.fromEntries(secrets.map(({ name }) => [name, { type: "string", default: "", sensitive: true }])),
    },
    source: {
      qemu: {
        tiny: {
          disk_image: true,
          use_backing_file: true,
          iso_url: "parent.qcow2",
          iso_checksum: "none",
          format: "qcow2",
          qemu_img_args: { create: ["-F", "qcow2"] },
          disk_size: `${diskSizeGb}G`,
          skip_compaction: true,
          disk_interface: "virtio",
          disk_cache: "unsafe",
          net_device: "virtio-net",
          boot_wait: "5s",
          communicator: "ssh",
          ssh_username: "root",
          ssh_private_key_file: "build-key",
          ssh_timeout: "3m",
          ssh_handshake_attempts: 100,
          shutdown_command: "halt-now",
          cd_files: ["seed/openstack"],
          cd_label: "config-2",
          output_directory: "output",
          vm_name: "disk.qcow2",
          // biome-ignore-start lint/suspicious/noTemplateCurlyInString: Packer's own syntax
          headless: "${var.headless}",
          cpus: "${var.cpus}",
          memory: "${var.memory}",
          accelerator: "${var.accelerator}",
          vnc_bind_address: "${var.vnc_bind_address}",
          // biome-ignore-end lint/suspicious/noTemplateCurlyInString: Packer's own syntax
          qemuargs: [
            ["-kernel", "guest/vmlinuz"],
            ["-initrd", "guest/initrd.gz"],
            // An emulated timer on a machine that is busy makes the kernel's check of it fail, and the kernel panic.
            ["-append", `console=ttyS0 quiet panic=-1 no_timer_check ${append}`.trim()],
            ["-cpu", "${var.cpu_model}"],
            ["-netdev", "user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22"],
            ["-serial", "file:console.log"],
            ...(reboots ? [] : [["-no-reboot"]]),
          ],
          ...settings,
        },
      },
    },
    build: [{ sources: ["source.qemu.tiny"], provisioner: provisioners }],
  };
}

function digest(...parts: (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
