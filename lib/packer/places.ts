/** Where what a configuration says stands in a template's files. */
import type { LayerSpecification } from "../specification";
import { show } from "../template/schema";
import type { Step } from "../template/template";
import type { ValuePath } from "../template/yaml-file";

/** Places by path in the configuration. */
export type Places = NonNullable<LayerSpecification["places"]>;

/** The places of a step and of its settings; none where it has no file. @param path where it stands in the configuration */
export function placesOf(step: Step, path: ValuePath): Places {
  const paths: ValuePath[] = [[], ...Object.keys(step.settings).map((key) => [key])];
  const entries = paths.flatMap((inner) => {
    const place = step.locate(inner);
    return place ? [[show([...path, ...inner]), place]] : [];
  });
  return Object.fromEntries(entries);
}
