/** `visa-image explain`: what a build would do, why, and where the values of its variables come from. */

import { relative, resolve } from "node:path";
import { type MachineSetting, machineSettings, withoutCredentials } from "../build-machine";
import { short } from "../fingerprint/digest";
import { mapAll } from "../problems";
import { type ArtifactManifest, Cache, cacheRoot } from "../runner/cache/cache";
import { cacheEntries } from "../runner/cache/cache-entries";
import { untrackedFiles } from "../runner/host/git";
import { createMasker } from "../runner/output/masking";
import type { LayerSpecification, MachineOptions } from "../specification";
import { specify } from "../specify/specify";
import { originsOf, type VariableOrigin } from "../specify/values";
import type { SharedName } from "../template/catalog";
import type { ExcludedFile } from "../template/files";
import { chooseTemplates, environmentOf, type InputOptions, openCatalog, specifyOptions, table } from "./inputs";
import { oneLine } from "./show-command";

/** Options of the command. */
export interface ExplainCommandOptions extends InputOptions {
  readonly cache?: string;
  readonly json?: true;
}

/** An input that is not what the newest artifact of the template was made from. */
export interface ChangedInput {
  readonly name: string;
  /** Left out where the artifact did not have it. */
  readonly before?: string;
  /** Left out where the template has it no more. */
  readonly now?: string;
}

/** What a build would do with one layer. */
export interface LayerExplanation {
  readonly name: string;
  readonly fingerprint: string;
  /** `unneeded`: what stands above it is whole, since it came from Glance. */
  readonly action: "cached" | "build" | "unneeded";
  readonly reason: string;
  /** Against the newest artifact of a template of this name. */
  readonly changed: readonly ChangedInput[];
}

/** What there is to say of one template. */
interface Explanation {
  readonly template: string;
  readonly layers: readonly LayerExplanation[];
  /** Layers of a name that both the catalog and the package have, and whose template is meant. */
  readonly sharedNames: readonly SharedName[];
  readonly variables: readonly VariableOrigin[];
  readonly machine: readonly MachineSetting[];
  /** What lies in a template's folder and is no input, with the pattern that it matches. */
  readonly excluded: readonly { template: string; file: string; pattern: string }[];
  /** Inputs that git does not track, from the catalog's folder: whoever clones it lacks them. */
  readonly untracked: readonly string[];
}

/** Runs the command. */
export async function runExplain(templates: readonly string[], options: ExplainCommandOptions): Promise<void> {
  const environment = environmentOf(options);
  const { catalog, folder } = openCatalog(options);
  const cache = new Cache(options.cache ? resolve(options.cache) : cacheRoot(environment));
  const artifacts = (await cacheEntries(cache)).flatMap(({ manifest }) => manifest ?? []);
  const explanations: Explanation[] = [];
  // All of them first: what is wrong with any of them is said at once.
  const specified = mapAll(chooseTemplates(catalog, templates), (template) => {
    const what = specifyOptions(catalog, template, options, environment);
    const excluded: Explanation["excluded"][number][] = [];
    const onExcluded = (template: string, { label: file, pattern }: ExcludedFile) =>
      excluded.push({ template, file, pattern });
    return { template, what, excluded, specification: specify({ ...what, onExcluded }) };
  });
  for (const { template, what, excluded, specification } of specified) {
    const layers = await explainLayers(specification.layers, cache, artifacts);
    const machine = explainMachine(specification.layers.at(-1)?.machine, options, environment);
    const untracked = await untrackedInputs(folder, specification.layers);
    const sharedNames = catalog.sharedNames(template);
    explanations.push({ template, layers, sharedNames, variables: originsOf(what), machine, excluded, untracked });
  }
  if (options.json) process.stdout.write(`${JSON.stringify(explanations, null, 2)}\n`);
  else process.stdout.write(explanations.map((each) => print(each)).join("\n"));
}

async function untrackedInputs(folder: string, layers: readonly LayerSpecification[]): Promise<string[]> {
  const sources = layers.flatMap(({ files, checks, base }) => [
    ...[...files, ...checks, ...(base?.kind === "installer" ? base.files : [])].map(({ source }) => source),
  ]);
  const untracked = await untrackedFiles(folder, [...new Set(sources)], createMasker([]));
  return untracked.map((file) => relative(folder, file)).sort();
}

/** The settings of the machine that builds the template itself; a build's own options may change them. */
function explainMachine(
  template: MachineOptions | undefined,
  options: InputOptions,
  environment: NodeJS.ProcessEnv,
): MachineSetting[] {
  const { httpProxy: proxy, proxy: hosts } = options;
  const commandLine = { proxy, noProxy: typeof hosts === "string" ? hosts : undefined };
  return machineSettings({ commandLine, environment, template }).map((setting) =>
    setting.name === "proxy" ? { ...setting, value: withoutCredentials(String(setting.value)) } : setting,
  );
}

async function explainLayers(
  layers: readonly LayerSpecification[],
  cache: Cache,
  artifacts: readonly ArtifactManifest[],
): Promise<LayerExplanation[]> {
  const explained: LayerExplanation[] = [];
  const [first] = layers;
  let parent: ArtifactManifest | undefined;
  let below: string | undefined;
  // The base is before the layers.
  const chain = first ? [first.parent, ...layers.map(({ fingerprint }) => fingerprint)] : [];
  const start = (await cache.foundation(chain)) - 1;
  if (first && start < 0) {
    const base = await cache.check(first.parent, undefined);
    if (base.kind === "intact") parent = base.manifest;
    else below = "the base";
  }
  for (const [i, layer] of layers.entries()) {
    if (i < start) {
      explained.push({ ...named(layer), action: "unneeded", reason: `"${layers[start]?.name}" is whole`, changed: [] });
      continue;
    }
    // Where something below is built again, a layer is worth nothing: it was made on other bytes.
    const state = below === undefined ? await cache.check(layer.fingerprint, parent) : undefined;
    if (state?.kind === "intact") {
      parent = state.manifest;
      const reason = parent.source ? `from the image ${parent.source.imageId} in Glance` : "nothing changed";
      explained.push({ ...named(layer), action: "cached", reason, changed: [] });
      continue;
    }
    const isThere = (await cache.manifest(layer.fingerprint)) !== undefined;
    if (state && state.kind !== "missing") {
      explained.push({
        ...named(layer),
        action: "build",
        reason: `what the cache has is ${state.kind}: ${state.reason}`,
        changed: [],
      });
    } else if (isThere) {
      explained.push({ ...named(layer), action: "build", reason: `${below} below it is built`, changed: [] });
    } else {
      explained.push({ ...named(layer), action: "build", ...sinceNewest(layer, artifacts) });
    }
    below = `"${layer.name}"`;
  }
  return explained;
}

function named({ name, fingerprint }: LayerSpecification) {
  return { name, fingerprint };
}

function sinceNewest(
  layer: LayerSpecification,
  artifacts: readonly ArtifactManifest[],
): Pick<LayerExplanation, "reason" | "changed"> {
  const newest = artifacts.find(({ template }) => template === layer.name);
  if (!newest) return { reason: "the cache has no artifact of this template", changed: [] };
  const changed = compare(newest.inputs, layer.inputs);
  const since = `since the newest artifact, ${short(newest.fingerprint)} of ${newest.createdAt.slice(0, 10)}`;
  return { reason: `changed ${since}`, changed };
}

/** The inputs that differ, by name. */
export function compare(
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): ChangedInput[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((name) => before[name] !== now[name])
    .sort()
    .map((name) => ({ name, before: before[name], now: now[name] }));
}

const ACTIONS = { cached: "in the cache", build: "to be built", unneeded: "not needed" } as const;

function print({ layers, sharedNames, variables, machine, excluded, untracked }: Explanation): string {
  const lines = layers.map(({ name, fingerprint, action, reason, changed }) => {
    const title = `${name}  ${short(fingerprint)}  ${ACTIONS[action]}: ${reason}\n`;
    const show = (value: string | undefined) => (value === undefined ? "(none)" : oneLine(value));
    return title + table(changed.map((each) => [" ", each.name, `${show(each.before)} -> ${show(each.now)}`]));
  });
  const rows = variables.map(({ template, name, value, origin }) => [
    " ",
    `${template}.${name}`,
    value === undefined ? "(hidden)" : oneLine(value) || '""',
    origin,
  ]);
  const settings = machine.map(({ name, value, origin }) => [" ", name, String(value) || '""', origin]);
  const section = (title: string, own: readonly (readonly string[])[]) =>
    own.length > 0 ? `${title}:\n${table(own.map((row) => [" ", ...row.map(oneLine)]))}` : "";
  const leftOut = excluded.map(({ template, file, pattern }) => [`${template}: ${file}`, `by ${pattern}`]);
  const meant = sharedNames.map(({ template, isOwn }) => [template, isOwn ? "the catalog's" : "the package's"]);
  return [
    lines.join(""),
    section("of two templates of one name", meant),
    `variables:\n${table(rows)}machine:\n${table(settings)}`,
    section("no inputs, though they lie in a template's folder", leftOut),
    section(
      "inputs that git does not track",
      untracked.map((file) => [file]),
    ),
  ].join("");
}
