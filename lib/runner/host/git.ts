/** What git knows of the files that a build is made from. */
import { realpathSync } from "node:fs";
import { join, relative } from "node:path";
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
