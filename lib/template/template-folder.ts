/** Reads a template from its folder: manifest.yml and environment.yml. */
import { dirname, join } from "node:path";
import { type Location, usageError } from "../errors";
import { wholeMebibytes } from "../mebibytes";
import { isThere } from "../presence";
import { Problems } from "../problems";
import { hasBlocks, hasOpenBlocks, renderBlocks } from "./blocks";
import { check } from "./schema";
import {
  declareSecrets,
  readMachine,
  readSteps,
  type Step,
  Template,
  type TemplateParts,
  templateFiles,
} from "./template";
import { readText, YamlFile } from "./yaml-file";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Reads a template.
 * @param fromPackages the steps that follow its own
 * @throws VisaImageError for what cannot be used, with its place
 */
export function readTemplate(
  name: string,
  parent: string | undefined,
  directory: string,
  fromPackages: () => Step[],
): Template {
  const manifestFile = join(directory, "manifest.yml");
  const parts: Mutable<TemplateParts> = {
    parent,
    directory,
    variables: new Map(),
    secrets: [],
    packerVariables: new Map(),
    builders: [],
    provisioners: [],
    postprocessors: [],
    locate: () => ({ file: manifestFile }),
  };
  const problems = new Problems();
  problems.attempt(() => readEnvironment(join(directory, "environment.yml"), parts));
  const blocks = problems.attempt(() => readManifestFile(manifestFile, parts, name, directory));
  const packages = problems.attempt(fromPackages) ?? [];
  problems.throwAny();
  const withPackages = (own: TemplateParts) => ({ ...own, provisioners: [...own.provisioners, ...packages] });
  if (blocks === undefined) return Template.fromParts(name, withPackages(parts));
  parts.renderBlocks = (isVariable, render) => {
    const rendered = renderBlocks(blocks, isVariable, render);
    const own = { ...parts, renderBlocks: undefined };
    readManifest(new YamlFile(manifestFile, rendered.text, rendered.lines), own, name, directory);
    return withPackages(own);
  };
  return Template.fromParts(name, parts);
}

/** Reads a manifest; its text where its block tags have to be rendered first. */
function readManifestFile(
  file: string,
  parts: Mutable<TemplateParts>,
  name: string,
  directory: string,
): string | undefined {
  // packme takes a template without a manifest as one that does nothing itself (its packages do).
  if (!isThere(file)) return undefined;
  const text = readText(file);
  const yaml = readUnlessBlocks(file, text);
  if (!yaml) return text;
  readManifest(yaml, parts, name, directory);
  return undefined;
}

/** A manifest as it is; undefined where its block tags have to be rendered first. */
function readUnlessBlocks(file: string, text: string): YamlFile | undefined {
  if (!hasBlocks(text)) return new YamlFile(file, text);
  try {
    const yaml = new YamlFile(file, text);
    return hasOpenBlocks(yaml.contents) ? undefined : yaml;
  } catch {
    return undefined;
  }
}

function readManifest(yaml: YamlFile, parts: Mutable<TemplateParts>, name: string, directory: string): void {
  check("manifest", yaml.value, yaml);
  const packer = (yaml.value as { packer?: Record<string, unknown> | null } | null)?.packer ?? {};
  const variables = (packer.variables ?? {}) as Record<string, unknown>;
  parts.description = packer.description === undefined ? undefined : String(packer.description);
  parts.contract = packer.contract === undefined ? undefined : String(packer.contract);
  parts.basePackages = packer.base_packages;
  parts.warnings = packer.warnings;
  parts.exclude = packer.exclude as readonly string[] | undefined;
  parts.base = packer.base as TemplateParts["base"];
  parts.packerVariables = new Map(
    Object.entries(variables).map(([key, value]) => [key, yaml.text(["packer", "variables", key], value)]),
  );
  const files = templateFiles(name, directory, parts.exclude);
  const steps = (key: "builders" | "provisioners" | "postprocessors") =>
    readSteps(yaml, ["packer", key], packer[key], files);
  parts.builders = steps("builders");
  parts.provisioners = steps("provisioners");
  parts.postprocessors = steps("postprocessors");
  parts.locate = (path) => yaml.locate(["packer", ...path]);
}

/** environment.yml, or the environment.yml.tlt that build-image.sh makes one from (and which wins over an old one). */
function readEnvironment(plain: string, parts: Mutable<TemplateParts>): void {
  const unfilled = `${plain}.tlt`;
  parts.fill = isThere(unfilled);
  const file = parts.fill ? unfilled : plain;
  if (!isThere(file)) return;
  // What stands in braces would be a map to YAML.
  const yaml = parts.fill
    ? new YamlFile(file, readText(file).replaceAll(/(:[ \t]+)(\{\w+\})(?=[ \t]*$)/gm, '$1"$2"'))
    : YamlFile.read(file);
  check("environment", yaml.value, yaml);
  const value = (yaml.value ?? {}) as {
    environment?: Record<string, unknown> | null;
    secrets?: Record<string, { environment?: string; required?: boolean } | null> | null;
    machine?: Record<string, string | number | boolean> | null;
  };
  parts.variables = new Map(
    Object.entries(value.environment ?? {}).map(([key, own]) => [key, yaml.text(["environment", key], own)]),
  );
  parts.secrets = declareSecrets(value.secrets ?? {});
  const machine = Object.fromEntries(Object.entries(value.machine ?? {}).map(([key, own]) => [camelCase(key), own]));
  const problems = new Problems();
  problems.attempt(() => {
    if (typeof machine.memoryMb === "string") {
      machine.memoryMb = readMemory(machine.memoryMb, yaml.locate(["machine", "memory_mb"]));
    }
    parts.machine = readMachine(machine, "machine", dirname(file), yaml.locateKey(["machine"]));
  });
  for (const { name } of parts.secrets) {
    if (!parts.variables.has(name)) continue;
    const given = usageError(
      `"${name}" is a secret, and has a value in environment.yml`,
      yaml.locateKey(["environment", name]),
      "remove the value",
    );
    problems.add(given);
  }
  problems.throwAny();
}

/** A size with its unit, in MiB. */
function readMemory(text: string, location: Location): number {
  const size = wholeMebibytes(text);
  if (size !== undefined) return size;
  throw usageError(`"${text}" is no size of memory`, location, 'MiB, or a size with its unit: "memory_mb: 4G"');
}

/** `memory_mb` is `memoryMb` in code. */
function camelCase(key: string): string {
  return key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
