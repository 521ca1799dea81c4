/**
 * Terraform runs commands in the stack's output folder. What a person writes into the environment counts from the folder of
 * cdktf.json all the same, where they call cdktf: one rule, here.
 */
import { isAbsolute, resolve } from "node:path";

/** Says where that folder is, as seen from where the command runs. Set by the stack alone. */
export const PROJECT_FOLDER = "VISA_PROJECT_FOLDER";

/** Variables that name a file or a folder: those of secrets' files, and these. */
const PATHS = /^(VISA_\w+_FILE|VISA_BUILD_CA|VISA_IMAGE_CACHE|XDG_CACHE_HOME)$/;

/** What a variable may say in the place of a path. */
const WORDS = new Map([["VISA_BUILD_CA", "host"]]);

/**
 * Makes the paths in an environment whole, in place; and takes a `HOME` out that is none, so that the home is found in
 * /etc/passwd.
 *
 * @param environment those of OpenStack's own tools (`OS_*`) are left: Terraform's provider reads them too, and synth refuses
 *   relative ones
 */
export function settlePaths(environment: NodeJS.ProcessEnv): void {
  if (environment.HOME !== undefined && !isAbsolute(environment.HOME)) delete environment.HOME;
  const folder = environment[PROJECT_FOLDER];
  if (!folder) return;
  for (const [name, value] of Object.entries(environment)) {
    if (value && PATHS.test(name) && WORDS.get(name) !== value) environment[name] = resolve(folder, value);
  }
  // A command that this one runs is in the same place, or in another one.
  delete environment[PROJECT_FOLDER];
}
