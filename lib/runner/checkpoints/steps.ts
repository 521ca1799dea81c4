/** Where in a layer's steps there may be a checkpoint, and what it stands for. */
import { canonicalJson, compare, framedDigest } from "../../fingerprint/digest";
import { GUEST_SCRIPTS } from "../../packer/guest-scripts";
import type { LayerSpecification } from "../../specification";
import type { ArtifactManifest } from "../cache/cache";

/** The definition of a key; checkpoints of another one are not used. */
const VERSION = "checkpoint v1";

/** A provisioner as a configuration has it: its settings by its type. */
type Provisioner = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A configuration in HCL2's JSON. */
type Configuration = Readonly<Record<string, unknown>>;

/** A template's step, after which the machine may be started anew. */
export interface ResumableStep {
  /** Its place among the template's own, from 1 on. */
  readonly number: number;
  /** What a person calls it. */
  readonly label: string;
  /** Hex SHA-256 of all that the disk after it was made from. */
  readonly key: string;
}

/** The steps of a layer: the runner's own before and after those of the template. */
export interface Steps {
  readonly before: readonly Provisioner[];
  readonly own: readonly Provisioner[];
  readonly after: readonly Provisioner[];
}

/** The steps of a rendered configuration. */
export function stepsOf(configuration: Configuration): Steps {
  const [build] = (configuration.build ?? []) as readonly { provisioner?: readonly Provisioner[] }[];
  const all = build?.provisioner ?? [];
  const start = all.findIndex(({ shell }) => shell?.script === GUEST_SCRIPTS.prepare) + 1;
  const end = all.at(-1)?.shell?.script === GUEST_SCRIPTS.seal ? all.length - 1 : all.length;
  return { before: all.slice(0, start), own: all.slice(start, end), after: all.slice(end) };
}

/** A configuration with these steps in the place of its own. */
export function withSteps(configuration: Configuration, steps: Steps): Configuration {
  const builds = (configuration.build ?? []) as readonly object[];
  const provisioner = [...steps.before, ...steps.own, ...steps.after];
  return { ...configuration, build: builds.map((build) => ({ ...build, provisioner })) };
}

/**
 * What is left of a layer after a step: its machine is prepared as for all of it. The step that would have fetched apt's
 * lists lies behind, perhaps by days, so that is done by prepare.sh.
 */
export function afterStep(configuration: Configuration, number: number): Configuration {
  if (number === 0) return configuration;
  const { before, own, after } = stepsOf(configuration);
  const prepared = before.map((step): Provisioner => {
    const variables = step.shell?.environment_vars;
    if (!Array.isArray(variables)) return step;
    return { shell: { ...step.shell, environment_vars: variables.filter((each) => each !== "VISA_BUILD_LISTS=own") } };
  });
  return withSteps(configuration, { before: prepared, own: own.slice(number), after });
}

/**
 * The steps of a layer after which there may be a checkpoint. There is none after a step that copies files, which is done
 * again in no time; none where a step lets its guest go away or the next one waits for something, since the guest may
 * just be starting anew; and none from a step that says `resume: false` to the next one that says otherwise.
 *
 * @param parent what the layer stands on: other bytes of it make other keys
 */
export function resumableSteps(
  layer: Pick<LayerSpecification, "configuration" | "files" | "inputs" | "unresumable">,
  parent: Pick<ArtifactManifest, "fingerprint" | "disk">,
): ResumableStep[] {
  const { configuration, files, inputs, unresumable = [] } = layer;
  const { before, own, after } = stepsOf(configuration);
  return own.flatMap((step, i) => {
    const number = i + 1;
    if (unresumable.includes(number)) return [];
    if (step.file || settingOf(step, "expect_disconnect") || settingOf(own[number] ?? {}, "pause_before")) return [];
    const done = [...before, ...own.slice(0, number)];
    const later = [...own.slice(number), ...after];
    // What no step names is for the machine itself.
    const counts = files.filter(
      ({ path }) => done.some((each) => names(each, path)) || !later.some((each) => names(each, path)),
    );
    const key = framedDigest([
      ...[VERSION, parent.fingerprint, parent.disk.sha256, inputs.refresh ?? ""],
      canonicalJson(withSteps(configuration, { before, own: own.slice(0, number), after: [] })),
      ...[...counts]
        .sort((a, b) => compare(a.path, b.path))
        .flatMap(({ path, mode, sha256 }) => [path, mode.toString(8), sha256]),
    ]);
    return [{ number, label: labelOf(step), key }];
  });
}

function settingOf(step: Provisioner, name: string): unknown {
  const [settings] = Object.values(step);
  return settings?.[name];
}

/** Whether a step reads a file: by its path, or that of a folder around it. */
function names(step: Provisioner, path: string): boolean {
  return texts(step).some((text) => {
    const name = text.replace(/\/+$/, "");
    return path === name || path.startsWith(`${name}/`);
  });
}

function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(texts) : [];
}

function labelOf(step: Provisioner): string {
  const [[type, settings] = ["", {}]] = Object.entries(step) as [string, Readonly<Record<string, unknown>>][];
  if (type !== "shell") return type;
  const scripts = [settings.script ?? [], settings.scripts ?? []].flat() as string[];
  return scripts.length > 0 ? scripts.join(", ") : "inline commands";
}
