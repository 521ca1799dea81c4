/** `visa-image bundle`: one archive of what a deploy needs on a machine without internet access. */
import { closeSync, openSync, renameSync, rmSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { usageError } from "../errors";
import { packageVersion } from "../package-root";
import { isThere } from "../presence";
import { hashFile } from "../runner/cache/cache";
import { cleanUpAbandoned, createScratch, removeScratch } from "../runner/cache/scratch";
import { artifacts, bases, media } from "./layers";
import { BUNDLE_LOCK, bundleLock, PLUGINS, PROGRAM } from "./lock";
import { npmCache } from "./npm-cache";
import { type PlannedFile, planFile, planFolder } from "./planned-file";
import { providers } from "./providers";
import { requireRoom } from "./room";
import { runProgram } from "./run-program";
import { synthesizedStacks } from "./synthesized";
import type { BundleWishes } from "./wishes";

/** An archive that was written. */
export interface Bundle {
  readonly archive: string;
  readonly bytes: number;
  readonly sha256: string;
  /** How many files, and of how many bytes, by the first part of their paths. */
  readonly contents: Readonly<Record<string, { readonly files: number; readonly bytes: number }>>;
}

/** Makes an archive. Whatever goes in is named here, one by one: nothing else of the project's folder or of the home does. */
export async function makeBundle(wishes: BundleWishes): Promise<Bundle> {
  const { cache, project, signal, say } = wishes;
  const archive = resolve(wishes.archive);
  if (isThere(archive)) {
    throw usageError("there is a file of this name already", { file: archive }, "give --output another name");
  }
  const stacks = await synthesizedStacks(wishes.output, wishes.stacks);
  const specified = stacks.flatMap(({ specifications }) => specifications);
  await cache.prepare();
  for (const message of await cleanUpAbandoned(cache)) say(message);
  const scratch = await createScratch(cache, "bundle");
  try {
    const folder = async (name: string) => {
      const path = join(scratch.path, name);
      await mkdir(path);
      return path;
    };
    say(wishes.layers ? "layers: reading what the cache has" : "bases, and what they are made from");
    const layers = wishes.layers
      ? await artifacts(specified, cache)
      : [...(await bases(specified, cache, wishes)), ...(await media(specified, cache, wishes))];
    signal.throwIfAborted();
    say("Terraform's providers: terraform init");
    const mirrored = await providers(stacks, await folder("terraform"), signal);
    say("npm's packages: npm ci with an empty cache");
    const packages = await npmCache(project, await folder("npm"), signal);
    const plugins = await planFolder(PLUGINS, join(cache.packer, "plugins"));
    const files = [
      ...(await program(await folder("program"))),
      packages,
      ...mirrored,
      ...plugins.filter(({ path }) => /\/packer-plugin-[^/]+$/.test(path)),
      ...layers,
    ];
    const sha256 = await write(files, archive, await folder("archive"), wishes);
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return { archive, bytes, sha256, contents: contentsOf(files) };
  } finally {
    await removeScratch(scratch);
  }
}

/** This package's own code: what installs an archive runs before npm's packages are there. */
async function program(scratch: string): Promise<PlannedFile[]> {
  const code = await planFolder(`${PROGRAM}/lib`, resolve(__dirname, ".."));
  const manifest = join(scratch, "package.json");
  // `node installer` runs "main".
  const about = { name: "cdktf-visa-images", version: packageVersion(), main: "lib/bundle/program.js" };
  await writeFile(manifest, `${JSON.stringify(about, undefined, 2)}\n`);
  return [await planFile(`${PROGRAM}/package.json`, manifest), ...code.filter(({ path }) => path.endsWith(".js"))];
}

/** Writes the archive under another name first: it is there when it is whole. @returns its checksum */
async function write(
  files: readonly PlannedFile[],
  archive: string,
  scratch: string,
  { say, signal }: BundleWishes,
): Promise<string> {
  const tree = join(scratch, "tree");
  const list = join(scratch, "list");
  const lock = `${JSON.stringify(bundleLock(files), undefined, 2)}\n`;
  await mkdir(tree);
  await writeFile(join(tree, BUNDLE_LOCK), lock);
  for (const { path, source } of files) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await symlink(source, join(tree, path));
  }
  await writeFile(list, [BUNDLE_LOCK, ...files.map(({ path }) => path)].join("\0"));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  requireRoom(dirname(archive), bytes);
  say(`writing ${files.length} files`);
  const temporary = `${archive}.new-${process.pid}`;
  // The layers have in them what the image has, root's hash among it.
  closeSync(openSync(temporary, "wx", 0o600));
  try {
    const same = ["--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--mode=u=rwX,go="];
    const what = ["--dereference", "--hard-dereference", "--null", "--files-from", list];
    await runProgram("tar", ["--create", "--file", temporary, ...same, "--directory", tree, ...what], { signal });
    const sha256 = await hashFile(temporary);
    signal.throwIfAborted();
    renameSync(temporary, archive);
    return sha256;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function contentsOf(files: readonly PlannedFile[]): Bundle["contents"] {
  const contents: Record<string, { files: number; bytes: number }> = {};
  for (const { path, bytes } of files) {
    const [name = ""] = path.split("/");
    const before = contents[name] ?? { files: 0, bytes: 0 };
    contents[name] = { files: before.files + 1, bytes: before.bytes + bytes };
  }
  return contents;
}
