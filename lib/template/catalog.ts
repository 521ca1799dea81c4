import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Location, usageError } from "../errors";
import { suggestion } from "../nearest";
import { packageRoot } from "../package-root";
import { isFolder } from "../presence";
import { Problems } from "../problems";
import { readPackages } from "./packme-packages";
import { check } from "./schema";
import { type Step, Template, type TemplateParts } from "./template";
import { readTemplate } from "./template-folder";
import { YamlFile } from "./yaml-file";

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
  /** Where it stands, and what it extends is looked up from. */
  readonly owner: Catalog;
  readonly parent?: string;
  /** Where `extends` stands. */
  readonly location?: Location;
  load(): Template;
}

/** A template of a chain whose name both a catalog and one of its parents have. */
export interface SharedName {
  readonly template: string;
  /** Whether it is the catalog's own; else it is the parent's, extended by another one of the parent's. */
  readonly isOwn: boolean;
}

/**
 * A set of templates, and where to look for a parent that is not among them.
 *
 * Its own templates come first, then those of its parents: so it may call its templates what it likes (the trees of
 * packme call theirs `visa-base` too). What a template extends is looked up from the catalog in which it stands: a
 * parent's template stands on what it stood on before, whatever this catalog calls its own. A chain has each name once.
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
      throw usageError(
        "a catalog has a config.yml, and there is none",
        { file },
        'create it, for example "templates: {my-apps: {extends: visa-base}}"',
      );
    }
    const yaml = YamlFile.read(file);
    check("config", yaml.value, yaml);
    type Own = { extends?: string; same_as?: string; packages?: string | string[] | null };
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
        owner: catalog,
        parent,
        location: yaml.locate(["templates", name, "extends"]),
        load: once(() => {
          const locatePackage = (i: number) => yaml.locate(["templates", name, "packages", i]);
          const { same_as: model } = own;
          const packages = [own.packages ?? []].flat();
          if (model !== undefined) {
            const { parts } = catalog.model(model, yaml.locate(["templates", name, "same_as"]));
            const more = readPackages(packages, name, folders.packages, locatePackage);
            return Template.fromParts(name, onParent(parts, parent, more));
          }
          const candidates = folders.templates ? [folders.templates] : [join(folder, "templates"), folder];
          const home = candidates.map((candidate) => join(candidate, name)).find(isFolder);
          if (home === undefined) {
            throw usageError(
              `the template "${name}" has no folder`,
              yaml.locateKey(["templates", name]),
              `create ${join(candidates[0] as string, name, "manifest.yml")}`,
            );
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
      throw usageError(`there are two templates of the name "${template.name}"`, undefined, "rename one of the two");
    }
    this.entries.set(template.name, { owner: this, parent: template.parent, load: () => template });
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
   * @throws VisaImageError for an unknown template, a missing parent, a cycle, or two templates of one name
   */
  chain(name: string): Template[] {
    const problems = new Problems();
    const templates = this.usableChain(name, problems);
    problems.throwAny();
    return templates;
  }

  /** The same without those that cannot be used, of which `problems` has why. @internal */
  usableChain(name: string, problems: Problems): Template[] {
    return this.links(name).flatMap((entry) => problems.attempt(() => entry.load()) ?? []);
  }

  /**
   * Of a template and all it is built on, those of a name that a parent catalog has too, and which of the two is meant.
   * @throws VisaImageError as {@link chain}
   * @internal
   */
  sharedNames(name: string): SharedName[] {
    return this.links(name).flatMap(({ owner, load }) => {
      const template = load().name;
      const isOwn = owner === this;
      const isShared = isOwn
        ? this.parents().some((parent) => parent.lookup(template) !== undefined)
        : this.entries.has(template);
      return isShared ? [{ template, isOwn }] : [];
    });
  }

  private links(name: string): Entry[] {
    const chain: Entry[] = [];
    const seen: string[] = [];
    let entry = this.find(name);
    for (let current = name; ; ) {
      if (seen.includes(current)) throw this.twice(current, seen, chain, entry);
      seen.push(current);
      chain.unshift(entry);
      const { owner, parent, location }: Entry = entry;
      if (parent === undefined) return chain;
      const next = owner.lookup(parent);
      if (!next) {
        throw usageError(
          `"${current}" extends "${parent}", and there is no such template`,
          location,
          suggestion(parent, owner.allNames(), "templates"),
        );
      }
      [current, entry] = [parent, next];
    }
  }

  private twice(name: string, seen: readonly string[], chain: readonly Entry[], entry: Entry): Error {
    const circle = [...seen.slice(seen.indexOf(name)), name].join(" → ");
    const first = chain[chain.length - 1 - seen.indexOf(name)] as Entry;
    const inPackage = this.parents().some((parent) => parent.lookup(name) !== undefined);
    if (first.owner === entry.owner && !(entry.parent === name && inPackage)) {
      return usageError(
        `templates extend each other in a circle: ${circle}`,
        entry.location,
        "let one of them extend a template outside the circle, or none",
      );
    }
    return usageError(
      `two layers would have the name "${name}": ${circle}`,
      first.location,
      `give yours another name: "my-${name}: {extends: ${first.parent}}"`,
    );
  }

  /** A template of a parent catalog, to be the same as. */
  private model(name: string, location: Location | undefined): Template {
    for (const parent of this.parents()) {
      const entry = parent.lookup(name);
      if (entry) return entry.load();
    }
    throw usageError(
      `there is no template "${name}" in the package, to be the same as`,
      location,
      suggestion(
        name,
        this.parents().flatMap((parent) => parent.allNames()),
        "templates",
      ),
    );
  }

  private find(name: string): Entry {
    const entry = this.lookup(name);
    if (entry) return entry;
    throw usageError(
      `there is no template "${name}"`,
      this.file === undefined ? undefined : { file: this.file },
      suggestion(name, this.allNames(), "templates"),
    );
  }

  private lookup(name: string): Entry | undefined {
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

  /** The names of its templates, and of all that they may extend. @internal */
  allNames(): string[] {
    return [...new Set([...this.names(), ...this.parents().flatMap((parent) => parent.allNames())])];
  }
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

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
