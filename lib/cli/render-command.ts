/** `visa-image render`: the Packer configuration of templates, or what packme would have made of them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { mapAll } from "../problems";
import { renderLegacy } from "../specify/render-legacy";
import { specify } from "../specify/specify";
import { environmentOf, type InputOptions, openCatalog, specifyOptions } from "./inputs";

/** Options of the command. */
export interface RenderCommandOptions extends InputOptions {
  readonly output?: string;
  readonly legacy?: true;
  readonly json?: true;
}

/** Runs the command. */
export function runRender(templates: readonly string[], options: RenderCommandOptions): void {
  const environment = environmentOf(options);
  const { catalog } = openCatalog(options);
  const names = templates.length > 0 ? [...new Set(templates)] : catalog.names();
  const rendered = mapAll(names, (template) => {
    const what = specifyOptions(catalog, template, options, environment);
    if (options.legacy) return { template, configuration: renderLegacy(what) };
    const layer = specify(what).layers.at(-1);
    const { fingerprint, base, files, configuration } = layer ?? {};
    return { template, fingerprint, base, files, configuration };
  });
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  if (options.output !== undefined) {
    const folder = resolve(options.output);
    mkdirSync(folder, { recursive: true });
    for (const { template, configuration } of rendered) {
      writeFileSync(join(folder, `${template}${options.legacy ? ".json" : ".pkr.json"}`), json(configuration));
    }
  }
  if (options.json) process.stdout.write(json(rendered));
  else if (options.output === undefined) {
    const [only] = rendered;
    process.stdout.write(
      json(
        rendered.length === 1
          ? only?.configuration
          : Object.fromEntries(rendered.map(({ template, configuration }) => [template, configuration])),
      ),
    );
  }
}
