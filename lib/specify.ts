/**
 * From a catalog to a build specification: resolve the chain of a template, render each layer, fingerprint it.
 *
 * Pure but for reading the declared inputs: no child process, no network, nothing written.
 */
import { relative } from "node:path";
import { readFlag, withoutCredentials } from "./build-machine";
import { ExitCode, VisaImageError } from "./errors";
import { canonicalJson, framedDigest, short } from "./fingerprint/digest";
import { fingerprintBase, fingerprintLayer } from "./fingerprint/fingerprint";
import { suggestion } from "./nearest";
import { type RenderOptions, RUNNER_VARIABLES, renderConfiguration } from "./packer/configuration";
import { renderInstaller } from "./packer/installation";
import { legacyManifest } from "./packer/legacy";
import {
  type Base,
  type BuildSpecification,
  type LayerSpecification,
  type MachineOptions,
  type SecretVariable,
  SPECIFICATION_VERSION,
} from "./specification";
import { resolveBase, resolveBasePackages, type TemplatesBase, withPackages } from "./template/base";
import type { Catalog } from "./template/catalog";
import { HASH_SUFFIX, packerVariable } from "./template/marks";
import { fillPlaceholders, PAM_PUBLIC_KEY_FILE, type Placeholder } from "./template/original";
import { readPamPublicKey } from "./template/pam-public-key";
import { resolveChecks, resolveContract } from "./template/promised-contract";
import { Renderer, Text } from "./template/render";
import { isUrl } from "./template/source";
import { readMachine, Template } from "./template/template";

/** What to specify. */
export interface SpecifyOptions {
  readonly catalog: Catalog;
  /** Name of the last layer's template. */
  readonly template: string;
  /**
   * Values by template name, over environment.yml and over the process environment; undeclared names are refused.
   * @default none
   */
  readonly variables?: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
  /**
   * Free text, for example "2026-11": a new one asks for a new build of the same inputs, since packages move on.
   * @default none
   */
  readonly refresh?: string;
  /**
   * PEM file of VISA's PAM public key (RSA): the variable `pam_public_key` of every template that declares it.
   * Above 1280 bits a warning is given, since tokens of such a key cannot log in through xrdp.
   * @default the image has no key until VISA's metadata brings one
   */
  readonly pamPublicKeyFile?: string;
  /**
   * Settings of the build machine, for every layer, over the templates and the environment of the build; never part of a
   * fingerprint. @default - none: docs/inputs.md
   */
  readonly machine?: MachineOptions;
  /**
   * Whether optional secrets will be set, by name: for a plan that is made where the secrets are not.
   * @default whether `environment` has them
   */
  readonly secrets?: Readonly<Record<string, boolean>>;
  /**
   * Only the variables that a template declares, and the original's `proxy` and `no_proxy`, are read; of secrets only
   * whether they are set.
   * @default process.env
   */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Called for what is odd but no error. @default process.emitWarning */
  readonly onWarning?: (message: string) => void;
  /** Folder of the scripts that every build runs, for tests. @default this package's */
  readonly guestFolder?: string;
}

/** Size of a disk in GiB where neither the template nor a parent says one. */
const DEFAULT_DISK_GB = 10;

/** What every image promises, unless its template says otherwise. */
const DEFAULT_CONTRACT = ["boot", "hygiene"] as const;

/** The original's root password: a secret in every template, declared or not. */
const ROOT_PASSWORD: SecretVariable = { name: "root_password", environment: "VISA_ROOT_PASSWORD", required: true };

/**
 * Specifies the chain of layers that ends at a template; sources are absolute paths, and there is no output.
 * @throws VisaImageError for whatever in the catalog or the options cannot be used
 */
export function specify(options: SpecifyOptions): BuildSpecification {
  const warn = options.onWarning ?? ((message: string) => process.emitWarning(message, "VisaImageWarning"));
  const { catalog } = options;
  const chain = catalog.chain(options.template);
  for (const name of Object.keys(options.variables ?? {})) {
    // Another image's layer may be meant; a name that no catalog knows is a mistake.
    if (!chain.some((template) => template.name === name)) catalog.template(name);
  }
  const key = options.pamPublicKeyFile === undefined ? undefined : readPamPublicKey(options.pamPublicKeyFile);
  if (key?.warning) warn(key.warning);
  const prepared = chain.map((template) => prepare(template, options, key?.pem, warn));
  const [first] = prepared as [Prepared];
  const own = resolveBase(first.template, first.renderer);
  const base =
    own.kind === "bootstrap"
      ? withPackages(
          own,
          prepared.flatMap(({ template, values }) =>
            // They are the base's, whose own variables can be looked at too.
            resolveBasePackages(template, new Renderer(new Map([...first.values, ...values]))),
          ),
        )
      : own;
  const layers: LayerSpecification[] = [];
  for (const each of prepared) layers.push(specifyLayer(each, layers.at(-1), base, options, key?.pem, warn));
  const usesKey =
    chain.some(({ parts }) => parts.variables.has("pam_public_key")) ||
    layers.some(({ files }) => files.some(({ path }) => path.endsWith(PAM_PUBLIC_KEY_FILE)));
  if (key && !usesKey) {
    warn(`no template of "${options.template}" declares pam_public_key: the PAM public key is not used`);
  }
  const machine = options.machine && readMachine(withoutUndefined(options.machine), "machine");
  return { version: SPECIFICATION_VERSION, layers, ...(machine && { machine }) };
}

/** A variable of a template, and where its value comes from. */
export interface VariableOrigin {
  readonly template: string;
  readonly name: string;
  /** Left out for secrets, which only the build knows. */
  readonly value?: string;
  readonly origin: string;
}

/** Where every variable of a chain of layers has its value from. @throws VisaImageError as {@link specify} does */
export function originsOf(options: SpecifyOptions): VariableOrigin[] {
  const environment = options.environment ?? process.env;
  const { pamPublicKeyFile } = options;
  const key = pamPublicKeyFile === undefined ? undefined : readPamPublicKey(pamPublicKeyFile).pem;
  return options.catalog.chain(options.template).flatMap((template) => {
    const secrets = secretsOf(template, options, environment);
    const origins = new Map<string, string>();
    const values = valuesOf(template, options, environment, secrets, key, origins);
    return [...origins].map(([name, origin]) => ({
      template: template.name,
      name,
      ...(isDeclaredSecret(template, name) ? {} : { value: values.get(name) ?? "" }),
      origin,
    }));
  });
}

function isDeclaredSecret(template: Template, name: string): boolean {
  return name === ROOT_PASSWORD.name || template.parts.secrets.some((secret) => secret.name === name);
}

/** The same specification with its sources relative to the folder where its file will lie. */
export function relativeTo(specification: BuildSpecification, directory: string): BuildSpecification {
  const from = (path: string) => relative(directory, path).split("\\").join("/");
  const machine = (own: MachineOptions) =>
    own.ca === undefined || own.ca === "host" ? own : { ...own, ca: from(own.ca) };
  return {
    ...specification,
    ...(specification.machine && { machine: machine(specification.machine) }),
    ...(specification.parentsFromGlance && {
      parentsFromGlance: { lockFile: from(specification.parentsFromGlance.lockFile) },
    }),
    layers: specification.layers.map((layer) => ({
      ...layer,
      machine: machine(layer.machine),
      ...(layer.base && { base: relativeBase(layer.base, from) }),
      files: layer.files.map((file) => ({ ...file, source: from(file.source) })),
      checks: layer.checks.map((file) => ({ ...file, source: from(file.source) })),
    })),
  };
}

function relativeBase(base: Base, from: (path: string) => string): Base {
  if (base.kind === "file") return { ...base, path: from(base.path) };
  if (base.kind !== "installer") return base;
  return {
    ...base,
    media: base.media.map((own) => (isUrl(own.source) ? own : { ...own, source: from(own.source) })),
    files: base.files.map((file) => ({ ...file, source: from(file.source) })),
  };
}

/** What packme would have made of a template on its parent: see lib/packer/legacy.ts. */
export function renderLegacy(options: SpecifyOptions): Record<string, unknown> {
  const environment = options.environment ?? process.env;
  const { pamPublicKeyFile } = options;
  const key = pamPublicKeyFile === undefined ? undefined : readPamPublicKey(pamPublicKeyFile).pem;
  const open = (name: string) => {
    const given = options.catalog.template(name);
    const values = valuesOf(given, options, environment, secretsOf(given, options, environment), key);
    return { template: withoutBlocks(given, values, options.onWarning ?? (() => {})), values };
  };
  const { template, values } = open(options.template);
  const parent = template.parent === undefined ? undefined : open(template.parent).template;
  return legacyManifest(template, parent, new Renderer(values, "keep"));
}

/** The template with its block tags rendered, where these stand around lines. */
function withoutBlocks(
  template: Template,
  values: ReadonlyMap<string, string>,
  warn: (message: string) => void,
): Template {
  const { renderBlocks, locate } = template.parts;
  if (!renderBlocks) return template;
  const file = locate([])?.file;
  warn(`${file}: block tags stand around lines or items here, so it is rendered as text before it is read as YAML`);
  const renderer = new Renderer(values, "keep");
  const parts = renderBlocks(
    (name) => values.has(name),
    (text) => renderer.render(text, file === undefined ? undefined : { file }).real,
  );
  return Template.fromParts(template.name, parts);
}

/** A template with what its values are. */
interface Prepared {
  readonly template: Template;
  readonly values: ReadonlyMap<string, string>;
  readonly renderer: Renderer;
  readonly secrets: readonly SecretVariable[];
}

function prepare(
  given: Template,
  options: SpecifyOptions,
  pamPublicKey: string | undefined,
  warn: (message: string) => void,
): Prepared {
  const environment = options.environment ?? process.env;
  const secrets = secretsOf(given, options, environment);
  const values = valuesOf(given, options, environment, secrets, pamPublicKey);
  const template = withoutBlocks(given, values, warn);
  return { template, values, renderer: new Renderer(values, template.parts.packerVariables), secrets };
}

function specifyLayer(
  { template, values, renderer, secrets }: Prepared,
  below: LayerSpecification | undefined,
  chainsBase: TemplatesBase,
  options: SpecifyOptions,
  pamPublicKey: string | undefined,
  warn: (message: string) => void,
): LayerSpecification {
  const environment = options.environment ?? process.env;
  const wanted = below ? undefined : chainsBase;
  if (below && template.parts.base) {
    throw usage(
      `"${template.name}" extends "${below.name}" and has a base of its own`,
      template,
      ["base"],
      "remove one",
    );
  }
  const disk = diskSize(template, renderer, below, wanted);
  const onInstaller = wanted?.kind === "installer";
  const what: RenderOptions = {
    template,
    renderer,
    secrets,
    diskSize: disk.text,
    guestFolder: options.guestFolder,
    fill: fillOf(environment),
    onInstaller,
    pamPublicKey,
  };
  const installed = onInstaller
    ? renderInstaller({ ...what, installer: wanted, fileRenderer: new Renderer(withHashes(values, template), "keep") })
    : undefined;
  const base = onInstaller ? installed?.base : wanted;
  const rendered = renderConfiguration(what);
  for (const warning of new Set([...(installed?.warnings ?? []), ...rendered.warnings])) warn(warning);
  const variables = new Set([...(installed?.variables ?? []), ...rendered.variables]);
  const parent = below ? below.fingerprint : fingerprintBase(base as Base);
  const { configuration, files } = rendered;
  const headless = readFlag(template.parts.variables.get("headless") ?? "");
  return {
    name: template.name,
    fingerprint: fingerprintLayer({ parent, configuration, files, refresh: options.refresh }),
    parent,
    ...(base && { base }),
    inputs: {
      ...(options.refresh ? { refresh: options.refresh } : {}),
      ...(below
        ? { parent: `${below.name} ${short(parent)}` }
        : { base: `${describe(base as Base)} ${short(parent)}` }),
      packer: short(framedDigest([canonicalJson(rendered.structure)])),
      ...installed?.inputs,
      ...Object.fromEntries([...variables].sort().map((name) => [`variable ${name}`, values.get(name) ?? ""])),
      ...rendered.fileInputs,
    },
    configuration,
    files,
    secrets: rendered.secrets,
    diskSizeGb: disk.gb,
    machine: {
      ...rendered.machine,
      ...(headless !== undefined && { headless }),
      ...template.parts.machine,
    },
    contract: resolveContract(template, renderer) ?? below?.contract ?? DEFAULT_CONTRACT,
    checks: resolveChecks(template),
  };
}

/** A template's values with the hash of each secret, empty where that is: for files that an installer reads. */
function withHashes(values: ReadonlyMap<string, string>, template: Template): Map<string, string> {
  const names = new Set(template.parts.secrets.map(({ name }) => name).concat(ROOT_PASSWORD.name));
  const hashes = [...names].map((name): [string, string] => [
    name + HASH_SUFFIX,
    values.get(name) ? packerVariable(name + HASH_SUFFIX) : "",
  ]);
  return new Map([...hashes, ...values]);
}

/** Secrets that a template may use: those that will be set, and those that a build cannot do without. */
function secretsOf(
  template: Template,
  options: SpecifyOptions,
  environment: Readonly<Record<string, string | undefined>>,
): SecretVariable[] {
  const declared = template.parts.secrets;
  const all = declared.some(({ name }) => name === ROOT_PASSWORD.name) ? declared : [...declared, ROOT_PASSWORD];
  return all.flatMap((secret) => {
    if (Object.hasOwn(RUNNER_VARIABLES, secret.name)) {
      throw usage(
        `the name "${secret.name}" is taken by the build itself`,
        template,
        [],
        "give the secret another name",
      );
    }
    const isSet = Boolean(environment[secret.environment] || environment[`${secret.environment}_FILE`]);
    // An optional secret that is set is an input like any other: the build then cannot do without it either.
    return (options.secrets?.[secret.name] ?? isSet) || secret.required ? [{ ...secret, required: true }] : [];
  });
}

function valuesOf(
  template: Template,
  options: SpecifyOptions,
  environment: Readonly<Record<string, string | undefined>>,
  secrets: readonly SecretVariable[],
  pamPublicKey: string | undefined,
  origins = new Map<string, string>(),
): Map<string, string> {
  const declared = template.parts.variables;
  const values = new Map([["proxy", ""], ["no_proxy", ""], ...declared]);
  if (template.parts.fill) {
    // build-image.sh has a value of its own for hosts without proxy here.
    const fill = { no_proxy: "localhost", ...nonEmpty(fillOf(environment)) };
    for (const [name, value] of declared) values.set(name, fillPlaceholders(value, fill));
  }
  for (const name of values.keys()) {
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (value !== undefined) values.set(name, value);
    if (value !== undefined) origins.set(name, `environment variable ${name}`);
    else if (declared.has(name)) origins.set(name, template.parts.fill ? "environment.yml.tlt" : "the template");
  }
  if (pamPublicKey !== undefined && declared.has("pam_public_key")) {
    values.set("pam_public_key", pamPublicKey);
    origins.set("pam_public_key", String(options.pamPublicKeyFile));
  }
  const secretNames = new Set(template.parts.secrets.map(({ name }) => name).concat(ROOT_PASSWORD.name));
  for (const [name, value] of Object.entries(options.variables?.[template.name] ?? {})) {
    if (secretNames.has(name)) {
      throw usage(
        `"${name}" is a secret of "${template.name}", and given as a variable`,
        template,
        [],
        `set ${secrets.find((secret) => secret.name === name)?.environment ?? "it"} in the environment of the build`,
      );
    }
    if (!values.has(name)) {
      throw usage(
        `"${template.name}" has no variable "${name}"`,
        template,
        [],
        suggestion(name, declared.keys(), "variables"),
      );
    }
    values.set(name, String(value));
    origins.set(name, "a variable of this image (--variable, or variables in code)");
  }
  for (const [name, value] of values) {
    if (name === "proxy" || name.endsWith("_proxy")) values.set(name, withoutCredentials(value));
  }
  for (const name of secretNames) values.set(name, "");
  for (const { name } of template.parts.secrets) origins.set(name, "a secret, not set");
  for (const { name, environment: variable } of secrets) {
    values.set(name, packerVariable(name));
    const from = [variable, `${variable}_FILE`].find((candidate) => environment[candidate]);
    if (origins.has(name)) origins.set(name, from ? `a secret from ${from}` : `a secret; set ${variable} to build`);
  }
  values.set("headless", packerVariable("headless"));
  values.set("vm_name", template.name);
  return values;
}

function withoutUndefined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

/** What build-image.sh fills `.tlt` files with. */
function fillOf(environment: Readonly<Record<string, string | undefined>>): Record<Placeholder, string> {
  const proxy = withoutCredentials(environment.VISA_HTTP_PROXY ?? "");
  return { http_proxy: proxy, https_proxy: proxy, no_proxy: environment.VISA_NO_PROXY_HOSTS ?? "" };
}

function nonEmpty(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
}

function diskSize(
  template: Template,
  renderer: Renderer,
  below: LayerSpecification | undefined,
  base: TemplatesBase | undefined,
): { gb: number; text: Text } {
  const builder = template.parts.builders.find(({ type }) => type === "qemu");
  const own = builder?.settings.disk_size;
  let text: Text;
  let location = builder?.locate(["disk_size"]) ?? template.parts.locate([]);
  if (template.parts.variables.has("disk_size_gb")) {
    text = renderer.render("{{ disk_size_gb }}");
    location = template.parts.locate([]);
  } else if (own !== undefined && own !== null) {
    const rendered = renderer.render(String(own), location);
    const gb = String(gibibytes(rendered.real) ?? rendered.real);
    text = new Text(gb, gb);
  } else {
    const gb = String(below?.diskSizeGb ?? DEFAULT_DISK_GB);
    text = new Text(gb, gb);
  }
  const fail = (what: string, fix: string) => new VisaImageError(what, { location, fix, exitCode: ExitCode.USAGE });
  if (!/^[1-9]\d{0,4}$/.test(text.real)) {
    throw fail(`"${text.real}" is not the size of a disk`, "a whole number of GiB, for example 10");
  }
  const gb = Number(text.real);
  if (below && gb < below.diskSizeGb) {
    throw fail(
      `the disk of "${template.name}" (${gb} GiB) is smaller than that of "${below.name}" (${below.diskSizeGb} GiB)`,
      `use ${below.diskSizeGb} or more`,
    );
  }
  if (base?.kind === "bootstrap" && gb < base.diskSizeGb) {
    throw fail(
      `the disk of "${template.name}" (${gb} GiB) is smaller than its base (${base.diskSizeGb} GiB)`,
      `use ${base.diskSizeGb} or more`,
    );
  }
  return { gb, text };
}

/** A size as Packer takes it: MiB without a unit. */
function gibibytes(text: string): number | undefined {
  const match = /^(\d+)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim());
  if (!match) return undefined;
  const unit = { K: 1 / 1048576, M: 1 / 1024, G: 1, T: 1024 }[(match[2] || "M").toUpperCase()] ?? 1;
  return Math.ceil(Number(match[1]) * unit);
}

function describe(base: Base): string {
  return base.kind === "bootstrap" ? `bootstrap ${base.suite}` : base.kind;
}

function usage(what: string, template: Template, path: readonly string[], fix: string): VisaImageError {
  return new VisaImageError(what, { location: template.parts.locate(path), fix, exitCode: ExitCode.USAGE });
}
