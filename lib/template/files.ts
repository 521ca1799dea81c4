import { readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { ExitCode, type Location, VisaImageError } from "../errors";
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
}

/**
 * Finds a file or folder that a template names, with everything in it.
 * @param what how an error calls it: "script", "file"
 * @throws VisaImageError when it is missing, leaves its template's folder (through a symbolic link too), or is neither a
 * file nor a folder
 */
export function stage(
  name: string,
  scope: FileScope | undefined,
  what: string,
  location: Location | undefined,
  only: "file" | "any" = "any",
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
      for (const child of readdirSync(real).sort()) visit(join(own, child), [...ancestors, real]);
    } else if (stat.isFile()) {
      const inside = relative(scope.boundary, own).split(sep).join("/");
      staged.push({ path: `${scope.staged}/${inside}`, source: own, ...read(own) });
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
  if (staged.length === 0) throw usage(`the folder "${name}" is empty`, "put a file into it, or remove the step");
  if (isFile && name.endsWith("/"))
    throw usage(`"${name}" is a file, and written like a folder`, "remove the / at its end");
  const inside = relative(scope.boundary, path).split(sep).join("/");
  return {
    path: inside === "" ? scope.staged : `${scope.staged}/${inside}`,
    files: staged,
    labels: staged.map((file) => scope.label + file.path.slice(scope.staged.length + 1)),
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
