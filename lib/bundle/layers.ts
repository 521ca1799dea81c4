/** The layers of an archive: as the cache has them, or what they are built from. */
import { join, relative, resolve } from "node:path";
import { ExitCode, VisaImageError } from "../errors";
import { short } from "../fingerprint/digest";
import { exists } from "../presence";
import { type ArtifactManifest, type Cache, SBOM_FILE } from "../runner/cache/cache";
import { download, obtainMedium } from "../runner/makers/download";
import type { RunTool } from "../runner/processes/run-tool";
import type { BuildSpecification } from "../specification";
import { isUrl } from "../template/source";
import { ARTIFACTS, MEDIA } from "./lock";
import { type PlannedFile, planFile } from "./planned-file";
import { runProgram } from "./run-program";
import type { Specified } from "./synthesized";
import type { BundleWishes } from "./wishes";

/** Every layer that the builds look for in the cache, and what those stand on, read whole. @throws VisaImageError where one is missing */
export async function artifacts(specified: readonly Specified[], cache: Cache): Promise<PlannedFile[]> {
  const found = new Map<string, PlannedFile[]>();
  const missing = new Map<string, string>();
  for (const { specification } of specified) {
    const chain = chainOf(specification);
    const start = await cache.foundation(chain.map(({ fingerprint }) => fingerprint));
    let parent: ArtifactManifest | undefined;
    for (const { name, fingerprint } of chain.slice(start)) {
      const state = await cache.check(fingerprint, parent, "full");
      if (state.kind !== "intact") {
        const why = state.kind === "missing" ? "" : `, which is ${state.kind}: ${state.reason}`;
        missing.set(fingerprint, `"${name}" ${short(fingerprint)}${why}`);
        break;
      }
      parent = state.manifest;
      if (!found.has(fingerprint)) found.set(fingerprint, await artifactFiles(cache, parent));
    }
  }
  if (missing.size === 0) return [...found.values()].flat();
  throw new VisaImageError(`the cache "${cache.root}" lacks ${[...missing.values()].join(", ")}`, {
    fix: "build first: npx cdktf deploy, or npx visa-image build; --no-layers leaves layers out, to be built over there",
    exitCode: ExitCode.USAGE,
  });
}

function chainOf({ layers }: BuildSpecification): { name: string; fingerprint: string }[] {
  return [{ name: "base", fingerprint: layers[0]?.parent ?? "" }, ...layers];
}

/** Neither flattened disks, which are made again, nor anything else that is kept beside a disk. */
async function artifactFiles(cache: Cache, { fingerprint, disk, sbom }: ArtifactManifest): Promise<PlannedFile[]> {
  const folder = cache.folder(fingerprint);
  const path = `${ARTIFACTS}/${fingerprint}`;
  const files = [
    await planFile(`${path}/disk.qcow2`, cache.disk(fingerprint), disk.sha256),
    await planFile(`${path}/manifest.json`, join(folder, "manifest.json")),
  ];
  const bill = join(folder, SBOM_FILE);
  return sbom && (await exists(bill)) ? [...files, await planFile(`${path}/${SBOM_FILE}`, bill)] : files;
}

/**
 * The bases that the cache has: the packages of a bootstrapped one, in a form that holds.
 *
 * @param warn told of those that have to be made from a mirror
 */
export async function bases(
  specified: readonly Specified[],
  cache: Cache,
  { warn }: Pick<BundleWishes, "warn">,
): Promise<PlannedFile[]> {
  const found = new Map<string, PlannedFile[]>();
  for (const { specification } of specified) {
    const [first] = specification.layers;
    if (!first || found.has(first.parent)) continue;
    const state = await cache.check(first.parent, undefined, "full");
    found.set(first.parent, state.kind === "intact" ? await artifactFiles(cache, state.manifest) : []);
    if (state.kind !== "intact" && first.base?.kind === "bootstrap") {
      warn(`the base of "${first.name}" is not in the cache: over there it is made from a Debian mirror of yours`);
    }
  }
  return [...found.values()].flat();
}

/**
 * What the bases are made from that is downloaded: put into the cache, and from there into the archive.
 *
 * @param warn told of files of this machine, which are no part of it
 */
export async function media(
  specified: readonly Specified[],
  cache: Cache,
  { project, say, warn, signal }: Pick<BundleWishes, "project" | "say" | "warn" | "signal">,
): Promise<PlannedFile[]> {
  const run: RunTool = async (command, args, { env, cwd } = {}) => {
    await runProgram(command, args, { directory: cwd, environment: { ...process.env, ...env }, signal });
  };
  const options = { downloads: cache.downloads, run, log: say, warn };
  const found = new Map<string, PlannedFile>();
  const take = async (file: string) => {
    const name = file.slice(cache.downloads.length + 1);
    if (!found.has(name)) found.set(name, await planFile(`${MEDIA}/${name}`, file));
  };
  const local = (path: string) => {
    if (relative(project, path).startsWith("..")) warn(`"${path}" is not in the archive: copy it to the same place`);
  };
  for (const { specification, folder } of specified) {
    const base = specification.layers[0]?.base;
    if (base?.kind === "cloud-image") await take(await download(base, options));
    else if (base?.kind === "file") local(resolve(folder, base.path));
    else if (base?.kind === "installer") {
      for (const medium of base.media) {
        const { source, firstUse } = medium;
        const located = firstUse && { firstUse: { ...firstUse, lockFile: resolve(folder, firstUse.lockFile) } };
        if (isUrl(source)) await take(await obtainMedium({ ...medium, ...located }, options));
        else local(resolve(folder, source));
      }
    }
  }
  return [...found.values()];
}
