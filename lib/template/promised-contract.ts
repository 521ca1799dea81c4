import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type ContractPart, contractParts } from "../contract";
import type { SpecifiedFile } from "../specification";
import { stage } from "./files";
import type { Renderer } from "./render";
import { type Template, templateFiles } from "./template";

/** The folder of a template's own checks. */
const CHECKS_FOLDER = "checks";

/**
 * The parts of VISA's contract that a template promises; undefined where it says nothing, and promises what its parent
 * does.
 *
 * @throws VisaImageError for a word that names no part
 */
export function resolveContract(template: Template, renderer: Renderer): ContractPart[] | undefined {
  const { contract } = template.parts;
  if (contract === undefined) return undefined;
  const location = template.parts.locate(["contract"]);
  const words = renderer.render(contract, location).real.split(/\s+/).filter(Boolean);
  return contractParts(words, location);
}

/** The scripts of a template's folder `checks`, in the order of their names. */
export function resolveChecks(template: Template): SpecifiedFile[] {
  const { directory } = template.parts;
  if (directory === undefined || !existsSync(join(directory, CHECKS_FOLDER))) return [];
  const scripts = readdirSync(join(directory, CHECKS_FOLDER)).filter((name) => name.endsWith(".sh"));
  return scripts.sort().flatMap((name) => [
    ...stage(`${CHECKS_FOLDER}/${name}`, templateFiles(template.name, directory), "check", undefined, {
      only: "file",
    }).files,
  ]);
}
