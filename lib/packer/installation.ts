/** Renders what an installation needs: its Packer configuration, and the files that it gives to the installer. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { usageError } from "../errors";
import { canonicalJson, framedDigest, sha256, short } from "../fingerprint/digest";
import { digestFile } from "../fingerprint/file-digest";
import { assetFolder } from "../package-root";
import { mapAll } from "../problems";
import type { InstallerBase, SecretVariable, SpecifiedFile } from "../specification";
import { INSTALLER_TIMEOUT, type Installer } from "../template/base";
import { type ExcludedFile, stage } from "../template/files";
import { HASH_SUFFIX } from "../template/marks";
import type { Renderer, Text } from "../template/render";
import { readText } from "../template/yaml-file";
import { assemble, filesOf, qemuStep, type RenderOptions } from "./configuration";
import { guestFiles } from "./guest-scripts";
import { reference } from "./hcl";
import { prepared } from "./provisioners";
import { LOGIN, QemuBuilder } from "./qemu-builder";
import { StagedFiles } from "./staged-files";
import { checkDuration, TypedValues } from "./typed-values";

/** Installs cloud-init in a system that an installer left without it. */
const CLOUD_INIT_SCRIPT = "guest/cloud-init.sh";

/** The Packer variable of what the runner sets for installations alone. */
const TIMEOUT = "installer_timeout";

/** What a file's name ends in that is rendered; the installer finds it without. */
const RENDERED = /\.j2$/;

/** Options of {@link renderInstaller}. */
export interface RenderInstallerOptions extends RenderOptions {
  readonly installer: Installer;
  /** Renders the files, whose values have the secrets' hashes too. */
  readonly fileRenderer: Renderer;
}

/** A rendered installation. */
export interface RenderedInstaller {
  readonly base: InstallerBase;
  /** For a reader of a plan: one entry for the configuration, each medium and each file. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Names of the template's variables that it shows. */
  readonly variables: readonly string[];
  readonly warnings: readonly string[];
  /** What of the folders is left out. */
  readonly excluded: readonly ExcludedFile[];
}

/**
 * Renders an installer as a Packer configuration, and the files of the template's folders `http` and `cd`.
 * @throws VisaImageError for whatever in the template cannot be used
 */
export function renderInstaller(options: RenderInstallerOptions): RenderedInstaller {
  return new Installation(options).rendered();
}

class Installation {
  private readonly inputs: Record<string, string> = {};
  private readonly texts: Text[] = [];
  private readonly files: StagedFiles;

  constructor(private readonly options: RenderInstallerOptions) {
    this.files = new StagedFiles(options.template.name, options);
  }

  rendered(): RenderedInstaller {
    const { installer, secrets, diskSize, template, renderer } = this.options;
    const { step, warnings } = qemuStep(template);
    const builder = new QemuBuilder(step, new TypedValues(renderer), this.files, filesOf(template));
    const source = this.source(builder);
    if (installer.password) this.addGuestScripts();
    const hashes = secrets.map((secret) => ({ ...secret, name: secret.name + HASH_SUFFIX }));
    const rendered = assemble({ ...this.options, secrets: [...secrets, ...hashes] }, source, this.provisioners());
    const { configuration, structure, variables, secrets: used } = rendered;
    Object.assign(configuration.variable as object, { [TIMEOUT]: { type: "string", default: INSTALLER_TIMEOUT } });
    this.inputs["base packer"] = short(framedDigest([canonicalJson(structure)]));
    for (const { name, checksum, firstUse } of installer.media) {
      this.inputs[`base ${name}`] = checksum
        ? short(checksum.replace(/^.*:/, ""))
        : `${firstUse?.name}, taken on first use`;
    }
    const shown = this.texts.flatMap((text) => text.packerVariables());
    const isUsed = ({ name }: SecretVariable) =>
      [...used.map((other) => other.name), ...shown].some((own) => own === name || own === name + HASH_SUFFIX);
    return {
      base: {
        kind: "installer",
        media: installer.media,
        configuration,
        files: this.files.list(),
        secrets: secrets.filter(isUsed),
        diskSizeGb: Number(diskSize.real),
        timeout: installer.timeout,
      },
      inputs: this.inputs,
      variables: [...new Set([...variables, ...this.texts.flatMap((text) => text.variables())])].sort(),
      warnings: [...installer.warnings, ...warnings],
      excluded: this.files.excluded(),
    };
  }

  private source(builder: QemuBuilder): Record<string, unknown> {
    const { diskSize, installer } = this.options;
    const { bootCommand, bootWait, kernelArguments, password, media } = installer;
    const own = builder.settings(new Set(["boot_command"]));
    if (bootWait) checkDuration(bootWait.real, this.options.template.parts.locate(["base", "installer"]), "boot_wait");
    const isIso = media[0]?.name === "iso";
    const hardware = builder.hardware({ ...own, ...(bootWait && { boot_wait: bootWait }) }, diskSize);
    // A machine that boots again is one that is done: with a kernel given it would start the installer once more.
    const ends = password ? [] : [["-netdev", "user,id=user.0"], ["-no-reboot"]];
    const boots = isIso
      ? []
      : [
          ["-kernel", "kernel"],
          ["-initrd", "initrd"],
          ["-append", kernelArguments ?? ""],
        ];
    const mine = new Set([...ends, ...boots].map(([name]) => name));
    const others = (hardware.qemuargs as unknown[][]).filter(([name]) => !mine.has(name as string));
    const http = this.folder("http");
    const cd = this.folder("cd");
    return {
      ...hardware,
      ...(isIso ? { iso_url: "installer.iso" } : { disk_image: true, iso_url: "empty.qcow2", skip_resize_disk: true }),
      qemuargs: [...others, ...ends, ...boots],
      ...(bootCommand.length > 0 && { boot_command: bootCommand }),
      // What it serves is for the guest alone, which reaches this machine's loopback under another address.
      ...(http.length > 0 && { http_directory: "http", http_bind_address: "127.0.0.1" }),
      ...(cd.length > 0 && { cd_files: cd, cd_label: "cidata" }),
      ...(password
        ? { ...LOGIN, ssh_password: password, ssh_timeout: reference(TIMEOUT) }
        : { communicator: "none", shutdown_timeout: reference(TIMEOUT) }),
    };
  }

  private provisioners(): unknown[] {
    const { password } = this.options.installer;
    return password ? prepared([{ shell: { script: CLOUD_INIT_SCRIPT } }]) : [];
  }

  private addGuestScripts(): void {
    const source = join(assetFolder(join("packer", "guest")), CLOUD_INIT_SCRIPT.slice("guest/".length));
    const own: SpecifiedFile = { path: CLOUD_INIT_SCRIPT, source, ...digestFile(source) };
    for (const file of [...guestFiles(this.options.guestFolder), own]) this.files.add(file, file.path);
  }

  /** The files of a folder of the template, rendered where their names say so; returns what is directly in it. */
  private folder(name: "http" | "cd"): string[] {
    const { directory, parts } = this.options.template;
    if (directory === undefined || !existsSync(join(directory, name))) return [];
    const scope = { folder: directory, boundary: directory, staged: "", label: "", exclude: parts.exclude };
    const { files, excluded } = stage(name, scope, "folder", undefined);
    this.files.leftOut(excluded);
    mapAll(files, (file) => {
      const path = file.path.slice(1).replace(RENDERED, "");
      if (this.files.has(path)) {
        throw usageError(`"${path}" is there with and without .j2`, { file: file.source }, "remove one of the two");
      }
      this.files.add(RENDERED.test(file.source) ? this.renderFile(file, path) : { ...file, path }, path);
      this.inputs[`base ${path}`] ??= short(file.sha256);
    });
    const inside = this.files.list().flatMap(({ path }) => (path.startsWith(`${name}/`) ? [path] : []));
    return [...new Set(inside.map((path) => path.split("/").slice(0, 2).join("/")))].sort();
  }

  private renderFile(file: SpecifiedFile, path: string): SpecifiedFile {
    const location = { file: file.source };
    const text = this.options.fileRenderer.render(readText(file.source), location);
    const secrets = text.packerVariables();
    const plain = secrets.find((name) => this.options.secrets.some((secret) => secret.name === name));
    if (plain !== undefined && path.startsWith("http/")) {
      throw usageError(
        `the secret "${plain}" stands in "${path}", which any user of the build machine can fetch`,
        location,
        `write {{ ${plain}${HASH_SUFFIX} }} for its hash, or move the file into the folder cd`,
      );
    }
    this.texts.push(text);
    // What the variables in it are is told by entries of their own.
    this.inputs[`base ${path}`] = short(sha256(text.structure));
    return {
      path,
      source: file.source,
      // Whoever may not read the secret may not read the file either.
      mode: secrets.length > 0 ? 0o600 : 0o644,
      sha256: sha256(text.real),
      content: text.real,
    };
  }
}
