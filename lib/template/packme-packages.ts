/** packme's packages: provisioners that templates share. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Location, usageError } from "../errors";
import { suggestion } from "../nearest";
import { isFolder, isThere } from "../presence";
import { mapAll } from "../problems";
import { check } from "./schema";
import { readSteps, type Step } from "./template";
import { YamlFile } from "./yaml-file";

function packageNames(names: readonly string[], folder: string, locate: (index: number) => Location): string[] {
  const known = isFolder(folder)
    ? readdirSync(folder)
        .filter((name) => isFolder(join(folder, name)))
        .sort()
    : [];
  if (names.includes("*")) return known;
  return mapAll(names, (name, index) => {
    if (known.includes(name)) return name;
    throw usageError(`there is no package "${name}" in ${folder}`, locate(index), suggestion(name, known, "packages"));
  });
}

/** The provisioners of the packages that a template names. @throws VisaImageError for one that there is not */
export function readPackages(
  names: readonly string[],
  template: string,
  folder: string,
  locate: (index: number) => Location,
): Step[] {
  return mapAll(packageNames(names, folder, locate), (name) => readPackage(name, template, folder)).flat();
}

/** The provisioners of one of packme's packages; its paths are relative to a folder named after the template. */
function readPackage(name: string, template: string, packagesFolder: string): Step[] {
  const boundary = join(packagesFolder, name);
  const file = join(boundary, "manifest.yml");
  if (!isThere(file)) return [];
  const yaml = YamlFile.read(file);
  check("package", yaml.value, yaml);
  const value = (yaml.value as { provisioners?: unknown } | null)?.provisioners;
  return readSteps(yaml, ["provisioners"], value, {
    folder: join(boundary, template),
    boundary,
    staged: `packages/${name}`,
    label: `packages/${name}/`,
  });
}
