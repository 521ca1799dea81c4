/** Terraform's providers as a filesystem mirror: Terraform itself fetches and checks them. */
import { copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "../presence";
import { PROVIDERS } from "./lock";
import { type PlannedFile, planFolder } from "./planned-file";
import { runProgram } from "./run-program";
import type { SynthesizedStack } from "./synthesized";

const LOCK = ".terraform.lock.hcl";
/** HOST/NAMESPACE/TYPE/VERSION/PLATFORM. */
const DEPTH = 5;

/**
 * Has Terraform initialize the stacks elsewhere: of each only what it requires, and the versions that its lock names.
 *
 * @param scratch an empty folder
 */
export async function providers(
  stacks: readonly SynthesizedStack[],
  scratch: string,
  signal: AbortSignal,
): Promise<PlannedFile[]> {
  const found = new Map<string, PlannedFile>();
  for (const [index, stack] of stacks.entries()) {
    const folder = join(scratch, String(index));
    await mkdir(folder);
    const configuration = { terraform: { required_providers: stack.providers } };
    await writeFile(join(folder, "main.tf.json"), JSON.stringify(configuration));
    if (await exists(join(stack.folder, LOCK))) await copyFile(join(stack.folder, LOCK), join(folder, LOCK));
    const { TF_DATA_DIR: _, ...environment } = process.env;
    await runProgram(process.env.TERRAFORM_BINARY_NAME || "terraform", ["init", "-input=false", "-no-color"], {
      directory: folder,
      environment,
      signal,
    });
    const root = join(folder, ".terraform", "providers");
    for (const path of await foldersAt(root, DEPTH)) {
      for (const file of await planFolder(`${PROVIDERS}/${path}`, join(root, path))) found.set(file.path, file);
    }
  }
  return [...found.values()];
}

/** Paths of the folders so far below another one, seen through links. */
export async function foldersAt(root: string, depth: number): Promise<string[]> {
  if (depth === 0) return [""];
  const names = await readdir(root).catch(() => []);
  const below = await Promise.all(
    names.sort().map(async (name) => {
      const rest = await foldersAt(join(root, name), depth - 1);
      return rest.map((path) => (path ? `${name}/${path}` : name));
    }),
  );
  return below.flat();
}
