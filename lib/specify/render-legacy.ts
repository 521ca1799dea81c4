import { legacyManifest } from "../packer/legacy";
import { Renderer } from "../template/render";
import { readOptions, type SpecifyOptions } from "./specify-options";
import { valueTemplate } from "./values";

/** What packme would have made of a template on its parent: see lib/packer/legacy.ts. */
export function renderLegacy(options: SpecifyOptions): Record<string, unknown> {
  const given = readOptions(options);
  const open = (name: string) => valueTemplate(options.catalog.template(name), given, options.onWarning ?? (() => {}));
  const { template, values } = open(options.template);
  const parent = template.parent === undefined ? undefined : open(template.parent).template;
  return legacyManifest(template, parent, new Renderer(values, "keep"));
}
