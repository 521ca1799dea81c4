import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readFlag } from "../build-machine";
import { ExitCode, type Location, VisaImageError } from "../errors";
import { short } from "../fingerprint/digest";
import type { MachineOptions, SecretVariable, SpecifiedFile } from "../specification";
import { type Staged, stage } from "../template/files";
import { fillFile, PAM_PUBLIC_KEY_FILE, type Placeholder } from "../template/original";
import { type Renderer, Text } from "../template/render";
import { keyKinds } from "../template/schema";
import type { Step, Template } from "../template/template";
import { fetchesListsFirst } from "./apt-lists";
import { GUEST_SCRIPTS, guestFiles } from "./guest-scripts";
import { reference, write } from "./hcl";

/** Packer variables that the runner sets in every build: volatile, or known to the build alone. */
export const RUNNER_VARIABLES = {
  cpus: { type: "number", default: 2 },
  memory: { type: "number", default: 4096 },
  headless: { type: "bool", default: true },
  accelerator: { type: "string", default: "tcg" },
  cpu_model: { type: "string", default: "max" },
  vnc_bind_address: { type: "string", default: "127.0.0.1" },
  proxy: { type: "string", default: "" },
  no_proxy: { type: "string", default: "" },
  mirror: { type: "string", default: "" },
} as const;

/** In the scratch folder, the guest's serial console. */
export const CONSOLE_FILE = "console.log";

/** Where the guest keeps what only the build needs. */
const GUEST_FOLDER = "/var/tmp/visa-build";

/** Builder keys that the runner or this file decides; what a template says about them is left out. */
const DECIDED = new Set(
  `name http_directory http_bind_address http_interface http_port_min http_port_max iso_checksum iso_checksum_type
  iso_checksum_url iso_url iso_urls iso_target_path iso_target_extension iso_skip_cache communicator ssh_host ssh_port
  ssh_username ssh_password ssh_keypair_name ssh_private_key_file ssh_certificate_file ssh_agent_auth ssh_wait_timeout
  temporary_key_pair_name temporary_key_pair_type temporary_key_pair_bits ssh_clear_authorized_keys skip_nat_mapping
  host_port_min host_port_max ssh_host_port_min ssh_host_port_max shutdown_command accelerator cpus memory sockets cores
  threads disk_size skip_resize_disk skip_compaction disk_compression format headless disk_image use_backing_file
  output_directory qemu_binary qemu_img_args qmp_enable qmp_socket_path display use_default_display disable_vnc
  vnc_bind_address vnc_use_password vnc_password vnc_port_min vnc_port_max vm_name`.split(/\s+/),
);

/** Keys of the config drive, which production has too: a second one would be another machine than VISA's. */
const CONFIG_DRIVE_KEYS = ["cd_files", "cd_content", "cd_label"];

/** Keys of a builder that are for the installer alone where the template has one. */
const INSTALLER_KEYS = new Set([
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

/** Keys of provisioners that name files of the template. */
const FILE_KEYS: Readonly<Record<string, Readonly<Record<string, "script" | "file">>>> = {
  shell: { script: "script", scripts: "script" },
  file: { source: "file", sources: "file" },
  "ansible-local": {
    playbook_file: "file",
    playbook_files: "file",
    playbook_dir: "file",
    galaxy_file: "file",
    group_vars: "file",
    host_vars: "file",
    inventory_file: "file",
    role_paths: "file",
    collection_paths: "file",
  },
};

/** What a rendered template needs beside itself. */
export interface RenderOptions {
  readonly template: Template;
  /** Renders the template's values. */
  readonly renderer: Renderer;
  /** Secrets that the template may use. */
  readonly secrets: readonly SecretVariable[];
  /** Size of the disk in GiB, as it is rendered. */
  readonly diskSize: Text;
  /** Folder of the scripts that every build runs. @default this package's */
  readonly guestFolder?: string;
  /** What is filled into `.tlt` files. @default nothing */
  readonly fill?: Readonly<Record<Placeholder, string>>;
  /**
   * Whether the layer stands on a disk that an installer made from this template: then the boot command and what is
   * served are the installer's. @default false
   */
  readonly onInstaller?: boolean;
  /** VISA's public key, PEM text, for templates that copy it from a file as the original does. @default none */
  readonly pamPublicKey?: string;
}

/** A template as Packer reads it. */
export interface RenderedTemplate {
  /** The configuration in HCL2's JSON. */
  readonly configuration: Record<string, unknown>;
  /** The same with marks in the place of the template's variables. */
  readonly structure: Record<string, unknown>;
  readonly files: readonly SpecifiedFile[];
  /** The files' entries among the inputs. */
  readonly fileInputs: Readonly<Record<string, string>>;
  /** Names of the template's variables that the configuration shows. */
  readonly variables: readonly string[];
  /** Secrets that it uses. */
  readonly secrets: readonly SecretVariable[];
  /** What the template says about the build machine. */
  readonly machine: MachineOptions;
  /** What is odd but no error. */
  readonly warnings: readonly string[];
}

/**
 * Renders a template as a Packer configuration, in HCL2's JSON.
 *
 * It is accepted by Packer 1.6.6 and shaped for newer versions: what those need beside it is put in by the runner
 * (lib/runner/packer/run-configuration.ts), as is all that a fingerprint does not know of. Every path in it is relative to
 * the scratch folder, everything volatile or secret is a variable, so that its text can be hashed.
 * @throws VisaImageError for whatever in the template cannot be used
 */
export function renderConfiguration(options: RenderOptions): RenderedTemplate {
  return new Rendering(options).result();
}

/** One rendering of a template: as a layer here, as an installation in installer.ts. @internal */
export class Rendering {
  protected readonly files = new Map<string, SpecifiedFile>();
  private readonly fileInputs: Record<string, string> = {};
  protected readonly warnings: string[] = [];
  protected readonly template: Template;
  private readonly sourceName: string;

  constructor(protected readonly options: RenderOptions) {
    this.template = options.template;
    const name = this.template.name.replaceAll(/[^A-Za-z0-9_-]/g, "-");
    this.sourceName = /^[A-Za-z_]/.test(name) ? name : `_${name}`;
  }

  result(): RenderedTemplate {
    const builder = this.qemuBuilder();
    for (const file of guestFiles(this.options.guestFolder)) this.add(file, file.path);
    if (this.template.parts.postprocessors.length > 0) {
      this.warnings.push(
        `${this.at(this.template.parts.postprocessors[0]?.locate([]))}post-processors of "${this.template.name}" are not run: visa-image converts and publishes the disk itself`,
      );
    }
    return {
      ...this.assemble(this.source(builder), this.provisioners(builder)),
      files: [...this.files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
      fileInputs: this.fileInputs,
      machine: this.machine(builder),
      warnings: this.warnings,
    };
  }

  /** A whole configuration, and what it uses. */
  protected assemble(
    source: Record<string, unknown>,
    provisioners: readonly unknown[],
  ): Pick<RenderedTemplate, "configuration" | "structure" | "variables" | "secrets"> {
    const shown = texts([source, provisioners]);
    const used = new Set(shown.flatMap((text) => text.packerVariables()));
    const secrets = this.options.secrets.filter(({ name }) => used.has(name));
    const tree = {
      variable: this.variables(secrets),
      source: { qemu: { [this.sourceName]: source } },
      build: [
        { sources: [`source.qemu.${this.sourceName}`], ...(provisioners.length > 0 && { provisioner: provisioners }) },
      ],
    };
    return {
      configuration: write(tree, "real") as Record<string, unknown>,
      structure: write(tree, "structure") as Record<string, unknown>,
      variables: [...new Set(shown.flatMap((text) => text.variables()))].sort(),
      secrets,
    };
  }

  /** The one builder that counts; templates without any have the defaults. */
  protected qemuBuilder(): Step | undefined {
    const { builders } = this.template.parts;
    const [first, second] = builders.filter(({ type }) => type === "qemu");
    const other = builders.find(({ type }) => type !== "qemu");
    if (second) {
      throw usage("a template has one qemu builder, and here is another", second.locate([]), "remove one of the two");
    }
    if (other && !first) {
      throw usage(`the builder type "${other.type}" is not supported`, other.locate(["type"]), 'use "type: qemu"');
    }
    if (other) this.warnings.push(`${this.at(other.locate([]))}the builder of type "${other.type}" is left out`);
    return first;
  }

  /** What the template says of the machine, in Packer's words and types; not what the runner decides. */
  protected settings(builder: Step | undefined, omit?: ReadonlySet<string>): Record<string, unknown> {
    const own: Record<string, unknown> = {};
    const kinds = keyKinds("builder_qemu");
    for (const [key, value] of Object.entries(builder?.settings ?? {})) {
      const location = builder?.locate([key]);
      if (CONFIG_DRIVE_KEYS.includes(key)) {
        throw usage(
          `"${key}" is taken by the config drive of the build`,
          location,
          "use floppy_files or a file provisioner",
        );
      }
      // packme trees say `boot_command: none` where they boot a disk; HCL2 takes nothing but a list.
      if (DECIDED.has(key) || omit?.has(key) || value === null || (key === "boot_command" && value === "none"))
        continue;
      if (["floppy_files", "floppy_dirs", "firmware", "efi_firmware_code", "efi_firmware_vars"].includes(key)) {
        own[key] = this.builderFiles(key, value, builder as Step);
        continue;
      }
      own[key] = this.value(value, kinds?.get(key) ?? "any", location, key);
    }
    return own;
  }

  private source(builder: Step | undefined): Record<string, unknown> {
    const { onInstaller } = this.options;
    const own = this.settings(builder, onInstaller ? INSTALLER_KEYS : undefined);
    const scope = builder?.files ?? this.ownFiles();
    if (!onInstaller && scope && existsSync(join(scope.folder, "http"))) {
      own.http_directory = this.stageText("http", scope, "folder");
      own.http_bind_address = "127.0.0.1";
    }
    return {
      ...this.hardware(own, builder),
      disk_image: true,
      use_backing_file: true,
      iso_url: "parent.qcow2",
      // 1.6.6 leaves the format of the backing file out, which QEMU 6.1 and later refuse; a second -F does no harm.
      qemu_img_args: { create: ["-F", "qcow2"] },
      ...this.login(),
      ssh_private_key_file: "build-key",
      // A config drive as Nova makes it: /openstack/latest/meta_data.json and user_data on a volume of this name.
      cd_files: ["seed/openstack"],
      cd_label: "config-2",
    };
  }

  /** How Packer gets in and out; with a key or a password. */
  protected login(): Record<string, unknown> {
    return {
      communicator: "ssh",
      ssh_username: "root",
      ssh_disable_agent_forwarding: true,
      shutdown_command: "systemctl poweroff",
    };
  }

  /** The machine and its disk: defaults, what the template says, and what the runner decides. */
  protected hardware(own: Record<string, unknown>, builder: Step | undefined): Record<string, unknown> {
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
      qemuargs: this.qemuArguments(own.qemuargs as Text[][] | undefined, builder),
      iso_checksum: "none",
      format: "qcow2",
      disk_size: new Text(`${this.options.diskSize.real}G`, `${this.options.diskSize.structure}G`),
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

  protected qemuArguments(own: readonly Text[][] | undefined, builder: Step | undefined): unknown[] {
    const kept = (own ?? []).filter(([name]) => !VOLATILE_ARGUMENTS.has(name?.real ?? ""));
    const names = kept.map(([name]) => name?.real);
    if (names.includes("-drive")) {
      throw usage(
        '"-drive" in qemuargs takes the place of the layer\'s own disk',
        builder?.locate(["qemuargs"]),
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

  private provisioners(builder: Step | undefined): unknown[] {
    const own: Record<string, unknown>[] = [];
    for (const step of this.template.parts.provisioners) {
      const rendered = this.provisioner(step, builder);
      if (rendered) own.push({ [step.type]: rendered });
    }
    return this.prepared(own, fetchesListsFirst(this.scripts(own)));
  }

  /** What provisioners run, one after the other, up to the first that is no shell script. */
  private scripts(own: readonly Record<string, unknown>[]): string[] {
    const texts: string[] = [];
    for (const step of own) {
      if (step.file) continue;
      if (!step.shell) break;
      const { inline, script, scripts } = step.shell as Partial<Record<"inline" | "script" | "scripts", Text | Text[]>>;
      texts.push(...[inline ?? []].flat().map(({ real }) => real));
      for (const { real } of [script ?? [], scripts ?? []].flat()) {
        const file = this.files.get(real);
        texts.push(file?.content ?? readFileSync(file?.source ?? real, "utf8"));
      }
    }
    return texts;
  }

  /**
   * Provisioners, with what goes before and after all of them.
   *
   * @param ownLists whether the first of them fetches apt's lists. @default false
   */
  protected prepared(own: readonly unknown[], ownLists = false): unknown[] {
    return [
      { shell: { inline: [`mkdir -p ${GUEST_FOLDER}`] } },
      { file: { source: "build-ca.crt", destination: `${GUEST_FOLDER}/ca.crt` } },
      {
        shell: {
          script: GUEST_SCRIPTS.prepare,
          environment_vars: [
            `VISA_BUILD_PROXY=${reference("proxy")}`,
            `VISA_BUILD_NO_PROXY=${reference("no_proxy")}`,
            `VISA_BUILD_MIRROR=${reference("mirror")}`,
            ...(ownLists ? ["VISA_BUILD_LISTS=own"] : []),
          ],
        },
      },
      ...own,
      { shell: { script: GUEST_SCRIPTS.seal } },
    ];
  }

  private provisioner(step: Step, builder: Step | undefined): Record<string, unknown> | undefined {
    const kinds = keyKinds(`provisioner_${step.type}`);
    const builderNames = [String(builder?.settings.name ?? "qemu"), "qemu"];
    const { only, except, override, ...settings } = step.settings as Record<string, unknown>;
    const names = (value: unknown) => (Array.isArray(value) ? value : [value]).map(String);
    if (only !== undefined && !names(only).some((name) => builderNames.includes(name))) return undefined;
    if (except !== undefined && names(except).some((name) => builderNames.includes(name))) return undefined;
    for (const name of builderNames) Object.assign(settings, (override as Record<string, object> | undefined)?.[name]);
    const result: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(settings)) {
      const location = step.locate([key]);
      const what = FILE_KEYS[step.type]?.[key];
      const rendered = this.value(value, kinds?.get(key) ?? "any", location, key);
      if (what) {
        const staged = (text: Text) => this.stageText(text.real, step.files, what, location, what === "script");
        result[key] = Array.isArray(rendered) ? rendered.map(staged) : staged(rendered as Text);
      } else {
        result[key] = rendered;
      }
    }
    this.checkProvisioner(step, result);
    return result;
  }

  private checkProvisioner(step: Step, result: Record<string, unknown>): void {
    const given = (...keys: string[]) => keys.filter((key) => result[key] !== undefined);
    if (step.type === "shell" && given("inline", "script", "scripts").length !== 1) {
      const [, second] = given("inline", "script", "scripts");
      throw usage(
        second ? `a shell provisioner has "${second}" besides another` : "a shell provisioner does nothing",
        step.locate(second ? [second] : []),
        "give one of inline, script and scripts",
      );
    }
    if (step.type === "file") {
      if (result.direction instanceof Text && result.direction.real !== "upload") {
        throw usage("files cannot be downloaded from a build", step.locate(["direction"]), "remove the provisioner");
      }
      if (given("source", "sources", "content").length === 0 || given("destination").length === 0) {
        throw usage("a file provisioner needs a source and a destination", step.locate([]), "add the missing one");
      }
      if (result.generated !== undefined) {
        throw usage("files made during the build cannot be copied into it", step.locate(["generated"]), "remove it");
      }
    }
  }

  private builderFiles(key: string, value: unknown, builder: Step): unknown {
    const scope = builder.files ?? this.ownFiles();
    const one = (own: unknown): Text => {
      const path = this.text(own, builder.locate([key])).real;
      return this.stageText(path, scope, "file", builder.locate([key]));
    };
    return Array.isArray(value) ? value.map(one) : key.startsWith("floppy") ? [one(value)] : one(value);
  }

  protected ownFiles() {
    return this.template.parts.provisioners[0]?.files ?? this.template.parts.builders[0]?.files;
  }

  private stageText(name: string, scope: Step["files"], what: string, location?: Location, single = false): Text {
    const staged =
      this.fromOriginal(name, scope, what, location) ?? stage(name, scope, what, location, single ? "file" : "any");
    staged.files.forEach((file, i) => {
      this.add(file, staged.labels[i] as string);
    });
    // The slash at the end of a folder's name says that its content is copied rather than the folder.
    const path = staged.path + (name.endsWith("/") ? "/" : "");
    return new Text(path, path);
  }

  /** A file that build-image.sh would have made: from a `.tlt` file beside it, or VISA's public key. */
  private fromOriginal(
    name: string,
    scope: Step["files"],
    what: string,
    location: Location | undefined,
  ): Staged | undefined {
    if (!scope || name.includes("\0") || name.endsWith("/")) return undefined;
    const path = resolve(scope.folder, name);
    const made = (content: string, like: Staged): Staged => {
      const [file] = like.files as [SpecifiedFile];
      const sha256 = createHash("sha256").update(content).digest("hex");
      const without = (text: string) => text.replace(/\.tlt$/, "");
      return {
        path: without(like.path),
        files: [{ ...file, path: without(file.path), sha256, content }],
        labels: like.labels.map(without),
      };
    };
    if (existsSync(`${path}.tlt`)) {
      const { fill = { http_proxy: "", https_proxy: "", no_proxy: "" } } = this.options;
      const source = stage(`${name}.tlt`, scope, what, location, "file");
      return made(fillFile(readFileSync(`${path}.tlt`, "utf8"), fill), source);
    }
    if (path !== join(scope.boundary, PAM_PUBLIC_KEY_FILE)) return undefined;
    const { pamPublicKey } = this.options;
    if (pamPublicKey !== undefined) {
      const file = { path: `${scope.staged}/${PAM_PUBLIC_KEY_FILE}`, source: path, mode: 0o644, sha256: "" };
      return made(pamPublicKey, { path: file.path, files: [file], labels: [scope.label + PAM_PUBLIC_KEY_FILE] });
    }
    if (existsSync(path)) return undefined;
    throw usage(
      `"${this.template.name}" needs VISA's public key, and there is none`,
      location,
      "--pam-public FILE, VISA_PAM_PUBLIC_KEY=FILE, or pamPublicKeyFile in code",
    );
  }

  private add(file: SpecifiedFile, label: string): void {
    if (this.files.has(file.path)) return;
    this.files.set(file.path, file);
    const key = Object.hasOwn(this.fileInputs, label) ? file.path : label;
    this.fileInputs[key] = `${short(file.sha256)} ${file.mode.toString(8).padStart(4, "0")}`;
  }

  private text(value: unknown, location: Location | undefined): Text {
    return this.options.renderer.render(String(value), location);
  }

  private value(value: unknown, kind: string, location: Location | undefined, key: string): unknown {
    switch (kind) {
      case "integer": {
        const text = this.text(value, location);
        if (/^\d+$/.test(text.real.trim())) return new Text(text.real.trim(), text.structure, "integer");
        if (text.packerVariables().length > 0) return text;
        throw usage(`"${text.real}" is not a whole number, which "${key}" needs`, location, `for example "${key}: 2"`);
      }
      case "flag": {
        const text = this.text(value, location);
        if (text.packerVariables().length > 0) return text;
        const flag = readFlag(text.real);
        if (flag === undefined) {
          throw usage(`"${text.real}" is neither true nor false, which "${key}" needs`, location, `"${key}: true"`);
        }
        return new Text(String(flag), text.variables().length > 0 ? text.structure : String(flag), "flag");
      }
      case "list":
        return (Array.isArray(value) ? value : [value]).map((item) => this.text(item, location));
      case "text":
        return this.text(value, location);
      default:
        return this.tree(value, location);
    }
  }

  private tree(value: unknown, location: Location | undefined): unknown {
    if (Array.isArray(value)) return value.map((item) => this.tree(item, location));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, this.tree(own, location)]));
    }
    return this.text(value ?? "", location);
  }

  private variables(secrets: readonly SecretVariable[]): Record<string, unknown> {
    const variables: Record<string, unknown> = { ...RUNNER_VARIABLES };
    for (const { name } of secrets) variables[name] = { type: "string", default: "", sensitive: true };
    return variables;
  }

  private machine(builder: Step | undefined): MachineOptions {
    const number = (key: string): number | undefined => {
      const value = builder?.settings[key];
      if (value === undefined || value === null) return undefined;
      const text = this.options.renderer.render(String(value), builder?.locate([key])).real.trim();
      if (!/^[1-9]\d*$/.test(text)) {
        throw usage(`"${text}" is not a whole number, which "${key}" needs`, builder?.locate([key]), `"${key}: 2"`);
      }
      return Number(text);
    };
    // As with QEMU itself, what qemuargs say goes before.
    const smp = /^(?:cpus=)?([1-9]\d*)(?:,|$)/.exec(this.argument("-smp", builder))?.[1];
    const [, size, unit] = /^(?:size=)?([1-9]\d*)([MG]?)(?:,|$)/i.exec(this.argument("-m", builder)) ?? [];
    const cpus = smp ? Number(smp) : number("cpus");
    const memoryMb = size ? Number(size) * (unit?.toUpperCase() === "G" ? 1024 : 1) : number("memory");
    return { ...(cpus !== undefined && { cpus }), ...(memoryMb !== undefined && { memoryMb }) };
  }

  /** The value of an argument in a template's qemuargs; empty where there is none. */
  private argument(name: string, builder: Step | undefined): string {
    const own = builder?.settings.qemuargs;
    const pair: unknown = Array.isArray(own) ? own.find((each) => Array.isArray(each) && each[0] === name) : undefined;
    return Array.isArray(pair) ? this.text(pair[1] ?? "", builder?.locate(["qemuargs"])).real.trim() : "";
  }

  private at(location: Location | undefined): string {
    return location ? `${location.file}:${location.line ?? 1}: ` : "";
  }
}

/** The rendered texts in a tree of values: what of a template its configuration shows. */
function texts(value: unknown): Text[] {
  if (value instanceof Text) return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(texts) : [];
}

/** An error in what a template says. */
export function usage(what: string, location: Location | undefined, fix: string): VisaImageError {
  return new VisaImageError(what, { location, fix, exitCode: ExitCode.USAGE });
}
