/**
 * The build specification: what synth hands to the runner.
 *
 * Synth (lib/template, lib/packer, lib/fingerprint, lib/constructs) makes one from a catalog and stages it as JSON
 * inside the stack's output folder; the runner (lib/runner) builds from it. It holds no secret and no absolute path of
 * its own making, and it is the only thing that the two sides share.
 */

import type { ContractPart } from "./contract";
import type { Location } from "./errors";

/** The specification's format. A runner refuses any other with a message that says to synthesize again. */
export const SPECIFICATION_VERSION = 1;

/** Nova's limit for the name and for the value of one metadata entry: an RSA key in PEM has to be of 896 bits at most. */
export const METADATA_CHARACTERS = 255;

/** Disk formats that Glance takes and that this library makes. */
export type DiskFormat = "raw" | "qcow2";

/** What an instance boots by. */
export type Firmware = "bios" | "uefi";

/** A file that a provisioner, a builder or the base recipe reads. */
export interface SpecifiedFile {
  /** Where it stands in the scratch folder, and how the Packer configuration calls it: relative, with `/`. */
  readonly path: string;
  /** Where to copy it from: relative to the folder of the specification file, or absolute. */
  readonly source: string;
  /** Permission bits, for example 0o755. */
  readonly mode: number;
  /** Hex SHA-256 of its bytes; the runner stops with "changed since the plan" where it differs. */
  readonly sha256: string;
  /**
   * Its text, where that is not what `source` holds: a file that is made from another one at synth. In an installer's
   * files a name between U+E000 and U+E001 stands for a secret, which the runner puts in after the check of `sha256`.
   */
  readonly content?: string;
}

/** A Debian base made by mmdebstrap, without root and without a download of an image. */
export interface BootstrapBase {
  readonly kind: "bootstrap";
  /** Debian suite, for example `bookworm` or `trixie`. */
  readonly suite: string;
  /** Packages beyond the essential ones. */
  readonly packages: readonly string[];
  /** Size of the base disk in GiB; the root file system grows to the layer's disk at its first boot. */
  readonly diskSizeGb: number;
  /** Why it is made anew from the same recipe, since packages move on. @default - it is not */
  readonly refresh?: string;
}

/** A disk image downloaded from a URL and checked. */
export interface CloudImageBase {
  readonly kind: "cloud-image";
  readonly url: string;
  /** Hex SHA-256 or SHA-512 of the file, prefixed by its name: `sha256:…`. */
  readonly checksum: string;
  readonly format: DiskFormat;
}

/** A disk image that lies on this machine. */
export interface FileBase {
  readonly kind: "file";
  /** Absolute, or relative to the folder of the specification file. */
  readonly path: string;
  /** As in {@link CloudImageBase.checksum}. */
  readonly checksum: string;
  readonly format: DiskFormat;
}

/** A file that an installer is booted from. */
export interface InstallerMedium {
  /** What it is, and its name in the scratch folder. */
  readonly name: "iso" | "kernel" | "initrd";
  /** A URL, or a path: absolute, or relative to the folder of the specification file. */
  readonly source: string;
  /** As in {@link CloudImageBase.checksum}. Left out: that of `firstUse` counts. */
  readonly checksum?: string;
  /** Where no checksum is stated: the medium is taken as it is when it is first used. */
  readonly firstUse?: FirstUse;
}

/** Where the checksum is of a medium for which nobody states one. */
export interface FirstUse {
  /** The lock of media (lib/template/media-lock.ts): absolute, or relative to the folder of the specification file. */
  readonly lockFile: string;
  /** The medium's name in it: its URL, or its path from the template's folder. */
  readonly name: string;
}

/** A disk made by a distribution's installer: Debian's with a preseed file, Ubuntu's with autoinstall. */
export interface InstallerBase {
  readonly kind: "installer";
  /** An ISO, or a kernel and an initrd. */
  readonly media: readonly InstallerMedium[];
  /** The Packer configuration of the installation; its output is that of {@link LayerSpecification.configuration}. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** What it serves to the installer (`http/`), or gives it on a CD (`cd/`). */
  readonly files: readonly SpecifiedFile[];
  /** What configuration and files refer to; `<name>_hash` in a file is its hash for /etc/shadow. */
  readonly secrets: readonly SecretVariable[];
  /** Virtual size of the disk in GiB. */
  readonly diskSizeGb: number;
  /** How long it may take, in Packer's words (`2h`); no input of the image. */
  readonly timeout: string;
}

/** What the first layer starts from. */
export type Base = BootstrapBase | CloudImageBase | FileBase | InstallerBase;

/** A value that only the runner knows, read from its environment when it runs. */
export interface SecretVariable {
  /** The Packer variable, declared sensitive. */
  readonly name: string;
  /** The environment variable it is read from, for example `VISA_ROOT_PASSWORD`; `<name>_FILE` names a file instead. */
  readonly environment: string;
  /** Whether the build stops (exit code 2) when it is not set; an optional one is the empty string. */
  readonly required: boolean;
}

/** The input of a layer that is no input of its image: what its template warns of, for a reader of a plan. */
export const WARNING_INPUT = "warning";

/** One template, resolved and rendered: a disk built on its parent's. */
export interface LayerSpecification {
  /** The template's name. */
  readonly name: string;
  /** Hex SHA-256; see lib/fingerprint for its definition. */
  readonly fingerprint: string;
  /** Fingerprint of the layer below, or of the base for the first layer. */
  readonly parent: string;
  /** Only on the first layer. */
  readonly base?: Base;
  /**
   * The inputs behind the fingerprint, named for a reader of a plan: `refresh`, `parent`, `base`, `packer`,
   * `variable NAME` (in clear), and one entry per file (12 digits of its hash and its mode).
   * Beside them `warning`, which is behind no fingerprint.
   */
  readonly inputs: Readonly<Record<string, string>>;
  /**
   * The Packer configuration, in HCL2's JSON. Every path in it is relative to the scratch folder; whatever is volatile
   * or secret is a variable. It names `parent.qcow2` as its disk, `build-key` as its SSH key, `seed/` as the files of
   * its config drive, and `output/` as its output directory, which holds `disk.qcow2` afterwards.
   */
  readonly configuration: Readonly<Record<string, unknown>>;
  /**
   * Where what the template says stands in its files, by its path in the configuration (`source.qemu.x.boot_wait`); for
   * errors of Packer, which knows the configuration alone. The files as in {@link SpecifiedFile.source}.
   * @default - no places: a template made in TypeScript
   */
  readonly places?: Readonly<Record<string, Location>>;
  /** Files that the configuration reads. */
  readonly files: readonly SpecifiedFile[];
  /** Sensitive Packer variables. */
  readonly secrets: readonly SecretVariable[];
  /** Virtual size of the layer's disk in GiB. */
  readonly diskSizeGb: number;
  /** What the template says about the build machine. */
  readonly machine: MachineOptions;
  /**
   * The template's steps, counted from 1, after which its machine cannot be started anew: a later step needs what is only
   * in its memory. No part of the fingerprint.
   * @default - none
   */
  readonly unresumable?: readonly number[];
  /** What the template promises, and `visa-image verify` looks at; never part of the fingerprint. */
  readonly contract: readonly ContractPart[];
  /** The template's own checks: scripts for the guest, run by `visa-image verify`. Nothing of them is in the image. */
  readonly checks: readonly SpecifiedFile[];
}

/** Sizes of the build machine by name: one to try something out, and one for what users get. */
export type MachinePreset = "trial" | "production";

/** Who runs the machine that builds a layer: QEMU here, or a cloud's Nova. */
export type BuilderName = "qemu" | "openstack";

/** The machine that builds a layer, and what it finds around it: never an input of the image. docs/inputs.md has all. */
export interface MachineOptions {
  /** `openstack`: Nova runs it, in the project of `OS_*` or clouds.yaml (docs/how-to-builder.md). @default "qemu" on this machine */
  readonly builder?: BuilderName;
  /** With `openstack`: the flavour's name or id; its disk has at least the layer's size. @default - none: it has to be said */
  readonly flavor?: string;
  /** With `openstack`: the network's name or id. @default - the only one that there is */
  readonly network?: string;
  /** With `openstack`: the external network whose addresses lead to the machine. @default - none: its own address is reached from here */
  readonly floatingIpPool?: string;
  /** With `openstack`: names or ids, separated by commas; they let SSH in from here. @default - one of the build's own, gone afterwards */
  readonly securityGroups?: string;
  /** With `openstack`. @default - Nova's */
  readonly availabilityZone?: string;
  /** `trial`: 1 CPU, 4096 MiB; `production`: 2 CPUs, 8192 MiB. @default - none: 2 CPUs, 4096 MiB */
  readonly preset?: MachinePreset;
  /** @default - the preset's */
  readonly cpus?: number;
  /** In MiB. @default - the preset's */
  readonly memoryMb?: number;
  /** @default "auto" KVM where /dev/kvm can be opened and used, else TCG */
  readonly accelerator?: "auto" | "kvm" | "tcg";
  /** QEMU's name of a CPU, with flags if need be: `EPYC,+aes`. @default - `host` with KVM, with TCG one that has what wheels are compiled for (x86-64-v2) */
  readonly cpuModel?: string;
  /** Whether virtual machines with KVM can run in the build machine; it needs KVM itself. @default false */
  readonly nested?: boolean;
  /** Whether its screen is shown in no window. @default true */
  readonly headless?: boolean;
  /**
   * Whether a build may go on from a checkpoint of an earlier one, and leaves some: the disk after each step. `false`: each
   * layer in one run, also where the cache has one that was built in two (docs/checkpoints.md).
   * @default true
   */
  readonly checkpoints?: boolean;
  /** How long a layer's build machine may take in all before it is ended. @default 240 */
  readonly timeoutMinutes?: number;
  /** Address of this machine at which VNC shows its screen, with a password. @default - no VNC; 127.0.0.1 where Packer types */
  readonly vncAddress?: string;
  /** Port of VNC, 5900 or above. @default - a free one from 5900 to 6000 */
  readonly vncPort?: number;
  /** Proxy of the build, gone from the image afterwards; without credentials, which are for the environment. @default - none */
  readonly proxy?: string;
  /** Hosts that go without it, separated by commas. @default - none */
  readonly noProxy?: string;
  /** Debian mirror of the build, gone from the image afterwards. @default - the one that apt uses on this machine */
  readonly mirror?: string;
  /**
   * PEM file of certificates that the guest trusts during the build; `host` for those that were added to this machine.
   * @default - none
   */
  readonly ca?: string;
}

/** What `visa-image build --specification FILE` reads. */
export interface BuildSpecification {
  readonly version: typeof SPECIFICATION_VERSION;
  /** From the first layer to the one that is asked for; parents are built where the cache does not have them. */
  readonly layers: readonly LayerSpecification[];
  /**
   * Layers that are built afterwards, by others: whether Packer takes them is found out before these are built.
   * @default - none
   */
  readonly later?: readonly LayerSpecification[];
  /** What is said in code about the build machine, over the templates and over the environment of the build. */
  readonly machine?: MachineOptions;
  /** Layers that the cache does not have are taken from Glance, where it has them. @default - they are built */
  readonly parentsFromGlance?: ParentsFromGlance;
  /** A flattened disk of the last layer, for Glance. Left out: the layer is only built into the cache. */
  readonly output?: OutputSpecification;
}

/** Where layers come from that the cache does not have. */
export type CacheSource = "glance";

/** How layers are taken from Glance. */
export interface ParentsFromGlance {
  /**
   * The lock of the releases, absolute or relative to the folder of the specification file: a layer that it knows is
   * taken only where Glance's checksum is the lock's.
   */
  readonly lockFile: string;
}

/** The flattened disk that Terraform uploads. */
export interface OutputSpecification {
  readonly format: DiskFormat;
  /** Where to put a link to it: relative to the folder of the specification file. */
  readonly path: string;
  /** In GiB; the runner refuses a disk whose virtual size is larger. */
  readonly minDiskGb: number;
  /** Whether the disk is signed for Glance, in a file beside the link. @default false */
  readonly signed?: boolean;
}

/** What the name of the file with a disk's signature ends in. */
export const DISK_SIGNATURE_SUFFIX = ".img_signature";
