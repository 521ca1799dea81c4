import { readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { ExitCode, type Location, VisaImageError } from "../errors";
import { DEFAULT_EXCLUDE, Exclusion } from "../exclusion";
import { compare, sha256, short } from "../fingerprint/digest";
import { digestFile } from "../fingerprint/file-digest";
import { suggestion } from "../nearest";
import type { SpecifiedFile } from "../specification";
import type { FileScope } from "./template";

/** A file or folder that a step reads. */
export interface Staged {
  /** Where it stands in the scratch folder. */
  readonly path: string;
  /** The file itself, or all files of the folder. */
  readonly files: readonly SpecifiedFile[];
  /** What the plan calls each of them, in the same order. */
  readonly labels: readonly string[];
  /** What was left out of the folder. */
  readonly excluded: readonly ExcludedFile[];
}

/** A file or a folder that is left out. */
export interface ExcludedFile {
  /** As the plan would call it; a folder's ends with `/`. */
  readonly label: string;
  /** The pattern that it matches. */
  readonly pattern: string;
}

/** Options of {@link stage}. */
export interface StageOptions {
  /** @default "any" */
  readonly only?: "file" | "any";
  /** Patterns of what is left out of a folder, from that folder; they go before those of the template. @default none */
  readonly exclude?: readonly string[];
}

/**
 * Finds a file or folder that a template names, with everything in it but what is left out (see lib/exclusion.ts).
 * @param what how an error calls it: "script", "file"
 * @throws VisaImageError when it is missing, leaves its template's folder (through a symbolic link too), or is neither a
 * file nor a folder
 */
export function stage(
  name: string,
  scope: FileScope | undefined,
  what: string,
  location: Location | undefined,
  { only = "any", exclude = [] }: StageOptions = {},
): Staged {
  const usage = (problem: string, fix: string, cause?: unknown) =>
    new VisaImageError(problem, { location, fix, exitCode: ExitCode.USAGE, cause });
  if (scope === undefined) {
    throw usage(`the ${what} "${name}" has no folder to be looked up in`, "give the template a `directory`");
  }
  if (name === "" || name.includes("\0")) throw usage(`"${name}" is not a path`, `name a ${what}`);
  const path = resolve(scope.folder, name);
  const outside = () =>
    usage(
      `the ${what} "${name}" is outside of ${scope.boundary}`,
      "copy it into that folder: what an image is made of belongs to its template",
    );
  if (!isInside(scope.boundary, path)) throw outside();
  const boundary = realpathSync.native(scope.boundary);
  const staged: SpecifiedFile[] = [];
  const excluded: ExcludedFile[] = [];
  // A folder without some of its files is another one than that folder whole, which another step may copy.
  const home = exclude.length > 0 ? `${scope.staged}-but-${short(sha256(exclude.join("\n")))}` : scope.staged;
  const templates = new Exclusion([...DEFAULT_EXCLUDE, ...(scope.exclude ?? [])]);
  const steps = new Exclusion(exclude);
  const slashed = (from: string, own: string) => relative(from, own).split(sep).join("/");
  const isExcluded = (own: string, isFolder: boolean): boolean => {
    const inside = slashed(scope.boundary, own);
    const rule = steps.rule(slashed(path, own), isFolder) ?? templates.rule(inside, isFolder);
    if (!rule || rule.takesBack) return false;
    excluded.push({ label: `${scope.label}${inside}${isFolder ? "/" : ""}`, pattern: rule.pattern });
    return true;
  };

  const visit = (own: string, ancestors: readonly string[]): void => {
    let real: string;
    try {
      real = realpathSync.native(own);
    } catch (cause) {
      if (own !== path) throw usage(`the ${what} "${own}" cannot be read`, "remove or repair the symbolic link", cause);
      throw usage(`there is no ${what} "${name}" in ${scope.folder}`, similar(scope.folder, path), cause);
    }
    if (!isInside(boundary, real)) throw outside();
    const stat = statSync(real);
    if (stat.isDirectory()) {
      if (ancestors.includes(real))
        throw usage(`"${own}" leads back to a folder around it`, "remove the symbolic link");
      const children = readdirSync(real, { withFileTypes: true }).sort((a, b) => compare(a.name, b.name));
      for (const child of children) {
        const inner = join(own, child.name);
        if (!isExcluded(inner, child.isDirectory())) visit(inner, [...ancestors, real]);
      }
    } else if (stat.isFile()) {
      staged.push({ path: `${home}/${slashed(scope.boundary, own)}`, source: own, ...read(own) });
    } else {
      throw usage(`"${own}" is neither a file nor a folder`, "remove it");
    }
  };
  const read = (own: string) => {
    try {
      return digestFile(own);
    } catch (cause) {
      throw usage(`the ${what} "${own}" cannot be read: ${(cause as Error).message}`, "look at its permissions", cause);
    }
  };

  visit(path, []);
  const isFile = staged.length === 1 && staged[0]?.source === path;
  if (only === "file" && !isFile) throw usage(`the ${what} "${name}" is a folder`, "name a file");
  if (staged.length === 0) {
    const but =
      excluded.length > 0 ? ` but for what is left out (${excluded.map(({ label }) => label).join(", ")})` : "";
    throw usage(`the folder "${name}" is empty${but}`, "put a file into it, or remove the step");
  }
  if (isFile && name.endsWith("/"))
    throw usage(`"${name}" is a file, and written like a folder`, "remove the / at its end");
  const inside = slashed(scope.boundary, path);
  return {
    path: inside === "" ? home : `${home}/${inside}`,
    files: staged,
    labels: staged.map((file) => scope.label + file.path.slice(home.length + 1)),
    excluded,
  };
}

function isInside(folder: string, path: string): boolean {
  const inner = relative(folder, path);
  return inner === "" || (inner !== ".." && !inner.startsWith(`..${sep}`) && !isAbsolute(inner));
}

function similar(folder: string, path: string): string {
  try {
    const siblings = readdirSync(dirname(path));
    const inside = relative(folder, dirname(path));
    return suggestion(
      join(inside, basename(path)),
      siblings.map((sibling) => join(inside, sibling)),
      "files",
    );
  } catch {
    return `create ${path}`;
  }
}
