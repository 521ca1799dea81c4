import { existsSync, lstatSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ExitCode, type Location, VisaImageError } from "../errors";
import { suggestion } from "../nearest";
import { packageRoot } from "../package-root";
import { hasBlocks, hasOpenBlocks, renderBlocks } from "./blocks";
import { check } from "./schema";
import {
  declareSecrets,
  type FileScope,
  readMachine,
  type Step,
  step,
  Template,
  type TemplateParts,
  templateFiles,
} from "./template";
import { readText, YamlFile } from "./yaml-file";

/** Options of {@link Catalog.fromDirectory}. */
export interface CatalogOptions {
  /**
   * Where else to look for a parent.
   * @default the templates that this package ships
   */
  readonly parents?: readonly Catalog[];
  /** @default config.yml in the catalog's folder */
  readonly configFile?: string;
  /** Folder of the templates' folders. @default `templates` in the catalog's folder, or that folder itself */
  readonly templatesFolder?: string;
  /** Folder of packme's packages. @default `packages` in the catalog's folder */
  readonly packagesFolder?: string;
}

/** One template of a catalog, read when it is first asked for. */
interface Entry {
  readonly parent?: string;
  /** Where `extends` stands. */
  readonly location?: Location;
  load(): Template;
}

/**
 * A set of templates, and where to look for a parent that is not among them.
 *
 * Its own templates come first, then those of its parents. A catalog that finds all it extends among its own has no use
 * for its parents, and may call its templates what it likes (the trees of packme call theirs `visa-base` too); one that
 * does extend a parent's template must not have a template of a name that a parent also has, since nobody could tell
 * which of the two is meant.
 */
export class Catalog {
  private static shippedCatalog: Catalog | undefined;

  /**
   * Reads config.yml of a folder; templates are read when they are asked for.
   * @throws VisaImageError when config.yml is missing or wrong
   */
  static fromDirectory(directory: string, options: CatalogOptions = {}): Catalog {
    const folder = resolve(directory);
    const file = options.configFile === undefined ? join(folder, "config.yml") : resolve(options.configFile);
    if (!existsSync(file)) {
      throw new VisaImageError("a catalog has a config.yml, and there is none", {
        location: { file },
        fix: 'create it, for example "templates: {my-apps: {extends: visa-base}}"',
        exitCode: ExitCode.USAGE,
      });
    }
    const yaml = YamlFile.read(file);
    check("config", yaml.value, yaml);
    type Own = { extends?: string; same_as?: string; packages?: string[] };
    const config = yaml.value as { templates: Record<string, Own | null> };
    const catalog = new Catalog(options.parents, file);
    const folders = {
      templates: options.templatesFolder === undefined ? undefined : resolve(options.templatesFolder),
      packages: options.packagesFolder === undefined ? join(folder, "packages") : resolve(options.packagesFolder),
    };
    for (const [name, value] of Object.entries(config.templates)) {
      const own = value ?? {};
      const parent = own.extends ?? undefined;
      catalog.entries.set(name, {
        parent,
        location: yaml.locate(["templates", name, "extends"]),
        load: once(() => {
          const locatePackage = (i: number) => yaml.locate(["templates", name, "packages", i]);
          const { same_as: model, packages = [] } = own;
          if (model !== undefined) {
            const { parts } = catalog.model(model, yaml.locate(["templates", name, "same_as"]));
            const more = readPackages(packages, name, folders.packages, locatePackage);
            return Template.fromParts(name, onParent(parts, parent, more));
          }
          const candidates = folders.templates ? [folders.templates] : [join(folder, "templates"), folder];
          const home = candidates.map((candidate) => join(candidate, name)).find(isFolder);
          if (home === undefined) {
            throw new VisaImageError(`the template "${name}" has no folder`, {
              location: yaml.locateKey(["templates", name]),
              fix: `create ${join(candidates[0] as string, name, "manifest.yml")}`,
              exitCode: ExitCode.USAGE,
            });
          }
          return readTemplate(name, parent, home, () => readPackages(packages, name, folders.packages, locatePackage));
        }),
      });
    }
    return catalog;
  }

  /** The templates that this package ships: system-base, visa-base and visa-apps. */
  static shipped(): Catalog {
    Catalog.shippedCatalog ??= Catalog.fromDirectory(join(packageRoot(), "templates"), { parents: [] });
    return Catalog.shippedCatalog;
  }

  /** A catalog of templates made in TypeScript, which may extend the shipped ones. */
  static of(...templates: readonly Template[]): Catalog {
    return templates.reduce((catalog, template) => catalog.add(template), new Catalog());
  }

  private readonly entries = new Map<string, Entry>();

  /** An empty catalog: see {@link add}. */
  constructor(
    private readonly givenParents?: readonly Catalog[],
    private readonly file?: string,
  ) {}

  /** Adds a template. @throws VisaImageError when there is one of that name */
  add(template: Template): this {
    if (this.entries.has(template.name)) {
      throw new VisaImageError(`there are two templates of the name "${template.name}"`, {
        fix: "rename one of the two",
        exitCode: ExitCode.USAGE,
      });
    }
    this.entries.set(template.name, { parent: template.parent, load: () => template });
    return this;
  }

  /** Names of this catalog's own templates, in their order. */
  names(): string[] {
    return [...this.entries.keys()];
  }

  /** Name of what one of this catalog's own templates extends. */
  parentOf(name: string): string | undefined {
    return this.entries.get(name)?.parent;
  }

  /** A template of this catalog or of a parent. @throws VisaImageError when there is none of that name */
  template(name: string): Template {
    return this.find(name).load();
  }

  /**
   * A template and all it is built on, the first layer first.
   * @throws VisaImageError for an unknown template, a missing parent or a cycle
   */
  chain(name: string): Template[] {
    const chain: Template[] = [];
    const seen: string[] = [];
    let entry: Entry | undefined = this.find(name);
    for (let current = name; entry; ) {
      if (seen.includes(current)) {
        const cycle = [...seen.slice(seen.indexOf(current)), current].join(" → ");
        throw new VisaImageError(`templates extend each other in a circle: ${cycle}`, {
          location: entry.location,
          fix: "let one of them extend a template outside the circle, or none",
          exitCode: ExitCode.USAGE,
        });
      }
      seen.push(current);
      chain.unshift(entry.load());
      if (entry.parent === undefined) break;
      const child = current;
      current = entry.parent;
      const location: Location | undefined = entry.location;
      entry = this.lookup(current);
      if (!entry) {
        throw new VisaImageError(`"${child}" extends "${current}", and there is no such template`, {
          location,
          fix: suggestion(current, this.allNames(), "templates"),
          exitCode: ExitCode.USAGE,
        });
      }
    }
    return chain;
  }

  /** A template of a parent catalog, to be the same as. */
  private model(name: string, location: Location | undefined): Template {
    for (const parent of this.parents()) {
      const entry = parent.lookup(name);
      if (entry) return entry.load();
    }
    throw new VisaImageError(`there is no template "${name}" in the package, to be the same as`, {
      location,
      fix: suggestion(
        name,
        this.parents().flatMap((parent) => parent.allNames()),
        "templates",
      ),
      exitCode: ExitCode.USAGE,
    });
  }

  private find(name: string): Entry {
    const entry = this.lookup(name);
    if (entry) return entry;
    throw new VisaImageError(`there is no template "${name}"`, {
      location: this.file === undefined ? undefined : { file: this.file },
      fix: suggestion(name, this.allNames(), "templates"),
      exitCode: ExitCode.USAGE,
    });
  }

  private lookup(name: string): Entry | undefined {
    this.refuseShadows();
    const own = this.entries.get(name);
    if (own) return own;
    for (const parent of this.parents()) {
      const entry = parent.lookup(name);
      if (entry) return entry;
    }
    return undefined;
  }

  private parents(): readonly Catalog[] {
    return this.givenParents ?? [Catalog.shipped()];
  }

  private allNames(): string[] {
    return [...new Set([...this.names(), ...this.parents().flatMap((parent) => parent.allNames())])];
  }

  private refuseShadows(): void {
    const extended = [...this.entries.values()].flatMap(({ parent }) => (parent === undefined ? [] : [parent]));
    if (extended.every((name) => this.entries.has(name))) return;
    for (const parent of this.parents()) {
      const name = parent.allNames().find((candidate) => this.entries.has(candidate));
      if (name === undefined) continue;
      throw new VisaImageError(`there are two templates of the name "${name}": in this catalog and in one it extends`, {
        location: this.file === undefined ? undefined : { file: this.file },
        fix: `rename the one in this catalog, for example "my-${name}"`,
        exitCode: ExitCode.USAGE,
      });
    }
  }
}

function readTemplate(
  name: string,
  parent: string | undefined,
  directory: string,
  fromPackages: () => Step[],
): Template {
  const files = templateFiles(name, directory);
  const manifestFile = join(directory, "manifest.yml");
  const parts: Mutable<TemplateParts> = {
    parent,
    directory,
    variables: new Map(),
    secrets: [],
    packerVariables: new Map(),
    builders: [],
    provisioners: [],
    postprocessors: [],
    locate: () => ({ file: manifestFile }),
  };
  readEnvironment(join(directory, "environment.yml"), parts);
  // packme takes a template without a manifest as one that does nothing itself (its packages do).
  if (isThere(manifestFile)) {
    const text = readText(manifestFile);
    const yaml = readUnlessBlocks(manifestFile, text);
    if (!yaml) {
      parts.renderBlocks = (isVariable, render) => {
        const rendered = renderBlocks(text, isVariable, render);
        const own = { ...parts, renderBlocks: undefined };
        readManifest(new YamlFile(manifestFile, rendered.text, rendered.lines), own, files);
        return { ...own, provisioners: [...own.provisioners, ...fromPackages()] };
      };
      return Template.fromParts(name, parts);
    }
    readManifest(yaml, parts, files);
  }
  parts.provisioners = [...parts.provisioners, ...fromPackages()];
  return Template.fromParts(name, parts);
}

/** A template's parts with another parent, in the place of a base of its own. */
function onParent(parts: TemplateParts, parent: string | undefined, more: readonly Step[]): TemplateParts {
  const { renderBlocks } = parts;
  return {
    ...parts,
    parent,
    base: undefined,
    provisioners: [...parts.provisioners, ...more],
    renderBlocks: renderBlocks && ((...args) => onParent(renderBlocks(...args), parent, more)),
  };
}

/** A manifest as it is; undefined where its block tags have to be rendered first. */
function readUnlessBlocks(file: string, text: string): YamlFile | undefined {
  if (!hasBlocks(text)) return new YamlFile(file, text);
  try {
    const yaml = new YamlFile(file, text);
    return hasOpenBlocks(yaml.contents) ? undefined : yaml;
  } catch {
    return undefined;
  }
}

function readManifest(yaml: YamlFile, parts: Mutable<TemplateParts>, files: FileScope): void {
  check("manifest", yaml.value, yaml);
  const packer = (yaml.value as { packer?: Record<string, unknown> | null } | null)?.packer ?? {};
  const variables = (packer.variables ?? {}) as Record<string, unknown>;
  parts.description = packer.description === undefined ? undefined : String(packer.description);
  parts.contract = packer.contract === undefined ? undefined : String(packer.contract);
  parts.basePackages = packer.base_packages;
  parts.base = packer.base as TemplateParts["base"];
  parts.packerVariables = new Map(
    Object.entries(variables).map(([key, value]) => [key, yaml.text(["packer", "variables", key], value)]),
  );
  const steps = (key: "builders" | "provisioners" | "postprocessors") =>
    read(yaml, ["packer", key], packer[key], files);
  parts.builders = steps("builders");
  parts.provisioners = steps("provisioners");
  parts.postprocessors = steps("postprocessors");
  parts.locate = (path) => yaml.locate(["packer", ...path]);
}

/** environment.yml, or the environment.yml.tlt that build-image.sh makes one from (and which wins over an old one). */
function readEnvironment(plain: string, parts: Mutable<TemplateParts>): void {
  const unfilled = `${plain}.tlt`;
  parts.fill = isThere(unfilled);
  const file = parts.fill ? unfilled : plain;
  if (!isThere(file)) return;
  // What stands in braces would be a map to YAML.
  const yaml = parts.fill
    ? new YamlFile(file, readText(file).replaceAll(/(:[ \t]+)(\{\w+\})(?=[ \t]*$)/gm, '$1"$2"'))
    : YamlFile.read(file);
  check("environment", yaml.value, yaml);
  const value = (yaml.value ?? {}) as {
    environment?: Record<string, unknown> | null;
    secrets?: Record<string, { environment?: string; required?: boolean } | null> | null;
    machine?: Record<string, string | number | boolean> | null;
  };
  parts.variables = new Map(
    Object.entries(value.environment ?? {}).map(([key, own]) => [key, yaml.text(["environment", key], own)]),
  );
  parts.secrets = declareSecrets(value.secrets ?? {});
  const machine = Object.fromEntries(Object.entries(value.machine ?? {}).map(([key, own]) => [camelCase(key), own]));
  parts.machine = readMachine(machine, "machine", dirname(file), yaml.locateKey(["machine"]));
  for (const { name } of parts.secrets) {
    if (!parts.variables.has(name)) continue;
    throw new VisaImageError(`"${name}" is a secret, and has a value in environment.yml`, {
      location: yaml.locateKey(["environment", name]),
      fix: "remove the value",
      exitCode: ExitCode.USAGE,
    });
  }
}

/** `memory_mb` is `memoryMb` in code. */
function camelCase(key: string): string {
  return key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function packageNames(names: readonly string[], folder: string, locate: (index: number) => Location): string[] {
  const known = isFolder(folder)
    ? readdirSync(folder)
        .filter((name) => isFolder(join(folder, name)))
        .sort()
    : [];
  if (names.includes("*")) return known;
  names.forEach((name, index) => {
    if (known.includes(name)) return;
    throw new VisaImageError(`there is no package "${name}" in ${folder}`, {
      location: locate(index),
      fix: suggestion(name, known, "packages"),
      exitCode: ExitCode.USAGE,
    });
  });
  return [...names];
}

function readPackages(
  names: readonly string[],
  template: string,
  folder: string,
  locate: (index: number) => Location,
): Step[] {
  return packageNames(names, folder, locate).flatMap((name) => readPackage(name, template, folder));
}

/** The provisioners of one of packme's packages; its paths are relative to a folder named after the template. */
function readPackage(name: string, template: string, packagesFolder: string): Step[] {
  const boundary = join(packagesFolder, name);
  const file = join(boundary, "manifest.yml");
  if (!isThere(file)) return [];
  const yaml = YamlFile.read(file);
  check("package", yaml.value, yaml);
  const value = (yaml.value as { provisioners?: unknown } | null)?.provisioners;
  return read(yaml, ["provisioners"], value, {
    folder: join(boundary, template),
    boundary,
    staged: `packages/${name}`,
    label: `packages/${name}/`,
  });
}

function read(yaml: YamlFile, path: readonly string[], value: unknown, files: FileScope): Step[] {
  return ((value ?? []) as Record<string, unknown>[]).map((own, index) =>
    step(own, files, (inner) => yaml.locate([...path, index, ...inner])),
  );
}

/** Also where it is a symbolic link that leads nowhere: a mistake to be told, not a file to do without. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
