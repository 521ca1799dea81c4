import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BUNDLE_LOCK, type BundledFile, bundleLock, NPM_CACHE } from "../../lib/bundle/lock";
import type { ArtifactManifest } from "../../lib/runner/cache/cache";

/** A file's text by its path in an archive. */
export type Texts = Readonly<Record<string, string | Buffer>>;

const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");

/** An archive's files: the cache of npm, a provider, and two layers on a base. */
export function someFiles(scratch: string): Texts {
  const npm = mkdtempSync(join(scratch, "npm-"));
  mkdirSync(join(npm, "_cacache"));
  writeFileSync(join(npm, "_cacache", "a"), "a package");
  execFileSync("tar", ["-cf", join(npm, NPM_CACHE), "-C", npm, "_cacache"]);
  const layers = [layer("base", "a"), layer("lower", "b", "a"), layer("upper", "c", "b")];
  return {
    [NPM_CACHE]: readFileSync(join(npm, NPM_CACHE)),
    "providers/registry.terraform.io/x/openstack/1.0.0/linux_amd64/terraform-provider-openstack_v1.0.0": "a program",
    ...Object.assign({}, ...layers),
  };
}

/** The disk of a layer: whatever is in it. */
export const diskOf = (name: string, variant = "") => `the disk of ${name}${variant}`;

/** The files of a layer, by one letter of its fingerprint. @param variant tells two disks of the same inputs apart */
export function layer(name: string, letter: string, below?: string, variant = ""): Texts {
  const fingerprint = letter.repeat(64);
  return {
    [`artifacts/${fingerprint}/disk.qcow2`]: diskOf(name, variant),
    [`artifacts/${fingerprint}/manifest.json`]: JSON.stringify(manifestOf(name, letter, below, variant)),
  };
}

/** A layer's manifest. */
export function manifestOf(name: string, letter: string, below?: string, variant = ""): ArtifactManifest {
  const names: Record<string, string> = { a: "base", b: "lower", c: "upper" };
  const disk = diskOf(name, variant);
  return {
    version: 1,
    fingerprint: letter.repeat(64),
    template: name,
    inputs: {},
    ...(below && {
      parent: { fingerprint: below.repeat(64), diskSha256: sha256(diskOf(names[below] ?? "", variant)) },
    }),
    disk: { bytes: disk.length, sha256: sha256(disk), modified: 1_700_000_000_000, virtualSizeGb: 1 },
    createdAt: "2026-11-29T08:00:00.000Z",
    durationSeconds: 1,
    tools: {},
    packageVersion: "0.1.0",
  };
}

/** Writes an archive. @param list its list, where that is not of the files that are in it */
export function writeArchive(archive: string, files: Texts, list?: (lock: BundledFile[]) => unknown): void {
  const folder = mkdtempSync(join(dirname(archive), "files-"));
  const listed = Object.entries(files).map(([path, text]) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
    return { path, bytes: statSync(join(folder, path)).size, sha256: sha256(text) };
  });
  writeFileSync(join(folder, BUNDLE_LOCK), JSON.stringify(list?.(listed) ?? bundleLock(listed)));
  execFileSync("tar", ["-cf", archive, "-C", folder, BUNDLE_LOCK, ...Object.keys(files)]);
  rmSync(folder, { recursive: true });
}
