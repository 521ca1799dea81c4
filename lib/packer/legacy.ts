/**
 * What packme 0.8.0 would have written as manifest.json: to compare with, and for no other use.
 *
 * It differs where packme puts something secret into it (here `{{user `name`}}`, for which a run of packme can be given
 * the same text as the variable's value), and where packme's detour by Python's repr() breaks a value.
 */
import { dirname, isAbsolute } from "node:path";
import type { Location } from "../errors";
import { mapPieces } from "../template/marks";
import type { Renderer } from "../template/render";
import type { Step, Template } from "../template/template";

/** Renders a template as packme does, on its direct parent. */
export function legacyManifest(
  template: Template,
  parent: Template | undefined,
  renderer: Renderer,
): Record<string, unknown> {
  const { parts } = template;
  const builders = parts.builders.map((step) => ({ ...step.settings, type: step.type, ...outputs(template, step) }));
  for (const step of parent?.parts.builders ?? []) {
    const name = nameOf(step);
    const disk = {
      iso_url: `${outputs(parent as Template, step).output_directory}/${parent?.name}-${name}.iso`,
      iso_checksum: "none",
      headless: "{{ headless }}",
    };
    const own = builders.find((builder) => (builder as { name?: unknown }).name === name);
    if (own) Object.assign(own, disk);
    else builders.unshift({ name, type: step.type, ...disk } as never);
  }
  const manifest = {
    description: parts.description ?? "No description provided",
    variables: Object.fromEntries(parts.packerVariables),
    builders,
    provisioners: parts.provisioners.map(provisioner),
    "post-processors": parts.postprocessors.map((step) => ({ type: step.type, ...step.settings })),
  };
  return renderTree(manifest, renderer, parts.locate([])) as Record<string, unknown>;
}

function outputs(template: Template, step: Step) {
  const folder = template.directory ?? template.name;
  return {
    output_directory: `${folder}/builds`,
    http_directory: `${folder}/http`,
    vm_name: `${template.name}-${step.type}.iso`,
  };
}

function nameOf(step: Step): string {
  return String(step.settings.name ?? step.type);
}

function provisioner(step: Step): Record<string, unknown> {
  const settings: Record<string, unknown> = { type: step.type, ...step.settings };
  if (step.type !== "file" && step.type !== "shell") return settings;
  for (const key of ["source", "script"]) {
    const value = settings[key];
    if (typeof value !== "string" || isAbsolute(value)) continue;
    settings[key] = `${step.files?.folder ?? dirname(".")}/${value}`;
  }
  return settings;
}

function renderTree(value: unknown, renderer: Renderer, location: Location | undefined): unknown {
  if (typeof value === "string") {
    const { real } = renderer.render(value, location);
    const name = (variable: string) => (variable === "headless" ? "true" : `{{user \`${variable}\`}}`);
    return mapPieces(real, (text) => text, name);
  }
  if (Array.isArray(value)) return value.map((item) => renderTree(item, renderer, location));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, renderTree(own, renderer, location)]));
  }
  return value;
}
