/** The commit that a build was made from. */
import type { Masker } from "../output/masking";
import { readTool } from "../processes/tools";

/** A state of a git repository. */
export interface GitState {
  /** Hash of the commit. */
  readonly commit: string;
  /** Whether a tracked file differs from it. */
  readonly modified: boolean;
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
