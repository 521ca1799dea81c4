/** The specifications that synth staged in cdktf's output folder. */
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { short } from "../fingerprint/digest";
import type { BuildSpecification, LayerSpecification } from "../specification";

/** One of them. */
export interface StagedSpecification {
  /** The layer that it is of. */
  readonly layer: LayerSpecification;
  /** That one and those below it, the first layer first. */
  readonly layers: readonly LayerSpecification[];
  /** The folder that its paths count from. */
  readonly folder: string;
}

/** Paths of the specifications of all stacks, by the 12 digits at their ends. */
export async function stagedSpecifications(output: string): Promise<Map<string, string>> {
  const stacks = join(output, "stacks");
  const found = new Map<string, string>();
  for (const stack of await readdir(stacks).catch(() => [])) {
    const folder = join(stacks, stack, "specifications");
    for (const file of await readdir(folder).catch(() => [])) {
      const digits = /-([0-9a-f]{12})\.json$/.exec(file)?.[1];
      if (digits) found.set(digits, resolve(folder, file));
    }
  }
  return found;
}

/** The specification of a layer; nothing where none of it was staged, or it cannot be read. */
export async function specificationOf(
  fingerprint: string,
  staged: ReadonlyMap<string, string>,
): Promise<StagedSpecification | undefined> {
  const file = staged.get(short(fingerprint));
  if (file === undefined) return undefined;
  try {
    const { layers } = JSON.parse(await readFile(file, "utf8")) as BuildSpecification;
    const layer = layers.at(-1);
    return layer?.fingerprint === fingerprint ? { layer, layers, folder: dirname(file) } : undefined;
  } catch {
    return undefined;
  }
}
