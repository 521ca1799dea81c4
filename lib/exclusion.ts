/**
 * Files that lie in a folder and are nobody's input: what editors, version control, desktops and Python leave there.
 *
 * Patterns are those of .gitignore, but for `[…]`: one without a `/` in it means a name at any depth, one with a `/` a path
 * from the folder; `*` and `?` stop at a `/`, `**` does not; a `/` at the end means folders alone; `!` takes back what an
 * earlier one left out, but nothing inside of a folder that is left out.
 */

/**
 * What is left out by itself; each can be taken back. As with npm pack, and what that lacks for editors and Python,
 * and the lock of media, which a build writes; nothing is among them that a person may want in an image, such as node_modules.
 */
export const DEFAULT_EXCLUDE: readonly string[] = [
  ".git",
  ".hg/",
  ".svn/",
  "CVS/",
  ".DS_Store",
  "._*",
  "Thumbs.db",
  "desktop.ini",
  "*.swp",
  "*.swo",
  "*~",
  ".#*",
  "#*#",
  "__pycache__/",
  ".pytest_cache/",
  ".mypy_cache/",
  ".ruff_cache/",
  ".ipynb_checkpoints/",
  "visa-media.lock.json",
];

/** What a pattern says of a path. */
export interface Rule {
  readonly pattern: string;
  /** Whether it takes back what an earlier one left out. */
  readonly takesBack: boolean;
}

/** Finds the last of some patterns that a path matches. */
export class Exclusion {
  private readonly rules: readonly (Rule & { expression: RegExp; foldersOnly: boolean })[];

  constructor(patterns: readonly string[]) {
    this.rules = patterns.map(compile);
  }

  /** @param path relative to the folder that the patterns are for, with `/` */
  rule(path: string, isFolder: boolean): Rule | undefined {
    return this.rules.findLast((each) => (isFolder || !each.foldersOnly) && each.expression.test(path));
  }
}

/** Whether a file below a folder is among what is always left out. @param path relative to the folder, with `/` */
export function isLeftBehind(path: string): boolean {
  const names = path.split("/");
  return names.some((_, i) => DEFAULT.rule(names.slice(0, i + 1).join("/"), i + 1 < names.length) !== undefined);
}

function compile(pattern: string) {
  const takesBack = pattern.startsWith("!");
  const foldersOnly = pattern.endsWith("/");
  const glob = pattern.slice(takesBack ? 1 : 0, foldersOnly ? -1 : undefined);
  const start = glob.includes("/") ? "^" : "(?:^|/)";
  const parts = glob.replace(/^\//, "").split(/(\*\*\/|\*\*|\*|\?)/);
  const body = parts.map((part) => WILDCARDS[part] ?? part.replaceAll(/[\\^$.|+()[\]{}]/g, "\\$&")).join("");
  return { pattern, expression: new RegExp(`${start}${body}$`), foldersOnly, takesBack };
}

const WILDCARDS: Readonly<Record<string, string>> = {
  "**/": "(?:.*/)?",
  "**": ".*",
  "*": "[^/]*",
  "?": "[^/]",
};

const DEFAULT = new Exclusion(DEFAULT_EXCLUDE);
