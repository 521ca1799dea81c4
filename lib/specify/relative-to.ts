import { relative } from "node:path";
import type { Base, BuildSpecification, LayerSpecification, MachineOptions } from "../specification";
import { isUrl } from "../template/source";

/** The same specification with its sources relative to the folder where its file will lie. */
export function relativeTo(specification: BuildSpecification, directory: string): BuildSpecification {
  const from = (path: string) => relative(directory, path).split("\\").join("/");
  const machine = (own: MachineOptions) =>
    own.ca === undefined || own.ca === "host" ? own : { ...own, ca: from(own.ca) };
  const relativeLayer = (layer: LayerSpecification): LayerSpecification => ({
    ...layer,
    machine: machine(layer.machine),
    ...(layer.base && { base: relativeBase(layer.base, from) }),
    ...(layer.places && {
      places: Object.fromEntries(
        Object.entries(layer.places).map(([path, place]) => [path, { ...place, file: from(place.file) }]),
      ),
    }),
    files: layer.files.map((file) => ({ ...file, source: from(file.source) })),
    checks: layer.checks.map((file) => ({ ...file, source: from(file.source) })),
  });
  return {
    ...specification,
    ...(specification.machine && { machine: machine(specification.machine) }),
    ...(specification.parentsFromGlance && {
      parentsFromGlance: { lockFile: from(specification.parentsFromGlance.lockFile) },
    }),
    layers: specification.layers.map(relativeLayer),
    ...(specification.later && { later: specification.later.map(relativeLayer) }),
  };
}

function relativeBase(base: Base, from: (path: string) => string): Base {
  if (base.kind === "file") return { ...base, path: from(base.path) };
  if (base.kind !== "installer") return base;
  return {
    ...base,
    media: base.media.map((own) => ({
      ...own,
      source: isUrl(own.source) ? own.source : from(own.source),
      ...(own.firstUse && { firstUse: { ...own.firstUse, lockFile: from(own.firstUse.lockFile) } }),
    })),
    files: base.files.map((file) => ({ ...file, source: from(file.source) })),
  };
}
