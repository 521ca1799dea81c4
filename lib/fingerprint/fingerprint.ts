/**
 * Fingerprints: the names of a layer's inputs. Their definition is a contract: a change of it rebuilds every image.
 *
 * A layer's is the SHA-256 over these fields, each framed by its length (see digest.ts):
 *
 *     "v1", "layer", fingerprint of the parent or the base, canonical JSON of the Packer configuration,
 *     number of files, for each file in the order of its path: path, mode in octal, hex SHA-256 of its bytes,
 *     refresh ("" when there is none)
 *
 * The configuration holds neither secrets nor anything volatile, for these are Packer variables in it, and no absolute
 * path. A base's is that over
 *
 *     "v1", "bootstrap", suite, size in GiB, number of packages, packages in order, number of files of the recipe,
 *     each as above, refresh (left out when there is none)
 *
 * for a bootstrapped one; over "v1", "image", checksum, format for an image, wherever that comes from; and over
 *
 *     "v1", "installer", number of media, for each name and checksum, canonical JSON of the Packer configuration,
 *     number of files, each as above
 *
 * for an installer, where a secret in a file is its name, and "first use of NAME" is the checksum of a medium that has
 * none.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isLeftBehind } from "../exclusion";
import { assetFolder } from "../package-root";
import type { Base, SpecifiedFile } from "../specification";
import { canonicalJson, compare, framedDigest } from "./digest";
import { digestFile } from "./file-digest";

const VERSION = "v1";

/** A file as an input: where it stands, its mode and its bytes. */
export type FileInput = Pick<SpecifiedFile, "path" | "mode" | "sha256">;

/** What names a layer. */
export interface LayerInputs {
  /** Fingerprint of the layer below, or of the base. */
  readonly parent: string;
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly files: readonly FileInput[];
  readonly refresh?: string;
}

/** The fingerprint of a layer. */
export function fingerprintLayer({ parent, configuration, files, refresh }: LayerInputs): string {
  return framedDigest([VERSION, "layer", parent, canonicalJson(configuration), ...fileFields(files), refresh ?? ""]);
}

/** The fingerprint of a base. @param recipe the files that make a bootstrapped one, by default this package's */
export function fingerprintBase(base: Base, recipe: readonly FileInput[] = bootstrapRecipe()): string {
  if (base.kind === "bootstrap") {
    return framedDigest([
      VERSION,
      "bootstrap",
      base.suite,
      String(base.diskSizeGb),
      String(base.packages.length),
      ...base.packages,
      ...fileFields(recipe),
      ...(base.refresh ? [base.refresh] : []),
    ]);
  }
  if (base.kind === "installer") {
    return framedDigest([
      VERSION,
      "installer",
      String(base.media.length),
      ...base.media.flatMap(({ name, checksum, firstUse }) => [
        name,
        // Not what the lock has: what is taken on first use is the same image before and after.
        checksum?.toLowerCase() ?? `first use of ${firstUse?.name}`,
      ]),
      canonicalJson(base.configuration),
      ...fileFields(base.files),
    ]);
  }
  return framedDigest([VERSION, "image", base.checksum.toLowerCase(), base.format]);
}

/** The files of the recipe that bootstraps a base: all below lib/runner/bootstrap. */
export function bootstrapRecipe(): FileInput[] {
  const folder = assetFolder(join("runner", "bootstrap"));
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: path.slice(folder.length + 1).replaceAll("\\", "/"), source: path }))
    .filter(({ path }) => !isLeftBehind(path))
    .map(({ path, source }) => ({ path, ...digestFile(source) }));
}

function fileFields(files: readonly FileInput[]): string[] {
  return [
    String(files.length),
    ...[...files]
      .sort((a, b) => compare(a.path, b.path))
      .flatMap(({ path, mode, sha256 }) => [path, mode.toString(8).padStart(4, "0"), sha256]),
  ];
}
