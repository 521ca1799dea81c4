/** Specifies the small chain of templates that the tests of synth share. */
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildSpecification, LayerSpecification } from "../../lib/specification";
import { specify } from "../../lib/specify/specify";
import type { SpecifyOptions } from "../../lib/specify/specify-options";
import { Catalog } from "../../lib/template/catalog";
import { CHAIN, GUEST_FOLDER } from "../fixtures/temporary-catalog";
import { scratchFolder } from "../support/scratch";

export type Options = Partial<Omit<SpecifyOptions, "catalog">>;

export function run(folder: string, options: Options = {}): BuildSpecification {
  return specify({
    catalog: Catalog.fromDirectory(folder, { parents: [] }),
    template: "two",
    environment: {},
    guestFolder: GUEST_FOLDER,
    ...options,
  });
}

export function last(specification: BuildSpecification): LayerSpecification {
  return specification.layers.at(-1) as LayerSpecification;
}

/** Inputs that differ. */
export function changed(a: LayerSpecification, b: LayerSpecification): string[] {
  const keys = new Set([...Object.keys(a.inputs), ...Object.keys(b.inputs)]);
  return [...keys].filter((key) => a.inputs[key] !== b.inputs[key]).sort();
}

export function publicKey(bits: number): string {
  const file = join(scratchFolder(), "public.pem");
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  writeFileSync(file, publicKey.export({ type: "spki", format: "pem" }));
  return file;
}

export const manifest = CHAIN["two/manifest.yml"] as string;
