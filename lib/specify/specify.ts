/**
 * From a catalog to a build specification: resolve the chain of a template, render each layer, fingerprint it.
 *
 * Pure but for reading the declared inputs: no child process, no network, nothing written.
 */
import { readFlag } from "../build-machine";
import { usageError } from "../errors";
import { canonicalJson, framedDigest, short } from "../fingerprint/digest";
import { fingerprintBase, fingerprintLayer } from "../fingerprint/fingerprint";
import { type RenderedTemplate, type RenderOptions, renderConfiguration } from "../packer/configuration";
import { renderInstaller } from "../packer/installation";
import { PROPS, withPresentNames } from "../present-names";
import { Problems } from "../problems";
import {
  type Base,
  type BuildSpecification,
  type LayerSpecification,
  SPECIFICATION_VERSION,
  WARNING_INPUT,
} from "../specification";
import { resolveBase, resolveBasePackages, resolveWarnings, type TemplatesBase, withPackages } from "../template/base";
import { PAM_PUBLIC_KEY_FILE } from "../template/original";
import { resolveChecks, resolveContract } from "../template/promised-contract";
import { Renderer, Text } from "../template/render";
import { readMachine } from "../template/template";
import { type DiskSize, diskSize } from "./disk-size";
import { type Given, readOptions, type SpecifyOptions } from "./specify-options";
import { fillOf, type ValuedTemplate, valueTemplate, withHashes } from "./values";

/** What every image promises, unless its template says otherwise. */
const DEFAULT_CONTRACT = ["boot", "hygiene"] as const;

// What a layer stands on, and what it is, while nothing but more problems are looked for: none of their own.
const STAND_IN = { kind: "bootstrap", suite: "bookworm", packages: [], diskSizeGb: 0 } as const satisfies Base;
const NO_DISK: DiskSize = { gb: 1, text: new Text("1", "1") };

/**
 * Specifies the chain of layers that ends at a template; sources are absolute paths, and there is no output.
 * @throws VisaImageError for whatever in the catalog or the options cannot be used: for all of it at once, as far as it
 *   can be seen
 */
export function specify(specified: SpecifyOptions): BuildSpecification {
  const warn = specified.onWarning ?? ((message: string) => process.emitWarning(message, "VisaImageWarning"));
  const options = withPresentNames(specified, PROPS, warn);
  const { catalog } = options;
  const problems = new Problems();
  const chain = catalog.usableChain(options.template, problems);
  for (const name of Object.keys(options.variables ?? {})) {
    // Another image's layer may be meant; a name that no catalog knows is a mistake.
    if (!chain.some((template) => template.name === name)) problems.attempt(() => catalog.template(name));
  }
  const given = readOptions(options);
  const key = given.pamPublicKey;
  for (const warning of key?.warnings ?? []) warn(warning);
  const valued = chain.flatMap((template) => problems.attempt(() => valueTemplate(template, given, warn)) ?? []);
  const base = problems.attempt(() => baseOfChain(valued, options, problems)) ?? STAND_IN;
  const layers: LayerSpecification[] = [];
  for (const each of valued) {
    const own = each.template.parent === undefined ? base : STAND_IN;
    const layer = problems.attempt(() => specifyLayer(each, layers.at(-1), own, given, warn));
    if (layer) layers.push(layer);
  }
  problems.throwAny();
  const usesKey =
    chain.some(({ parts }) => parts.variables.has("pam_public_key")) ||
    layers.some(({ files }) => files.some(({ path }) => path.endsWith(PAM_PUBLIC_KEY_FILE)));
  if (key && !usesKey) {
    warn(`no template of "${options.template}" declares pam_public_key: the PAM public key is not used`);
  }
  const machine = options.machine && readMachine(withoutUndefined(options.machine), "machine");
  return { version: SPECIFICATION_VERSION, layers, ...(machine && { machine }) };
}

/** What the first of the templates stands on, with the packages that all of them would like it to bring. */
function baseOfChain(valued: readonly ValuedTemplate[], options: SpecifyOptions, problems: Problems): TemplatesBase {
  const [first] = valued;
  if (!first || first.template.parent !== undefined) return STAND_IN;
  const own = resolveBase(first.template, rendererOf(first));
  if (own.kind !== "bootstrap") return own;
  const packages = valued.flatMap(
    ({ template, values }) =>
      // They are the base's, whose own variables can be looked at too.
      problems.attempt(() => resolveBasePackages(template, new Renderer(new Map([...first.values, ...values])))) ?? [],
  );
  const refresh = refreshOf(first.template.name, options);
  return withPackages({ ...own, ...(refresh && { refresh }) }, packages);
}

/** What asks for a new build of a layer whose inputs are the same; "" where nothing does. */
function refreshOf(name: string, { cacheBuster, layerRefreshes }: SpecifyOptions): string {
  return [cacheBuster, layerRefreshes?.[name]].filter(Boolean).join("; ");
}

function specifyLayer(
  valued: ValuedTemplate,
  below: LayerSpecification | undefined,
  chainsBase: TemplatesBase,
  { options, environment, pamPublicKey }: Given,
  warn: (message: string) => void,
): LayerSpecification {
  const { template, values, secrets } = valued;
  const renderer = rendererOf(valued);
  const wanted = below ? undefined : chainsBase;
  const problems = new Problems();
  if (below && template.parts.base) {
    problems.add(
      usageError(
        `"${template.name}" extends "${below.name}" and has a base of its own`,
        template.parts.locate(["base"]),
        "remove one",
      ),
    );
  }
  const disk = problems.attempt(() => diskSize(template, renderer, below, wanted)) ?? NO_DISK;
  const onInstaller = wanted?.kind === "installer";
  const what: RenderOptions = {
    template,
    renderer,
    secrets,
    diskSize: disk.text,
    guestFolder: options.guestFolder,
    fill: fillOf(environment),
    onInstaller,
    pamPublicKey: pamPublicKey?.pem,
  };
  const installed = problems.attempt(() =>
    onInstaller
      ? renderInstaller({
          ...what,
          installer: wanted,
          fileRenderer: new Renderer(withHashes(values, template), "keep"),
        })
      : undefined,
  );
  const base = onInstaller ? installed?.base : wanted;
  const found = problems.attempt(() => renderConfiguration(what));
  const contract = problems.attempt(() => resolveContract(template, renderer)) ?? below?.contract ?? DEFAULT_CONTRACT;
  const checks = problems.attempt(() => resolveChecks(template)) ?? [];
  const own = problems.attempt(() => resolveWarnings(template, renderer)) ?? [];
  problems.throwAny();
  const rendered = found as RenderedTemplate;
  const told = own.map((text) => `"${template.name}": ${text}`);
  for (const warning of new Set([...(installed?.warnings ?? []), ...rendered.warnings, ...told])) warn(warning);
  for (const file of [...(installed?.excluded ?? []), ...rendered.excluded]) options.onExcluded?.(template.name, file);
  const variables = new Set([...(installed?.variables ?? []), ...rendered.variables]);
  const parent = below ? below.fingerprint : fingerprintBase(base as Base);
  const { configuration, files, places, unresumable } = rendered;
  const refresh = refreshOf(template.name, options);
  const headless = readFlag(template.parts.variables.get("headless") ?? "");
  return {
    name: template.name,
    fingerprint: fingerprintLayer({ parent, configuration, files, refresh }),
    parent,
    ...(base && { base }),
    inputs: {
      // The name that plans and fingerprints know.
      ...(refresh ? { refresh } : {}),
      ...(below
        ? { parent: `${below.name} ${short(parent)}` }
        : { base: `${describe(base as Base)} ${short(parent)}` }),
      ...(own.length > 0 && { [WARNING_INPUT]: own.join("; ") }),
      packer: short(framedDigest([canonicalJson(rendered.structure)])),
      ...installed?.inputs,
      ...Object.fromEntries([...variables].sort().map((name) => [`variable ${name}`, values.get(name) ?? ""])),
      ...rendered.fileInputs,
    },
    configuration,
    ...(Object.keys(places).length > 0 && { places }),
    ...(unresumable.length > 0 && { unresumable }),
    files,
    secrets: rendered.secrets,
    diskSizeGb: disk.gb,
    machine: {
      ...rendered.machine,
      ...(headless !== undefined && { headless }),
      ...template.parts.machine,
    },
    contract,
    checks,
  };
}

/** Renders the template's values, with what it says of Packer's own variables. */
function rendererOf({ template, values }: ValuedTemplate): Renderer {
  return new Renderer(values, template.parts.packerVariables);
}

function withoutUndefined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

function describe(base: Base): string {
  return base.kind === "bootstrap" ? `bootstrap ${base.suite}` : base.kind;
}
