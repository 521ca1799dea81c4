/** What in a tree of packme's has to be put right, and how: one function each. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { sha256 } from "../fingerprint/digest";
import { FILE_KEYS } from "../packer/provisioners";
import { isFolder, isThere } from "../presence";
import { Renderer } from "../template/render";
import { keyKinds } from "../template/schema";
import { isUrl } from "../template/source";
import type { ValuePath } from "../template/yaml-file";
import { EditedYaml } from "./edited-yaml";
import type { MendedTree } from "./tree";

type Settings = Readonly<Record<string, unknown>>;

/** A template's or a package's manifest that is being edited. */
interface Manifest {
  readonly file: string;
  readonly yaml: EditedYaml;
  /** Where its paths start from: the template's folder. Undefined for a package, where each template has its own. */
  readonly folder?: string;
  /** Whether it extends no other template. */
  readonly isFirst: boolean;
  readonly steps: { readonly path: ValuePath; readonly settings: Settings }[];
  readonly builders: { readonly path: ValuePath; readonly settings: Settings }[];
}

/** Ubuntu's installer for the network: no mirror has it any more. */
const GONE =
  /ubuntu.*\/installer-amd64\/.*mini\.iso$|\/dists\/(trusty|xenial|bionic|cosmic|disco|eoan|focal)[^/]*\/.*mini\.iso$/i;

/** What of a builder is for an installer alone. */
const INSTALLERS_KEYS = `iso_url iso_urls iso_checksum iso_checksum_type iso_checksum_url iso_target_path
  iso_target_extension boot_command boot_wait boot_key_interval boot_keygroup_interval http_directory floppy_files
  floppy_dirs floppy_label`.split(/\s+/);

/** Mends what can be found in the files alone. */
export function mendFiles(tree: MendedTree): void {
  const config = EditedYaml.read(tree.read("config.yml"));
  if (!config) return;
  mendKeys(tree, "config.yml", config);
  flush(tree, "config.yml", config);
  const templates = isMap(config.value) && isMap(config.value.templates) ? config.value.templates : {};
  for (const [name, own] of Object.entries(templates)) mendTemplate(tree, name, isMap(own) ? own : {});
  if (isFolder(tree.path("packages"))) {
    for (const file of tree.files().filter((each) => /^packages\/[^/]+\/manifest\.yml$/.test(each))) {
      const yaml = EditedYaml.read(tree.read(file));
      if (!yaml) continue;
      mendKeys(tree, file, yaml);
      const steps = listOf(yaml.value, ["provisioners"]);
      mendSteps(tree, { file, yaml, isFirst: false, steps, builders: [] });
      flush(tree, file, yaml);
    }
  }
}

function mendTemplate(tree: MendedTree, name: string, own: Settings): void {
  const folder = join(tree.templatesFolder, name);
  if (own.same_as !== undefined) return;
  const file = join(folder, "manifest.yml");
  if (!isFolder(tree.path(folder))) {
    tree.write(file, "packer: {}\n");
    tree.changes.push({ file, what: "written", why: `the template "${name}" had no folder (git keeps no empty one)` });
    return;
  }
  for (const each of ["environment.yml.tlt", "environment.yml"].map((own) => join(folder, own))) {
    if (!tree.has(each)) continue;
    const yaml = EditedYaml.read(tree.read(each));
    if (yaml) {
      mendKeys(tree, each, yaml);
      flush(tree, each, yaml);
    }
  }
  if (!tree.has(file)) return;
  const yaml = EditedYaml.read(tree.read(file));
  if (!yaml) return;
  const manifest: Manifest = {
    file,
    yaml,
    folder,
    isFirst: own.extends === undefined || own.extends === null,
    steps: listOf(yaml.value, ["packer", "provisioners"]),
    builders: listOf(yaml.value, ["packer", "builders"]),
  };
  mendKeys(tree, file, yaml);
  mendInstaller(tree, manifest);
  mendLocalDisk(tree, manifest);
  mendUnused(tree, manifest);
  mendSteps(tree, manifest);
  flush(tree, file, yaml);
}

function flush(tree: MendedTree, file: string, yaml: EditedYaml): void {
  if (yaml.isChanged) tree.write(file, yaml.text());
}

/** The maps of a list, with their paths. */
function listOf(root: unknown, path: readonly string[]): { path: ValuePath; settings: Settings }[] {
  let value = root;
  for (const key of path) value = isMap(value) ? value[key] : undefined;
  return (Array.isArray(value) ? value : []).flatMap((settings, i) =>
    isMap(settings) ? [{ path: [...path, i], settings }] : [],
  );
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Equal keys, and keys of the tree's own beside those that are known. */
function mendKeys(tree: MendedTree, file: string, yaml: EditedYaml): void {
  yaml.removeEarlierKeys((name, line) =>
    tree.changes.push({ file, line, what: `removed "${name}"`, why: "it stands there once more below, which counts" }),
  );
  const known = /config\.yml$/.test(file)
    ? ["templates"]
    : /environment\.yml(\.tlt)?$/.test(file)
      ? ["environment", "machine", "secrets"]
      : /^packages\//.test(file)
        ? ["provisioners", "description"]
        : ["packer"];
  for (const key of Object.keys(isMap(yaml.value) ? yaml.value : {})) {
    if (known.includes(key) || key.startsWith("x-")) continue;
    if (!yaml.renameKey([key], `x-${key}`)) continue;
    tree.changes.push({
      file,
      line: yaml.line([key]),
      what: `"${key}" is "x-${key}" now`,
      why: "keys that are not known are errors, but for helpers of your own (x-)",
    });
  }
}

/** What an installer puts there unasked, and VISA's contract wants (45): a bootstrapped base has nothing that sets the clock. */
const INSTALLED_BY_ITSELF = ["systemd-timesyncd"];

/** An installer whose medium is no longer published: the template stands on a bootstrapped Debian instead. */
function mendInstaller(tree: MendedTree, { file, yaml, folder = "", isFirst, builders, steps }: Manifest): void {
  const builder = builders.find(({ settings }) => settings.type === "qemu");
  if (!builder || !isFirst) return;
  const { iso_url, iso_urls } = builder.settings;
  const url = rendered(tree, folder, iso_url ?? (Array.isArray(iso_urls) ? iso_urls[0] : undefined));
  if (!GONE.test(url) || /^(true|yes|on)$/i.test(String(builder.settings.disk_image ?? ""))) return;
  const why = `${url} is no longer published, and no other medium answers its boot command`;
  const named = installedPackages(tree, folder);
  const packages = JSON.stringify([...new Set([...named, ...INSTALLED_BY_ITSELF])].join(" "));
  if (!yaml.insertFirst(["packer"], `base: { bootstrap: { suite: bookworm, packages: ${packages} } }`)) return;
  const what = `base: a bootstrapped Debian 12${named.length > 0 ? ", with the packages that the installer's answers name" : ""}`;
  tree.changes.push({ file, line: yaml.line(["packer"]), what, why });
  if (/passwd\/root-password=/.test(String(builder.settings.boot_command))) {
    tree.advice.push({
      file,
      line: yaml.line([...builder.path, "boot_command"]),
      what: "root had the password that was typed, and has none now (a build gets in by a key)",
      fix: "where one is needed, a shell step: inline: [\"echo 'root:{{ root_password }}' | chpasswd\"]",
    });
  }
  for (const key of Object.keys(builder.settings)) {
    if (!INSTALLERS_KEYS.includes(key) || !yaml.remove([...builder.path, key])) continue;
    const line = yaml.line([...builder.path, key]);
    tree.changes.push({ file, line, what: `removed "${key}"`, why: "it is the installer's" });
  }
  const http = join(folder, "http");
  if (isFolder(tree.path(http))) {
    tree.remove(http, "the installer's answers, which nobody asks for any more");
    tree.advice.push({
      file: http,
      what: "of the installer's answers only the packages are carried over",
      fix: "what your layers need of its locale, time zone and late commands goes into a script",
    });
  }
  for (const { path, settings } of steps) {
    const destination = String(settings.destination ?? "");
    if (settings.type !== "file" || !destination.startsWith("/etc/apt/sources.list")) continue;
    if (!yaml.remove(path)) continue;
    tree.changes.push({
      file,
      line: yaml.line(path),
      what: `removed the step that writes ${destination}`,
      why: "it names the archive of the distribution that was installed; Debian's stays",
    });
  }
  adviseOnScripts(tree);
}

/** What a preseed file has the installer install. */
function installedPackages(tree: MendedTree, folder: string): string[] {
  const answers = tree.files().filter((file) => file.startsWith(`${join(folder, "http")}/`));
  const named = answers.flatMap((file) => {
    const text = readFileSync(tree.path(file), "utf8").replaceAll(/\\\n/g, " ");
    return /^d-i[ \t]+pkgsel\/include[ \t]+string[ \t]+(.*)$/m.exec(text)?.[1]?.split(/[ \t]+/) ?? [];
  });
  return [...new Set(named)].filter((name) => /^[a-z0-9][a-z0-9+.-]*$/.test(name));
}

/** What was written for the distribution that the dead medium installed. */
function adviseOnScripts(tree: MendedTree): void {
  const words = /\b(ubuntu|trusty|xenial|bionic|focal|add-apt-repository|ppa:|snap install)\b/i;
  for (const file of tree.files()) {
    if (!/\.(sh|bash|yml)$/.test(file) || /(^|\/)(manifest|environment|config)\.yml/.test(file)) continue;
    const lines = readFileSync(tree.path(file), "utf8").split("\n");
    const found = lines.flatMap((text, i) => (words.test(text) && !/^\s*#/.test(text) ? [i + 1] : []));
    if (found.length === 0) continue;
    const more = found.length > 1 ? ` (and ${found.length - 1} more lines)` : "";
    tree.advice.push({
      file,
      line: found[0],
      what: `written for Ubuntu, and the base is Debian 12 now${more}`,
      fix: "write what Debian has for it",
    });
  }
}

/** A value with the template's variables, as far as they are known. */
function rendered(tree: MendedTree, folder: string, value: unknown): string {
  if (typeof value !== "string") return "";
  const file = ["environment.yml.tlt", "environment.yml"]
    .map((name) => join(folder, name))
    .find((own) => tree.has(own));
  const environment = file === undefined ? undefined : EditedYaml.read(tree.read(file))?.value;
  const variables = isMap(environment) && isMap(environment.environment) ? environment.environment : {};
  const values = Object.entries(variables).map(([name, own]): [string, string] => [
    name,
    isMap(own) ? "" : `${own ?? ""}`,
  ]);
  try {
    return new Renderer(new Map(values)).render(value).real;
  } catch {
    return value;
  }
}

/** A disk image of the tree without a checksum, which can be computed. */
function mendLocalDisk(tree: MendedTree, { file, yaml, folder = "", isFirst, builders }: Manifest): void {
  const builder = builders.find(({ settings }) => settings.type === "qemu");
  if (!builder || !isFirst) return;
  const { iso_checksum: sum, disk_image, iso_url } = builder.settings;
  if (sum !== "none" || !/^(true|yes|on)$/i.test(String(disk_image ?? ""))) return;
  const url = rendered(tree, folder, iso_url).replace(/^file:\/\//, "");
  if (url === "" || isUrl(url)) return;
  const path = resolve(tree.path(folder), url);
  if (!isThere(path) || isFolder(path)) return;
  if (!yaml.setScalar([...builder.path, "iso_checksum"], `sha256:${sha256(readFileSync(path))}`)) return;
  tree.changes.push({
    file,
    line: yaml.line([...builder.path, "iso_checksum"]),
    what: `iso_checksum: that of ${url}, as it is now`,
    why: "a disk image needs one",
  });
}

/** What is never run. */
function mendUnused(tree: MendedTree, { file, yaml, builders, steps }: Manifest): void {
  const packer = isMap(yaml.value) && isMap(yaml.value.packer) ? yaml.value.packer : {};
  const { postprocessors } = packer;
  if (Array.isArray(postprocessors) && postprocessors.length > 0 && yaml.remove(["packer", "postprocessors"])) {
    const why = "they are not run: visa-image converts and publishes the disk itself";
    tree.changes.push({ file, line: yaml.line(["packer", "postprocessors"]), what: 'removed "postprocessors"', why });
  }
  const isQemu = builders.some(({ settings }) => settings.type === "qemu");
  for (const { path, settings } of builders) {
    if (!isQemu || settings.type === "qemu" || !yaml.remove(path)) continue;
    const what = `removed the builder of type "${settings.type}"`;
    tree.changes.push({ file, line: yaml.line(path), what, why: "images are built by QEMU" });
  }
  for (const { path, settings } of steps) {
    if (settings.type !== "breakpoint" || !yaml.remove(path)) continue;
    const why = "it waits for a key that nobody presses";
    tree.changes.push({ file, line: yaml.line(path), what: "removed the breakpoint", why });
  }
}

/** Durations without a unit, and files that are looked for from elsewhere. */
function mendSteps(tree: MendedTree, { file, yaml, folder, steps, builders }: Manifest): void {
  const all = [
    ...builders.map((each) => ({ ...each, kinds: keyKinds("builder_qemu") })),
    ...steps.map((each) => ({ ...each, kinds: keyKinds(`provisioner_${each.settings.type}`) })),
  ];
  for (const { path, settings, kinds } of all) {
    for (const [key, value] of Object.entries(settings)) {
      if (kinds?.get(key) !== "duration" || !/^[1-9]\d*$/.test(String(value))) continue;
      if (!yaml.setScalar([...path, key], `${value}s`)) continue;
      const line = yaml.line([...path, key]);
      tree.changes.push({ file, line, what: `${key}: ${value}s`, why: "a duration has a unit" });
    }
  }
  if (folder === undefined) return;
  for (const { path, settings } of steps) {
    for (const key of Object.keys(FILE_KEYS[String(settings.type)] ?? {})) {
      const value = settings[key];
      const values = Array.isArray(value) ? value.map((own, i) => [own, [...path, key, i]]) : [[value, [...path, key]]];
      for (const [own, place] of values) {
        if (typeof own === "string") mendPath(tree, { file, yaml, folder }, own, place as ValuePath);
      }
    }
  }
}

/** A path that packme or Packer took from elsewhere than the template's folder. */
function mendPath(
  tree: MendedTree,
  { file, yaml, folder }: Pick<Manifest, "file" | "yaml"> & { folder: string },
  value: string,
  place: ValuePath,
): void {
  if (value === "" || /\{\{|\{%/.test(value)) return;
  const home = tree.path(folder);
  const isInside = (path: string) => !relative(home, path).startsWith("..") && !isAbsolute(relative(home, path));
  const candidates = [resolve(home, value), resolve(tree.folder, value)];
  const found = candidates.find((path) => existsSync(path) || existsSync(`${path}.tlt`));
  if (found === undefined || (found === candidates[0] && isInside(found) && !isAbsolute(value))) return;
  const slash = value.endsWith("/") ? "/" : "";
  const line = yaml.line(place);
  if (isInside(found)) {
    const own = `${relative(home, found) || "."}${slash}`;
    if (!yaml.setScalar(place, quoted(own))) return;
    tree.changes.push({
      file,
      line,
      what: `"${value}" is "${own}" now`,
      why: "paths start from the template's folder",
    });
    return;
  }
  const own = join("shared", basename(found));
  if (tree.has(join(folder, own)) || !existsSync(found) || !yaml.setScalar(place, quoted(own + slash))) return;
  tree.copy(found, join(folder, own));
  tree.changes.push({
    file,
    line,
    what: `copied "${value}" to ${join(folder, own)}`,
    why: `what an image is made of belongs to its template (${dirname(file)})`,
  });
}

function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : JSON.stringify(text);
}
