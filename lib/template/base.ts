import { isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ExitCode, type Location, VisaImageError } from "../errors";
import { mapAll, Problems } from "../problems";
import type { BootstrapBase, CloudImageBase, DiskFormat, FileBase, InstallerMedium } from "../specification";
import { HASH_SUFFIX } from "./marks";
import { MEDIA_LOCK_FILE, readMediaLock } from "./media-lock";
import type { Renderer, Text } from "./render";
import { isUrl } from "./source";
import type { Template } from "./template";
import { withTypedHashes } from "./typed-passwords";

/** Size of a bootstrapped base in GiB: the root file system grows to the layer's disk when that is first booted. */
const BOOTSTRAP_DISK_GB = 4;

/** How long an installation may take where nothing else is said; without KVM an hour is not enough. */
export const INSTALLER_TIMEOUT = "2h";

/** An installer as a template has it: what the installation's Packer configuration is made of. */
export interface Installer {
  readonly kind: "installer";
  readonly media: readonly InstallerMedium[];
  /** What is typed over VNC. */
  readonly bootCommand: readonly Text[];
  /** Undefined where nothing is typed. */
  readonly bootWait?: Text;
  /** Undefined for an ISO. */
  readonly kernelArguments?: Text;
  /** Of root in the new system: Packer logs in with it. Undefined: nobody logs in. */
  readonly password?: Text;
  readonly timeout: string;
  /** What is odd but no error. */
  readonly warnings: readonly string[];
}

/** What a template says of its base; of an installer that is not yet all that a build needs. */
export type TemplatesBase = BootstrapBase | CloudImageBase | FileBase | Installer;

/**
 * What a template without a parent starts from: its `base`, else the disk image or the installer that its QEMU builder
 * boots, else a bootstrapped Debian 12.
 * @throws VisaImageError when what is given cannot be used
 */
export function resolveBase(template: Template, renderer: Renderer): TemplatesBase {
  const { base } = template.parts;
  if (!base) return fromBuilder(template, renderer);
  const [[kind, value] = ["", {}]] = Object.entries(base);
  const at = (key: string) => template.parts.locate(["base", kind, key]);
  const fail = (what: string, key: string, fix: string) =>
    new VisaImageError(what, { location: at(key), fix, exitCode: ExitCode.USAGE });
  const text = (key: string, fallback: string): string => {
    const rendered = renderer.render(String(value?.[key] ?? fallback), at(key));
    const [variable] = rendered.variables();
    if (rendered.real !== "" || variable === undefined) return rendered.real;
    throw fail(`"${key}" is empty`, key, `set the variable "${variable}": environment.yml says what it is`);
  };
  if (kind === "bootstrap") {
    const suite = text("suite", "bookworm");
    if (!/^[a-z]+$/.test(suite))
      throw fail(`"${suite}" is not a Debian suite`, "suite", "for example bookworm or trixie");
    const size = text("disk_size_gb", String(BOOTSTRAP_DISK_GB));
    if (!/^[1-9]\d{0,3}$/.test(size)) throw fail(`"${size}" is not a size in GiB`, "disk_size_gb", "a whole number");
    const packages = readPackages(value?.packages, renderer, at("packages"));
    return { kind: "bootstrap", suite, packages: [...new Set(packages)].sort(), diskSizeGb: Number(size) };
  }
  const problem = (key: string) => (what: string, fix: string) => fail(what, key, fix);
  if (kind === "installer") {
    const own = (key: string) => value?.[key] ?? undefined;
    const rendered = (key: string) => (own(key) === undefined ? undefined : renderer.render(String(own(key)), at(key)));
    const medium = (name: InstallerMedium["name"], checksum: string): InstallerMedium => {
      const sum = text(checksum, "");
      const fail = problem(own(checksum) === undefined ? name : checksum);
      const source = readSource(text(name, ""), template, problem(name));
      return sum === "none"
        ? firstUse(name, source, template, fail)
        : { name, source, checksum: readChecksum(sum, fail) };
    };
    const iso = own("iso") !== undefined;
    if (iso === (own("kernel") !== undefined || own("initrd") !== undefined)) {
      throw fail("an installer is an ISO, or a kernel and an initrd", "iso", 'give "iso", or "kernel" and "initrd"');
    }
    const foreign = (
      iso
        ? ["kernel_checksum", "initrd_checksum", "kernel_arguments"]
        : ["checksum", "boot_command", "boot_wait", "ssh_password"]
    ).find((key) => own(key) !== undefined);
    if (foreign !== undefined) {
      throw fail(`"${foreign}" is of no use with ${iso ? "an ISO" : "a kernel"}`, foreign, "remove it");
    }
    const names: readonly (readonly [InstallerMedium["name"], string])[] = iso
      ? [["iso", "checksum"]]
      : [
          ["kernel", "kernel_checksum"],
          ["initrd", "initrd_checksum"],
        ];
    const problems = new Problems();
    const media = problems.attempt(() => mapAll(names, ([name, checksum]) => medium(name, checksum))) ?? [];
    const installer = {
      media,
      bootCommand: mapAll(([] as unknown[]).concat(own("boot_command") ?? []), (line) =>
        renderer.render(String(line), at("boot_command")),
      ),
      bootWait: iso ? (rendered("boot_wait") ?? renderer.render("5s")) : undefined,
      kernelArguments: rendered("kernel_arguments"),
      password: rendered("ssh_password"),
      timeout: rendered("timeout")?.real ?? INSTALLER_TIMEOUT,
      warnings: [],
    };
    return checkInstaller({ kind, ...installer }, problem, problems);
  }
  const checksum = readChecksum(text("checksum", ""), problem("checksum"));
  const format = readFormat(text("format", "qcow2"), problem("format"));
  return kind === "file"
    ? { kind: "file", path: readPath(text("path", ""), template, problem("path")), checksum, format }
    : { kind: "cloud-image", url: readUrl(text("url", ""), problem("url")), checksum, format };
}

/** What a template has to say of the choices that were made. */
export function resolveWarnings(template: Template, renderer: Renderer): string[] {
  const location = template.parts.locate(["warnings"]);
  return ([] as unknown[])
    .concat(template.parts.warnings ?? [])
    .map((text) => renderer.render(String(text), location).real.trim().replace(/\s+/g, " "))
    .filter((text) => text !== "");
}

/** The Debian packages that a template would like its base to bring (`base_packages`). */
export function resolveBasePackages(template: Template, renderer: Renderer): string[] {
  return readPackages(template.parts.basePackages, renderer, template.parts.locate(["base_packages"]));
}

/** A bootstrapped base with more packages; for any other one the layers install what they need. */
export function withPackages(base: BootstrapBase, packages: readonly string[]): BootstrapBase {
  return { ...base, packages: [...new Set([...base.packages, ...packages])].sort() };
}

function readPackages(value: unknown, renderer: Renderer, location: Location | undefined): string[] {
  const packages = ([] as unknown[])
    .concat(value ?? [])
    .flatMap((name) => renderer.render(String(name), location).real.split(/\s+/))
    .filter((name) => name !== "");
  const odd = packages.find((name) => !/^[a-z0-9][a-z0-9+.-]*$/.test(name));
  if (odd === undefined) return packages;
  throw new VisaImageError(`"${odd}" is not the name of a Debian package`, {
    location,
    fix: "correct it",
    exitCode: ExitCode.USAGE,
  });
}

/** packme's way: a QEMU builder that boots a disk image, or an installer. */
function fromBuilder(template: Template, renderer: Renderer): TemplatesBase {
  const builder = template.parts.builders.find(({ type }) => type === "qemu");
  const value = (key: string): string => {
    const own = builder?.settings[key];
    return own === undefined || own === null ? "" : renderer.render(String(own), builder?.locate([key])).real;
  };
  const urls = builder?.settings.iso_urls;
  const url = value("iso_url") || (Array.isArray(urls) && urls[0] ? renderer.render(String(urls[0])).real : "");
  if (url === "") return { kind: "bootstrap", suite: "bookworm", packages: [], diskSizeGb: BOOTSTRAP_DISK_GB };
  const problem = (key: string) => (what: string, fix: string) =>
    new VisaImageError(what, { location: builder?.locate([key]), fix, exitCode: ExitCode.USAGE });
  const type = value("iso_checksum_type");
  const sum = value("iso_checksum");
  const isInstaller = !/^(true|yes|on)$/i.test(value("disk_image"));
  const isUnstated = isInstaller && (sum === "none" || (sum === "" && type === "none"));
  const problems = new Problems();
  const checksum = isUnstated
    ? ""
    : problems.attempt(() =>
        readChecksum(type && type !== "none" && !sum.includes(":") ? `${type}:${sum}` : sum, problem("iso_checksum")),
      );
  if (isInstaller) {
    const source = problems.attempt(() => readSource(url, template, problem("iso_url")));
    const text = (key: string): Text | undefined => {
      const own = builder?.settings[key] ?? undefined;
      return own === undefined ? undefined : renderer.render(String(own), builder?.locate([key]));
    };
    const command = builder?.settings.boot_command ?? [];
    const lines = command === "none" ? [] : ([] as unknown[]).concat(command);
    const medium = problems.attempt(() =>
      source === undefined || checksum === undefined
        ? undefined
        : isUnstated
          ? firstUse("iso", source, template, problem(sum === "" ? "iso_checksum_type" : "iso_checksum"))
          : { name: "iso" as const, source, checksum },
    );
    return checkInstaller(
      {
        kind: "installer",
        media: medium ? [medium] : [],
        bootCommand: mapAll(lines, (line) => renderer.render(String(line), builder?.locate(["boot_command"]))),
        bootWait: text("boot_wait") ?? renderer.render("10s"),
        password: text("ssh_password"),
        timeout: text("ssh_timeout")?.real ?? text("ssh_wait_timeout")?.real ?? INSTALLER_TIMEOUT,
        warnings: [],
      },
      (key) => problem(key === "timeout" ? "ssh_timeout" : key),
      problems,
    );
  }
  const format: DiskFormat = /\.raw$/i.test(url) ? "raw" : "qcow2";
  const place = problems.attempt(() =>
    isUrl(url) ? readUrl(url, problem("iso_url")) : readPath(url, template, problem("iso_url")),
  );
  problems.throwAny();
  const disk = { checksum: checksum as string, format };
  return isUrl(url)
    ? { kind: "cloud-image", url: place as string, ...disk }
    : { kind: "file", path: place as string, ...disk };
}

/** What holds for an installer from `base` and from a builder; throws what was found before, too. */
function checkInstaller(given: Installer, problem: (key: string) => Problem, problems: Problems): Installer {
  const installer = {
    ...given,
    bootCommand: given.bootCommand.map(withTypedHashes),
    warnings: given.media.flatMap(firstUseWarning),
  };
  const plain = new Set(given.bootCommand.flatMap((text) => text.packerVariables()));
  const isHash = (name: string) => name.endsWith(HASH_SUFFIX) && !plain.has(name);
  const shown = { boot_command: installer.bootCommand, kernel_arguments: [installer.kernelArguments] };
  for (const [key, texts] of Object.entries(shown)) {
    const used = texts.flatMap((text) => text?.packerVariables() ?? []).filter((name) => !isHash(name));
    const secrets = [...new Set(used)];
    if (secrets.length === 0) continue;
    // All at once: who mends one is not to find the next one afterwards.
    const shownSecret = problem(key)(
      `the secret ${secrets.map((name) => `"${name}"`).join(" and the secret ")} would stand on the kernel's command line, where everyone can read it`,
      `move it into a file of http/ whose name ends in .j2, as ${secrets.map((name) => `{{ ${name}${HASH_SUFFIX} }}`).join(" and ")}`,
    );
    problems.add(shownSecret);
  }
  if (!/^(\d+h)?(\d+m)?(\d+s)?$/.test(installer.timeout) || installer.timeout === "") {
    problems.add(problem("timeout")(`"${installer.timeout}" is not a time`, "for example 90m or 2h"));
  }
  problems.throwAny();
  return installer;
}

/** A medium for which nobody states a checksum. @param fail for the place of the checksum */
function firstUse(
  name: InstallerMedium["name"],
  source: string,
  { directory }: Template,
  fail: Problem,
): InstallerMedium {
  if (directory === undefined) {
    throw fail(
      "a medium without a checksum is taken on first use, and the template has no folder for its lock",
      SUM_FIX,
    );
  }
  const known = isUrl(source) ? source : relative(directory, source);
  return { name, source, firstUse: { lockFile: join(directory, MEDIA_LOCK_FILE), name: known } };
}

function firstUseWarning({ firstUse: unstated }: InstallerMedium): string[] {
  if (!unstated || readMediaLock(unstated.lockFile)[unstated.name] !== undefined) return [];
  return [
    `"${unstated.name}" has no checksum: the first build takes it as it is, and writes its SHA-256 into ${unstated.lockFile}`,
  ];
}

type Problem = (what: string, fix: string) => VisaImageError;

const SUM_FIX = 'write "sha256:" and its 64 digits, or "sha512:" and 128';

function readChecksum(text: string, problem: Problem): string {
  const match = /^(?:(sha256|sha512):)?([0-9a-f]+)$/i.exec(text.trim());
  const digits = match?.[2]?.toLowerCase() ?? "";
  const kind = match?.[1]?.toLowerCase() ?? (digits.length === 128 ? "sha512" : "sha256");
  if (digits.length !== (kind === "sha512" ? 128 : 64)) {
    throw problem(`"${text}" is not a checksum of an image`, SUM_FIX);
  }
  return `${kind}:${digits}`;
}

function readFormat(text: string, problem: Problem): DiskFormat {
  if (text === "qcow2" || text === "raw") return text;
  throw problem(`"${text}" is not a disk format that can be used`, "qcow2 or raw");
}

function readUrl(text: string, problem: Problem): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw problem(`"${text}" is not the URL of an image`, "begin with https://");
  if (url.username || url.password) {
    throw problem("the URL of an image shows a password", "remove it: the URL stands in plans and specifications");
  }
  return text;
}

/** A URL or a path. */
function readSource(text: string, template: Template, problem: Problem): string {
  return isUrl(text) ? readUrl(text, problem) : readPath(text, template, problem);
}

function readPath(text: string, template: Template, problem: Problem): string {
  if (text === "" || text.includes("\0")) throw problem(`"${text}" is not a path`, "name a file");
  if (/^file:/i.test(text)) {
    try {
      return fileURLToPath(text);
    } catch {
      throw problem(`"${text}" is not the URL of a file`, "write file:///path, or the path alone");
    }
  }
  if (isAbsolute(text)) return text;
  if (template.directory === undefined)
    throw problem(`"${text}" is relative, and the template has no folder`, "give an absolute path");
  return resolve(template.directory, text);
}
