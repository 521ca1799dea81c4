/** What git knows of the files that a build is made from. */
import { realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { Masker } from "../output/masking";
import { readTool } from "../processes/tools";

/** A state of a git repository. */
export interface GitState {
  /** Hash of the commit. */
  readonly commit: string;
  /** Whether a tracked file differs from it. */
  readonly modified: boolean;
}

/** A state in words: the commit, and whether that is the whole truth. */
export function commitWords({ commit, modified }: GitState): string {
  return modified ? `${commit}, modified` : commit;
}

/** The state of the repository that a folder is in; nothing where there is none, or no git. */
export async function gitState(directory: string, masker: Masker): Promise<GitState | undefined> {
  const git = (...args: string[]) => readTool("git", ["-C", directory, ...args], { directory, masker });
  try {
    const commit = (await git("rev-parse", "--verify", "HEAD")).trim();
    const changes = await git("--no-optional-locks", "status", "--porcelain", "--untracked-files=no");
    return { commit, modified: changes.trim() !== "" };
  } catch {
    return undefined;
  }
}

/**
 * Those files below a folder that its repository does not track: they are inputs here, and whoever clones it lacks them.
 * None where there is no repository, or no git.
 * @param files absolute paths
 */
export async function untrackedFiles(directory: string, files: readonly string[], masker: Masker): Promise<string[]> {
  try {
    const listed = await readTool("git", ["-C", directory, "-c", "core.quotePath=false", "ls-files"], {
      directory,
      masker,
    });
    const root = realpathSync(directory);
    const tracked = new Set(listed.split("\n").map((path) => join(root, path)));
    return files.filter((file) => {
      const real = realpathSync(file);
      return !relative(root, real).startsWith("..") && !tracked.has(real);
    });
  } catch {
    return [];
  }
}

/** What git says of one file. */
export interface FileHistory {
  /** `outside`: it is no file of a repository, or git is told to ignore it. */
  readonly state: "committed" | "modified" | "untracked" | "outside";
  /** The last commit that touched it. */
  readonly commit?: { readonly hash: string; readonly author: string; readonly date: string; readonly subject: string };
  /** The repository has no commit before that one here (a shallow clone): it may not have touched the file. */
  readonly shallow?: boolean;
}

/** What git says of a file; nothing where it has no answer: there is no git, or it does not trust the folder. */
export async function fileHistory(file: string, masker: Masker): Promise<FileHistory | undefined> {
  const directory = dirname(file);
  const git = (...args: string[]) => readTool("git", ["-C", directory, ...args], { directory, masker });
  const inRepository = await git("rev-parse", "--is-inside-work-tree").catch((error: Error) => error.message);
  if (inRepository.trim() !== "true") {
    return inRepository.includes("not a git repository") ? { state: "outside" } : undefined;
  }
  try {
    const status = await git("--no-optional-locks", "status", "--porcelain", "--ignored", "--", basename(file));
    if (status.startsWith("!!")) return { state: "outside" };
    if (status.startsWith("??")) return { state: "untracked" };
    const format = "%H%x09%h%x09%an%x09%as%x09%s";
    const log = await git("log", "-1", `--format=${format}`, "--", basename(file)).catch(() => "");
    const [whole = "", hash = "", author = "", date = "", ...subject] = log.trim().split("\t");
    const state = status.trim() === "" ? "committed" : "modified";
    if (!hash) return { state: "untracked" };
    const beginnings = await readFile(
      resolve(directory, (await git("rev-parse", "--git-path", "shallow")).trim()),
      "utf8",
    ).catch(() => "");
    const commit = { hash, author, date, subject: subject.join(" ") };
    return { state, commit, ...(beginnings.split("\n").includes(whole) && { shallow: true }) };
  } catch {
    return undefined;
  }
}
