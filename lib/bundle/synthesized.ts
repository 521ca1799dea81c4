/** What a deploy of synthesized stacks would run and need, as cdktf's output folder says it. */
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { usageError } from "../errors";
import type { BuildSpecification } from "../specification";

/** A stack that was synthesized. */
export interface SynthesizedStack {
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  /** `required_providers` of its configuration. */
  readonly providers: Readonly<Record<string, unknown>>;
  /** What its builds read: a layer that is held back is not among them, and neither is what an earlier synth has left. */
  readonly specifications: readonly Specified[];
}

/** A specification, and the folder that its paths count from. */
export interface Specified {
  readonly specification: BuildSpecification;
  readonly folder: string;
}

/** Reads the stacks of a folder. @param names nothing for all of them */
export async function synthesizedStacks(output: string, names: readonly string[]): Promise<SynthesizedStack[]> {
  const manifest = await readJson<{ stacks: Record<string, { synthesizedStackPath: string }> }>(
    join(output, "manifest.json"),
  );
  const unknown = names.filter((name) => !Object.hasOwn(manifest.stacks, name));
  if (unknown.length > 0) {
    const known = Object.keys(manifest.stacks).join(", ");
    throw usageError(`"${output}" has no stack ${unknown.map((name) => `"${name}"`).join(", ")}`, undefined, known);
  }
  const wanted = Object.entries(manifest.stacks).filter(([name]) => names.length === 0 || names.includes(name));
  return Promise.all(
    wanted.map(([name, { synthesizedStackPath }]) => readStack(name, join(output, synthesizedStackPath))),
  );
}

async function readStack(name: string, file: string): Promise<SynthesizedStack> {
  const folder = dirname(resolve(file));
  const { terraform, resource } = await readJson<{
    terraform?: { required_providers?: Record<string, unknown> };
    resource?: { terraform_data?: Record<string, unknown> };
  }>(file);
  const commands = JSON.stringify(resource?.terraform_data ?? {});
  const found = [...commands.matchAll(/ build (?:--[a-z-]+ )*--specification (specifications\/[\w.-]+\.json)/g)];
  const paths = [...new Set(found.map(([, path]) => join(folder, path as string)))];
  return {
    name,
    folder,
    providers: terraform?.required_providers ?? {},
    specifications: await Promise.all(
      paths.map(async (path) => ({ specification: await readJson<BuildSpecification>(path), folder: dirname(path) })),
    ),
  };
}

async function readJson<T>(file: string): Promise<T> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as T;
  } catch (cause) {
    throw usageError(
      `cannot read what was synthesized: ${(cause as Error).message}`,
      { file },
      "synthesize first: npx cdktf synth; --from names another folder",
      cause,
    );
  }
}
