/** Writes a tree of packme's anew, with what has to be put right mended. The tree itself is only read. */
import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { usageError, VisaImageError, withoutFix } from "../errors";
import { mapAll, problemsOf } from "../problems";
import { specify } from "../specify/specify";
import { Catalog } from "../template/catalog";
import { UndefinedVariable } from "../template/render";
import { EditedYaml } from "./edited-yaml";
import { mendFiles } from "./mendings";
import { type Advice, type Change, MendedTree } from "./tree";

/** What was done with a tree. */
export interface Migration {
  /** Where the new tree is; undefined where nothing had to be changed. */
  readonly folder?: string;
  readonly changes: readonly Change[];
  /** What build tools made, and the new tree does not have. */
  readonly leftOut: readonly Change[];
  /** What nobody but a person can mend: without it the tree cannot be built. */
  readonly left: readonly Advice[];
  /** What is no error, and is to be looked at. */
  readonly advice: readonly Advice[];
}

/** So many names at most are found one behind the other. */
const MOST_ROUNDS = 10;

/** A name that is better not written down. */
const SECRET = /pass(word|wd|phrase)?|secret|token|api_?key|credential/i;

/**
 * Migrates a tree: `folder` has config.yml.
 * @param target the new tree's folder, which must not be there
 * @param environment of which VISA's public key is taken where a template copies it
 * @throws VisaImageError where there is no tree, or where something stands in the new one's place
 */
export function migrate(
  folder: string,
  target: string,
  environment: Readonly<Record<string, string | undefined>> = {},
): Migration {
  const [from, to] = [resolve(folder), resolve(target)];
  if (!existsSync(join(from, "config.yml"))) {
    throw usageError("there is no tree: config.yml is missing", { file: from }, "name the folder of config.yml");
  }
  if (existsSync(to)) throw usageError(`"${target}" is there already`, undefined, "name another folder: --output DIR");
  if (to.startsWith(from + sep)) {
    throw usageError(`"${target}" is inside of the tree`, undefined, "name a folder beside it: --output DIR");
  }
  const tree = new MendedTree(from);
  mendFiles(tree);
  const scratch = `${to}.${process.pid}`;
  try {
    const looked = lookAt(tree, scratch, environment);
    const result = { ...looked, changes: inOrder(tree.changes), leftOut: tree.leftOut };
    if (tree.changes.length === 0) return result;
    renameSync(scratch, to);
    return { ...result, folder: to };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** By file as they came, and by line in each. */
function inOrder(changes: readonly Change[]): Change[] {
  const files = [...new Set(changes.map(({ file }) => file))];
  return files.flatMap((file) =>
    changes.filter((each) => each.file === file).sort((a, b) => (a.line ?? 0) - (b.line ?? 0)),
  );
}

/** Writes the tree and loads it, until no more names have to be declared. */
function lookAt(
  tree: MendedTree,
  scratch: string,
  environment: Readonly<Record<string, string | undefined>>,
): Pick<Migration, "left" | "advice"> {
  for (let round = 1; ; round++) {
    rmSync(scratch, { recursive: true, force: true });
    tree.writeTo(scratch);
    const warnings = new Set<string>();
    const shared = new Set<string>();
    const problems = load(scratch, environment, shared, (text) => warnings.add(text));
    const declared = problems.filter((problem) => declareVariable(tree, scratch, problem));
    if (declared.length > 0 && round < MOST_ROUNDS) continue;
    const own = (text: string) => text.replaceAll(`${scratch}${sep}`, "");
    const left = problems.map((problem) => {
      const { location, fix } = problem;
      const file = location && own(location.file);
      const place = location ? [location.file, location.line, location.column].filter(Boolean).join(":") : "";
      const what = withoutFix(problem.message.slice(place === "" ? 0 : place.length + 2));
      return { file, line: location?.line, what: own(what), fix: fix && own(fix) };
    });
    const names = [...shared].map((name) => `"${name}"`).join(", ");
    const meant = {
      file: "config.yml",
      what: `${names}: the tree's own go before the package's of that name`,
      fix: "to take the package's, remove the name from config.yml",
    };
    const told = [...warnings].map((text) => ({ what: own(text) }));
    return { left, advice: [...tree.advice, ...(shared.size > 0 ? [meant] : []), ...told] };
  }
}

/** All that is wrong with a tree. @param shared gets the names that the package has too */
function load(
  folder: string,
  environment: Readonly<Record<string, string | undefined>>,
  shared: Set<string>,
  onWarning: (text: string) => void,
): readonly VisaImageError[] {
  try {
    const catalog = Catalog.fromDirectory(folder);
    const packages = Catalog.shipped().names();
    for (const name of catalog.names()) if (packages.includes(name)) shared.add(name);
    const pamPublicKeyFile = environment.VISA_PAM_PUBLIC_KEY || undefined;
    mapAll(catalog.names(), (template) => specify({ catalog, template, environment: {}, pamPublicKeyFile, onWarning }));
    return [];
  } catch (error) {
    if (error instanceof VisaImageError) return problemsOf(error);
    throw error;
  }
}

/** packme takes any variable of the process; here it has to be declared. */
function declareVariable(tree: MendedTree, scratch: string, problem: VisaImageError): boolean {
  if (!(problem instanceof UndefinedVariable) || !problem.location) return false;
  const used = relative(scratch, problem.location.file);
  const prefix = tree.templatesFolder === "" ? "" : `${tree.templatesFolder}${sep}`;
  const [name] = used.slice(prefix.length).split(sep);
  if (!used.startsWith(prefix) || !name || dirname(used) === "." || used.startsWith(`packages${sep}`)) return false;
  const folder = join(prefix, name);
  const file = ["environment.yml.tlt", "environment.yml"]
    .map((each) => join(folder, each))
    .find((each) => tree.has(each));
  const variable = problem.variable;
  const isSecret = SECRET.test(variable);
  const section = isSecret ? "secrets" : "environment";
  const line = isSecret ? `${variable}: { environment: ${variable} }` : `${variable}: ""`;
  const target = file ?? join(folder, "environment.yml");
  const text = file === undefined ? "" : tree.read(file);
  const yaml = EditedYaml.read(text);
  const value = yaml?.value as Record<string, unknown> | null | undefined;
  if (!yaml) return false;
  const isDone = value?.[section] ? yaml.insertFirst([section], line) : yaml.append(`${section}:\n  ${line}\n`);
  if (!isDone || (value && section in value && !value[section])) return false;
  tree.write(target, yaml.text());
  const what = isSecret ? `declared the secret "${variable}"` : `declared the variable "${variable}", empty`;
  const why = `${used} uses it, and packme took it from the environment`;
  tree.changes.push({ file: target, what, why });
  if (!isSecret) {
    tree.advice.push({
      file: target,
      what: `"${variable}" is empty unless the environment of the build has it`,
      fix: "write its usual value there",
    });
  }
  return true;
}
