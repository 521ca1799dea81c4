/** The steps of a build: those of the template, and what goes before and after all of them. */
import { usageError } from "../errors";
import { mapAll } from "../problems";
import { Text } from "../template/render";
import { keyKinds } from "../template/schema";
import type { Step } from "../template/template";
import { fetchesListsFirst } from "./apt-lists";
import { refuseBraces } from "./braces";
import { Destinations } from "./destinations";
import { GUEST_SCRIPTS } from "./guest-scripts";
import { reference } from "./hcl";
import { type Places, placesOf } from "./places";
import type { StagedFiles } from "./staged-files";
import type { TypedValues } from "./typed-values";

/** Where the guest keeps what only the build needs. */
const GUEST_FOLDER = "/var/tmp/visa-build";

/** Keys of provisioners that name files of the template. */
export const FILE_KEYS: Readonly<Record<string, Readonly<Record<string, "script" | "file">>>> = {
  shell: { script: "script", scripts: "script" },
  file: { source: "file", sources: "file" },
  "ansible-local": {
    playbook_file: "file",
    playbook_files: "file",
    playbook_dir: "file",
    galaxy_file: "file",
    group_vars: "file",
    host_vars: "file",
    inventory_file: "file",
    role_paths: "file",
    collection_paths: "file",
  },
};

/** Keys of provisioners whose values are the guest's, and not Packer's to fill in. */
const GUESTS_KEYS: Readonly<Record<string, readonly string[]>> = {
  shell: ["inline", "environment_vars"],
  "ansible-local": ["extra_arguments"],
};

/** A template's provisioners as Packer runs them. */
export interface RenderedProvisioners {
  /** With what goes before and after the template's own. */
  readonly provisioners: readonly unknown[];
  /** Where the template's own stand in its files. */
  readonly places: Places;
  /** Those of the template, counted from 1, after which a build cannot be gone on with: `resume` says so. */
  readonly unresumable: readonly number[];
}

/**
 * Renders a template's provisioners, with what goes before and after them.
 * @param builderNames what `only`, `except` and `override` may call the builder
 * @throws VisaImageError for a step that cannot be used
 */
export function renderProvisioners(
  steps: readonly Step[],
  builderNames: readonly string[],
  values: TypedValues,
  files: StagedFiles,
): RenderedProvisioners {
  const destinations = new Destinations();
  const own = mapAll(steps, (step) => {
    const settings = settingsFor(step, builderNames);
    if (!settings) return [];
    const result = render(step, settings, values, files);
    if (step.type === "file") checkCopy(step, result, files, destinations);
    else destinations.forget();
    return [{ step, rendered: { [step.type]: result } }];
  }).flat();
  const rendered = own.map((each) => each.rendered);
  const provisioners = prepared(rendered, fetchesListsFirst(shellTexts(rendered, files)));
  const places = own.map(({ step, rendered: settings }) =>
    placesOf(step, ["build", 0, "provisioner", provisioners.indexOf(settings), step.type]),
  );
  let resumable = true;
  const unresumable = own.flatMap(({ step }, i) => {
    const { resume } = step.settings;
    if (resume !== undefined) {
      const flag = values.value(resume, "flag", step.locate(["resume"]), "resume") as Text;
      resumable = flag.real === "true";
    }
    return resumable ? [] : [i + 1];
  });
  return { provisioners, places: Object.assign({}, ...places), unresumable };
}

/**
 * Provisioners, with what goes before and after all of them.
 *
 * @param ownLists whether the first of them fetches apt's lists. @default false
 */
export function prepared(own: readonly unknown[], ownLists = false): unknown[] {
  return [
    { shell: { inline: [`mkdir -p ${GUEST_FOLDER}`] } },
    { file: { source: "build-ca.crt", destination: `${GUEST_FOLDER}/ca.crt` } },
    {
      shell: {
        script: GUEST_SCRIPTS.prepare,
        environment_vars: [
          `VISA_BUILD_PROXY=${reference("proxy")}`,
          `VISA_BUILD_NO_PROXY=${reference("no_proxy")}`,
          `VISA_BUILD_MIRROR=${reference("mirror")}`,
          ...(ownLists ? ["VISA_BUILD_LISTS=own"] : []),
        ],
      },
    },
    ...own,
    { shell: { script: GUEST_SCRIPTS.seal } },
  ];
}

/** A step's settings for this builder; undefined where the step is for others alone. */
function settingsFor(step: Step, builderNames: readonly string[]): Record<string, unknown> | undefined {
  const { only, except, override, ...settings } = step.settings as Record<string, unknown>;
  const meansThis = (value: unknown) =>
    (Array.isArray(value) ? value : [value]).some((name) => builderNames.includes(String(name)));
  if (only !== undefined && !meansThis(only)) return undefined;
  if (except !== undefined && meansThis(except)) return undefined;
  const overrides = override as Record<string, object> | undefined;
  return Object.assign(settings, ...builderNames.map((name) => overrides?.[name]));
}

function render(
  step: Step,
  settings: Readonly<Record<string, unknown>>,
  values: TypedValues,
  files: StagedFiles,
): Record<string, unknown> {
  const kinds = keyKinds(`provisioner_${step.type}`);
  const result: Record<string, unknown> = {};
  const { exclude: patterns, resume: _, ...ofPacker } = settings;
  const exclude = patterns === undefined ? undefined : ([patterns].flat() as unknown[]).map(String);
  mapAll(Object.entries(ofPacker), ([key, value]) => {
    const location = step.locate([key]);
    const what = FILE_KEYS[step.type]?.[key];
    const rendered = values.value(value, kinds?.get(key) ?? "any", location, key);
    const staged = (text: Text) => files.addNamed(text.real, step.files, what as string, location, exclude);
    result[key] = what ? (Array.isArray(rendered) ? rendered.map(staged) : staged(rendered as Text)) : rendered;
    if (GUESTS_KEYS[step.type]?.includes(key)) {
      mapAll([rendered].flat() as Text[], (text) => refuseBraces(text, location, key));
    }
  });
  checkStep(step, result);
  return result;
}

function checkStep(step: Step, result: Record<string, unknown>): void {
  const given = (...keys: string[]) => keys.filter((key) => result[key] !== undefined);
  if (step.type === "shell" && given("inline", "script", "scripts").length !== 1) {
    const [, second] = given("inline", "script", "scripts");
    throw usageError(
      second ? `a shell provisioner has "${second}" besides another` : "a shell provisioner does nothing",
      step.locate(second ? [second] : []),
      "give one of inline, script and scripts",
    );
  }
  if (step.type === "file") {
    if (result.direction instanceof Text && result.direction.real !== "upload") {
      throw usageError("files cannot be downloaded from a build", step.locate(["direction"]), "remove the provisioner");
    }
    if (given("source", "sources", "content").length === 0 || given("destination").length === 0) {
      throw usageError("a file provisioner needs a source and a destination", step.locate([]), "add the missing one");
    }
    if (result.generated !== undefined) {
      throw usageError("files made during the build cannot be copied into it", step.locate(["generated"]), "remove it");
    }
  }
}

/** Fails for a copy that Packer's rules cannot make, as far as that is known without a guest. */
function checkCopy(
  step: Step,
  { source, sources, destination }: Record<string, unknown>,
  files: StagedFiles,
  destinations: Destinations,
): void {
  if (!(destination instanceof Text) || destination.packerVariables().length > 0) return;
  for (const { real } of [source ?? [], sources ?? []].flat() as Text[]) {
    const problem = destinations.copy({ path: real, kind: files.has(real) ? "file" : "folder" }, destination.real);
    if (problem) throw usageError(problem.what, step.locate(["destination"]), problem.fix);
  }
}

/** What steps run, one after the other, up to the first that is no shell script. */
function shellTexts(own: readonly Record<string, unknown>[], files: StagedFiles): string[] {
  const texts: string[] = [];
  for (const step of own) {
    if (step.file) continue;
    if (!step.shell) break;
    const { inline, script, scripts } = step.shell as Partial<Record<"inline" | "script" | "scripts", Text | Text[]>>;
    texts.push(...[inline ?? []].flat().map(({ real }) => real));
    texts.push(...[script ?? [], scripts ?? []].flat().map(({ real }) => files.read(real)));
  }
  return texts;
}
