import { resolve } from "node:path";
import { checkMachine, refuseCredentials } from "../build-machine";
import type { Location } from "../errors";
import type { MachineOptions } from "../specification";
import { BaseImage, type TemplateBase } from "./base-image";
import type { Provisioner } from "./provisioner";
import { check, type Locator } from "./schema";
import type { ValuePath } from "./yaml-file";

/** A variable that only the build knows. */
export interface SecretDeclaration {
  readonly name: string;
  /** The environment variable that holds it; `<name>_FILE` names a file instead. */
  readonly environment: string;
  /** Whether a build stops without it. An optional one that is not set at synth is the empty string in the build. */
  readonly required: boolean;
}

/** Options of a {@link Template}. */
export interface TemplateOptions {
  /** Name of the template whose disk this one is built on. */
  readonly extends?: string;
  readonly description?: string;
  /** Variables with their defaults: `{{ name }}` in every other value. */
  readonly variables?: Readonly<Record<string, string | number | boolean>>;
  /** Variables that only the build knows, by name. */
  readonly secrets?: Readonly<Record<string, { environment?: string; required?: boolean }>>;
  /**
   * Settings of the machine that builds this layer; what code, the environment or an option says goes before them.
   * @default - the runner's
   */
  readonly machine?: MachineOptions;
  /** Only without `extends`. @default - BaseImage.bootstrap(): a Debian 12 */
  readonly base?: BaseImage | TemplateBase;
  /**
   * Debian packages of this layer that the base brings already, where it is bootstrapped: installed while it is made,
   * without emulation, they take a tenth of the time. The layer installs them all the same, for other bases. Two
   * layers side by side share what they stand on only where they name the same ones.
   * @default - none
   */
  readonly basePackages?: readonly string[];
  /**
   * What a person has to know of a choice that was made; texts that render to nothing count for nothing. Said at each
   * synth, and shown by plans and by the report of a verification. No part of the fingerprint.
   * @default - none
   */
  readonly warnings?: readonly string[];
  /** Settings of Packer's QEMU builder, in Packer's words, over the defaults. */
  readonly builder?: Readonly<Record<string, unknown>>;
  readonly provisioners?: readonly Provisioner[];
  /** The folder that scripts and files are relative to, and may not leave. */
  readonly directory?: string;
  /**
   * What in the folder is no input, as patterns like those of .gitignore, from the folder: `*.bak`, `docs/`. They go
   * before what is always left out (what editors, version control and Python leave behind); `!` takes something back.
   * @default - none
   */
  readonly exclude?: readonly string[];
  /**
   * The parts of VISA's contract that the image keeps, and that are verified before it is registered, separated by
   * blanks: boot, desktop, login, jupyter, hygiene, uefi.
   * @default - the parent's; without a parent "boot hygiene"
   */
  readonly contract?: string;
}

/** The folder that the files of a step are looked up in. */
export interface FileScope {
  /** What relative paths start from. */
  readonly folder: string;
  /** What they may not leave. */
  readonly boundary: string;
  /** Where the files of the boundary stand in the scratch folder. */
  readonly staged: string;
  /** How the plan calls them. */
  readonly label: string;
  /** Patterns of what is left out, from the boundary. @default - what is always left out */
  readonly exclude?: readonly string[];
}

/** A builder or provisioner with what is needed to report an error in it. */
export interface Step {
  readonly type: string;
  /** Without its type; unrendered. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Undefined where there is no folder: a template in TypeScript without `directory`. */
  readonly files?: FileScope;
  locate(path: ValuePath): Location | undefined;
}

/** What a template is made of, once its files are read and checked. */
export interface TemplateParts {
  readonly parent?: string;
  readonly description?: string;
  readonly directory?: string;
  /** As in {@link TemplateOptions.exclude}. */
  readonly exclude?: readonly string[];
  readonly variables: ReadonlyMap<string, string>;
  readonly secrets: readonly SecretDeclaration[];
  /** Of environment.yml: goes before what the builder says. */
  readonly machine?: MachineOptions;
  /** In the words of manifest.yml; unrendered. */
  readonly base?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Packer's own variables. */
  readonly packerVariables: ReadonlyMap<string, string>;
  readonly builders: readonly Step[];
  readonly provisioners: readonly Step[];
  readonly postprocessors: readonly Step[];
  /** Unrendered. */
  readonly contract?: string;
  /** Unrendered: a text, or a list of texts. */
  readonly basePackages?: unknown;
  /** Unrendered: a text, or a list of texts. */
  readonly warnings?: unknown;
  /** The variables' values are those of an environment.yml.tlt: `{http_proxy}` and `{no_proxy}` are to be filled in. */
  readonly fill?: boolean;
  /**
   * Where the manifest can be read as YAML only after its block tags are rendered: the whole of the parts, of which only
   * variables and secrets are known before.
   */
  readonly renderBlocks?: (isVariable: (name: string) => boolean, render: (text: string) => string) => TemplateParts;
  locate(path: ValuePath): Location | undefined;
}

const NOWHERE: Locator = { locate: () => undefined, locateKey: () => undefined };

/**
 * A template: what it extends, its variables, files and provisioners.
 *
 * Made here without any YAML; `Catalog.fromDirectory` makes the same from manifest.yml and environment.yml.
 * Values are rendered, one by one, as Jinja templates with the template's own variables; a parent's are not inherited.
 *
 * @example
 * new Template("my-apps", {
 *   extends: "visa-base",
 *   directory: "images/my-apps",
 *   variables: { channel: "stable" },
 *   provisioners: [Provisioner.shell({ script: "install.sh", environment: { CHANNEL: "{{ channel }}" } })],
 * });
 */
export class Template {
  /** Makes one from parts that were checked already: for {@link Catalog}. @internal */
  static fromParts(name: string, parts: TemplateParts): Template {
    return new Template(name, {}, parts);
  }

  /** @internal */
  readonly parts: TemplateParts;

  /** @throws VisaImageError when something in the options cannot be used */
  constructor(
    readonly name: string,
    options: TemplateOptions = {},
    parts?: TemplateParts,
  ) {
    this.parts = parts ?? fromOptions(name, options);
  }

  /** Name of the template whose disk this one is built on. */
  get parent(): string | undefined {
    return this.parts.parent;
  }

  get description(): string | undefined {
    return this.parts.description;
  }

  /** The template's folder, absolute. */
  get directory(): string | undefined {
    return this.parts.directory;
  }

  /** Declared variables and their defaults. */
  get variables(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.parts.variables);
  }
}

function fromOptions(name: string, options: TemplateOptions): TemplateParts {
  const subject = `template "${name}"`;
  const builders = options.builder ? [{ type: "qemu", ...options.builder }] : [];
  const provisioners = (options.provisioners ?? []).map(({ type, settings }) => ({ type, ...settings }));
  const base = options.base && baseOf(subject, options.base).yaml;
  const variables = { ...options.variables };
  const secrets = { ...options.secrets };
  check("config", { templates: { [name]: { extends: options.extends ?? null } } }, NOWHERE, subject);
  check("environment", { environment: variables, secrets }, NOWHERE, subject);
  const { contract, basePackages, warnings, exclude } = options;
  const own = {
    ...(contract !== undefined && { contract }),
    ...(basePackages && { base_packages: basePackages }),
    ...(warnings && { warnings }),
    ...(exclude && { exclude }),
  };
  check("manifest", { packer: { ...own, ...(base && { base }), builders, provisioners } }, NOWHERE, subject);
  const directory = options.directory === undefined ? undefined : resolve(options.directory);
  const files = directory === undefined ? undefined : templateFiles(name, directory, exclude);
  return {
    parent: options.extends,
    description: options.description,
    directory,
    exclude,
    variables: new Map(Object.entries(variables).map(([key, value]) => [key, String(value)])),
    secrets: declareSecrets(secrets),
    machine: options.machine && readMachine(options.machine, subject, directory),
    base,
    packerVariables: new Map(),
    builders: builders.map((builder) => step(builder, files, () => undefined)),
    provisioners: provisioners.map((provisioner) => step(provisioner, files, () => undefined)),
    postprocessors: [],
    contract,
    basePackages,
    warnings,
    locate: () => undefined,
  };
}

/** The files of a template's own folder. */
export function templateFiles(name: string, directory: string, exclude?: readonly string[]): FileScope {
  return { folder: directory, boundary: directory, staged: `files/${name}`, label: "", exclude };
}

/** A step from a checked value. */
function step(value: Readonly<Record<string, unknown>>, files: FileScope | undefined, locate: Step["locate"]): Step {
  const { type, ...settings } = value;
  return { type: String(type), settings, files, locate };
}

/** The steps of a list in a YAML file. */
export function readSteps(
  yaml: { locate(path: ValuePath): Location },
  path: ValuePath,
  value: unknown,
  files: FileScope,
): Step[] {
  return ((value ?? []) as Record<string, unknown>[]).map((own, index) =>
    step(own, files, (inner) => yaml.locate([...path, index, ...inner])),
  );
}

/** Secrets in the words of environment.yml, with their defaults. */
export function declareSecrets(
  secrets: Readonly<Record<string, { environment?: string; required?: boolean } | null>>,
): SecretDeclaration[] {
  return Object.entries(secrets).map(([name, secret]) => ({
    name,
    environment: secret?.environment ?? `VISA_${name.toUpperCase()}`,
    required: secret?.required ?? true,
  }));
}

/** A template's settings of the build machine, checked, with absolute paths. */
export function readMachine(
  machine: MachineOptions,
  subject: string,
  directory = ".",
  location?: Location,
): MachineOptions {
  checkMachine(machine, subject, location);
  refuseCredentials(machine, subject, location);
  const { ca } = machine;
  return ca === undefined || ca === "host" ? machine : { ...machine, ca: resolve(directory, ca) };
}

function baseOf(subject: string, base: BaseImage | TemplateBase): BaseImage {
  if (base instanceof BaseImage) return base;
  const [kind] = Object.keys(base);
  process.emitWarning(
    `${subject}: "base" as an object is no longer to be used; say BaseImage.${kind}({ … })`,
    "VisaImageWarning",
  );
  return BaseImage.of(base);
}
