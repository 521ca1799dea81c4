/** What an embedded cloud remembers of itself between two commands: `state.json` in its folder. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { VisaImageError } from "../../lib/errors";
import type { CloudSettings } from "./settings";

/** Sizes of cloud: Keystone and Glance alone, or with Placement, Nova and Neutron. */
export type CloudSize = "small" | "full";

export const STATE_VERSION = 1;

/** Contents of `state.json`. */
export interface CloudState extends CloudSettings {
  readonly version: typeof STATE_VERSION;
  readonly size: CloudSize;
  /** Package versions for which the databases were made; empty before the first start has succeeded. */
  readonly schema: Readonly<Record<string, string>>;
}

/** The file itself. */
export function stateFile(folder: string): string {
  return join(folder, "state.json");
}

/**
 * What was remembered in a folder; nothing where no cloud was started there.
 *
 * @throws VisaImageError where it is damaged, of another version, or of another folder
 */
export async function readState(folder: string): Promise<CloudState | undefined> {
  const file = stateFile(folder);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new VisaImageError(`cannot read "${file}": ${(error as Error).message}`, { cause: error });
  }
  const fix = "remove it: dev/cloud reset";
  let state: CloudState;
  try {
    state = JSON.parse(text) as CloudState;
  } catch (cause) {
    throw new VisaImageError(`"${file}" is damaged`, { fix, cause });
  }
  if (state.version !== STATE_VERSION) {
    throw new VisaImageError(`"${folder}" was made by another version of this program`, { fix });
  }
  // Glance's database holds the absolute path of every image.
  if (state.folder !== folder) {
    throw new VisaImageError(`the cloud was made in "${state.folder}" and can't be moved to "${folder}"`, {
      fix: "move it back, or remove it: dev/cloud reset",
    });
  }
  return state;
}
