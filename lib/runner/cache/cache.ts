/**
 * The artifact cache: one folder per fingerprint, complete as soon as it is there, read-only afterwards.
 *
 * ```
 * artifacts/<fingerprint>/disk.qcow2         overlay on ../<parent's fingerprint>/disk.qcow2, or whole (from Glance, by a cloud)
 *                         manifest.json
 *                         sbom.cdx.json      CycloneDX, where the guest has Debian packages
 *                         disk.raw           flattened, only where it was asked for (or disk.flat.qcow2)
 *                         disk.raw.json      its size and checksum
 *                         disk.*.read.json   when a disk was read whole: not again within the hour, while nobody writes
 * artifacts/<fingerprint>.damaged-<time>     what did not match its manifest any more
 * checkpoints/                               lib/runner/checkpoints/store.ts
 * locks/  logs/  reports/  scratch/  downloads/  packer/
 * ```
 *
 * It is for its user alone: the disks hold root's hash, and whatever else a template puts into an image.
 */

import { createHash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { access, chmod, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { ExitCode, VisaImageError } from "../../errors";
import { exists } from "../../presence";
import type { DiskFormat } from "../../specification";
import type { ImageRelease } from "../guest/image-release";
import type { GitState } from "../host/git";
import { recall, remember, stateOf } from "../host/memory";
import { preparePrivateFile, privateFolder, writePrivateFile } from "../host/private-files";
import { digestDisk } from "./disk-digest";

/** The manifest's format; an artifact of another one is built again. */
export const MANIFEST_VERSION = 1;

/** The format of a flattened disk's manifest; a disk of another one is made again. */
export const FLAT_VERSION = 2;

/** A file's identity, as far as it can be seen without reading it, and its checksum. */
export interface FileRecord {
  readonly bytes: number;
  readonly sha256: string;
  /** Milliseconds; a file of this size and time is taken for unchanged until something is built on it. */
  readonly modified: number;
}

/** What `manifest.json` says of an artifact. */
export interface ArtifactManifest {
  readonly version: typeof MANIFEST_VERSION;
  readonly fingerprint: string;
  /** The template's name, `base` for what the first layer starts from. */
  readonly template: string;
  readonly inputs: Readonly<Record<string, string>>;
  /** The image that it was made from, where it was not built here: it then stands on nothing. */
  readonly source?: ArtifactSource;
  /** The image in Glance that a cloud's Nova made it as. @default - QEMU made it, on the machine that built it */
  readonly image?: { readonly glance: string; readonly imageId: string };
  /** The artifact below: an overlay is worth nothing on other bytes than those it was made on. */
  readonly parent?: { readonly fingerprint: string; readonly diskSha256: string };
  readonly disk: FileRecord & { readonly virtualSizeGb: number };
  /** ISO 8601. */
  readonly createdAt: string;
  readonly durationSeconds: number;
  readonly tools: Readonly<Record<string, string>>;
  readonly accelerator?: string;
  readonly packageVersion: string;
  /** The commit of the folder that it was built from; left out where that is in no git repository. */
  readonly git?: GitState;
  /** What `/etc/visa/release.json` in the image says. @default - there is none: an earlier version of this package built it */
  readonly release?: ImageRelease;
  /** The checkpoint that its build started at. @default - none: an unbroken run */
  readonly resumedAt?: ResumedAt;
  /** The guest access that a boot of its disk takes beside a config drive (guest-access.ts). @default - none */
  readonly login?: "credentials";
  /** Its bill of materials, in {@link SBOM_FILE}. */
  readonly sbom?: { readonly sha256: string; readonly packages: number };
}

/** Where a build went on that had been begun by another one. */
export interface ResumedAt {
  /** The last step that was not run again, counted from 1 among the template's own. */
  readonly step: number;
  readonly label: string;
  /** When the checkpoint after it was made. ISO 8601. */
  readonly createdAt: string;
}

/** An image in Glance that an artifact was made from. */
export interface ArtifactSource {
  /** Glance's address. */
  readonly glance: string;
  readonly imageId: string;
  readonly imageName: string;
  /** Hex SHA-512 of what was downloaded, as Glance has it. */
  readonly sha512: string;
  /** What the machine that built it wrote onto the image: the commit, and digests (docs/releases.md). */
  readonly properties: Readonly<Record<string, string>>;
}

/** The bill of materials beside a manifest. */
export const SBOM_FILE = "sbom.cdx.json";

/** What `disk.raw.json` says of a flattened disk. */
export interface FlatManifest {
  readonly version: typeof FLAT_VERSION;
  readonly format: DiskFormat;
  readonly bytes: number;
  readonly modified: number;
  readonly virtualSizeBytes: number;
  /**
   * Its {@link digestDisk}, and not the SHA-512 of Glance's `os_hash_value`, which takes three times as long on a processor
   * with SHA instructions, and reads zeros too.
   */
  readonly digest: string;
  /** The overlay it was made from. */
  readonly sourceSha256: string;
}

/** What a look into the cache found. */
export type ArtifactState =
  | { readonly kind: "intact"; readonly manifest: ArtifactManifest }
  | { readonly kind: "missing" }
  | { readonly kind: "damaged"; readonly reason: string }
  /** Whole in itself, but its parent has other bytes now. */
  | { readonly kind: "stale"; readonly reason: string };

/** `quick` compares size and time; `full` reads every byte, or knows that it was read within the hour and not changed. */
export type CheckDepth = "quick" | "full";

/** Where the cache is: `$VISA_IMAGE_CACHE`, `$XDG_CACHE_HOME/visa-images`, or `~/.cache/visa-images`. */
export function cacheRoot(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.VISA_IMAGE_CACHE) return resolve(environment.VISA_IMAGE_CACHE);
  return join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "visa-images");
}

/** The cache below one folder. */
export class Cache {
  readonly artifacts: string;
  readonly locks: string;
  readonly logs: string;
  /** What `visa-image verify` found, a folder each. */
  readonly reports: string;
  readonly scratch: string;
  /** What layers may be built on from, in the middle of their steps. */
  readonly checkpoints: string;
  /** Cloud images and installers, whole or in part. */
  readonly downloads: string;
  /** Packer's own cache: downloads, and the port locks by which builds that run together keep apart. */
  readonly packer: string;

  constructor(readonly root: string) {
    this.artifacts = join(root, "artifacts");
    this.locks = join(root, "locks");
    this.logs = join(root, "logs");
    this.reports = join(root, "reports");
    this.scratch = join(root, "scratch");
    this.checkpoints = join(root, "checkpoints");
    this.downloads = join(root, "downloads");
    this.packer = join(root, "packer");
  }

  /** Makes its folders, and closes them to other users. @throws VisaImageError where it cannot be written to, or is not ours */
  async prepare(): Promise<void> {
    try {
      const { artifacts, locks, logs, reports, scratch, packer, checkpoints, downloads } = this;
      const folders = [artifacts, locks, logs, reports, scratch, packer, checkpoints, downloads];
      for (const folder of [this.root, ...folders]) privateFolder(folder);
      await access(this.scratch, constants.W_OK);
    } catch (cause) {
      if (cause instanceof VisaImageError) throw cause;
      // Node says "no such file" where a file system is read-only.
      let folder = this.root;
      while (!(await exists(folder)) && folder !== dirname(folder)) folder = dirname(folder);
      const { message } = await access(folder, constants.W_OK).then(
        () => cause as Error,
        (why) => why as Error,
      );
      throw new VisaImageError(`the cache "${this.root}" cannot be written to: ${message}`, {
        fix: "let VISA_IMAGE_CACHE name a folder that you may write to; it need not be in the home directory",
        exitCode: ExitCode.USAGE,
        cause,
      });
    }
  }

  /** Folder of an artifact. */
  folder(fingerprint: string): string {
    return join(this.artifacts, fingerprint);
  }

  /** Disk of an artifact. */
  disk(fingerprint: string): string {
    return join(this.folder(fingerprint), "disk.qcow2");
  }

  /** Flattened disk of an artifact. */
  flat(fingerprint: string, format: DiskFormat): string {
    return join(this.folder(fingerprint), format === "raw" ? "disk.raw" : "disk.flat.qcow2");
  }

  /**
   * Looks at one artifact.
   *
   * @param parent what it must stand on; left out for a base. An artifact from Glance stands on nothing
   */
  async check(
    fingerprint: string,
    parent: ArtifactManifest | undefined,
    depth: CheckDepth = "quick",
  ): Promise<ArtifactState> {
    const manifest = await this.manifest(fingerprint);
    if (manifest === undefined) return { kind: "missing" };
    if (typeof manifest === "string") return { kind: "damaged", reason: manifest };
    const checksum = { value: manifest.disk.sha256, of: hashFile };
    const reason = await differs(this.disk(fingerprint), manifest.disk, checksum, depth);
    if (reason) return { kind: "damaged", reason };
    if (manifest.source) return { kind: "intact", manifest };
    if (manifest.parent?.fingerprint !== parent?.fingerprint) {
      return { kind: "damaged", reason: "its manifest names another parent" };
    }
    if (parent && manifest.parent?.diskSha256 !== parent.disk.sha256) {
      return { kind: "stale", reason: `its parent "${parent.template}" has been built again since` };
    }
    return { kind: "intact", manifest };
  }

  /** The last of a chain of artifacts that stands on nothing: one from Glance that is intact at a quick look, or the base. */
  async foundation(fingerprints: readonly string[]): Promise<number> {
    for (let i = fingerprints.length - 1; i > 0; i--) {
      const state = await this.check(fingerprints[i] as string, undefined);
      if (state.kind === "intact") return i;
    }
    return 0;
  }

  /** Looks at a flattened disk: its manifest, where it is intact. */
  async checkFlat(
    fingerprint: string,
    format: DiskFormat,
    depth: CheckDepth = "quick",
  ): Promise<FlatManifest | undefined> {
    const file = this.flat(fingerprint, format);
    const manifest = await readJson<FlatManifest>(`${file}.json`);
    if (!manifest || manifest.version !== FLAT_VERSION || manifest.format !== format) return undefined;
    const checksum = { value: manifest.digest, of: digestDisk };
    return (await differs(file, manifest, checksum, depth)) ? undefined : manifest;
  }

  /** The manifest; `undefined` where there is no artifact, a reason where it is damaged. */
  async manifest(fingerprint: string): Promise<ArtifactManifest | string | undefined> {
    let text: string;
    try {
      text = await readFile(join(this.folder(fingerprint), "manifest.json"), "utf8");
    } catch {
      return (await exists(this.folder(fingerprint))) ? "it has no manifest" : undefined;
    }
    let manifest: ArtifactManifest;
    try {
      manifest = JSON.parse(text) as ArtifactManifest;
    } catch {
      return "its manifest is no JSON";
    }
    if (manifest?.version !== MANIFEST_VERSION) return `its manifest has version "${manifest?.version}"`;
    if (manifest.fingerprint !== fingerprint) return "its manifest is of another artifact";
    if (typeof manifest.disk?.sha256 !== "string" || typeof manifest.disk.bytes !== "number") {
      return "its manifest is not complete";
    }
    return manifest;
  }

  /** Moves an artifact out of the way, and keeps it for whoever wants to know. */
  async setAside(fingerprint: string, why: "damaged" | "stale"): Promise<string> {
    const time = new Date()
      .toISOString()
      .replace(/\.\d+Z$/, "Z")
      .replaceAll(":", "");
    let target = `${this.folder(fingerprint)}.${why}-${time}`;
    for (let n = 2; await exists(target); n++) target = `${this.folder(fingerprint)}.${why}-${time}-${n}`;
    await rename(this.folder(fingerprint), target);
    return target;
  }

  /**
   * Publishes an artifact: nobody ever sees half of one.
   *
   * @param staging a folder on the same file system that holds `disk.qcow2`, complete
   * @param replace whether it takes the place of the one that is there, which is kept until all else is done
   */
  async publish(staging: string, manifest: ArtifactManifest, replace = false): Promise<void> {
    const disk = join(staging, "disk.qcow2");
    // Others build on it: whoever opens it for writing by mistake shall fail.
    await chmod(disk, 0o400);
    writePrivateFile(join(staging, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`, true);
    await sync(disk);
    remember(noteOf(disk), stateOf(disk), manifest.disk.sha256);
    await sync(staging);
    const replaced = replace && (await exists(this.folder(manifest.fingerprint)));
    const aside = replaced && (await this.setAside(manifest.fingerprint, "stale"));
    await rename(staging, this.folder(manifest.fingerprint));
    await sync(this.artifacts);
    if (aside) await rm(aside, { recursive: true, force: true });
  }

  /** Publishes a flattened disk beside its overlay. */
  async publishFlat(fingerprint: string, file: string, manifest: FlatManifest): Promise<void> {
    const target = this.flat(fingerprint, manifest.format);
    await chmod(file, 0o400);
    await sync(file);
    // First the manifest, which a full disk may refuse: gigabytes without one would only be in the way.
    const finish = preparePrivateFile(`${target}.json`, `${JSON.stringify(manifest, null, 2)}\n`, true);
    await rename(file, target);
    finish();
    remember(noteOf(target), stateOf(target), manifest.digest);
    await sync(this.folder(fingerprint));
  }
}

/** The hash of a file in one pass, without holding more than a piece of it. */
export async function hashFile(file: string, algorithm = "sha256"): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Size, time and checksum of a file, which is written out meanwhile: a power cut does not take it back. */
export async function recordFile(file: string): Promise<FileRecord> {
  const [sha256] = await Promise.all([hashFile(file), sync(file)]);
  const { size, mtimeMs } = await stat(file);
  return { bytes: size, sha256, modified: Math.floor(mtimeMs) };
}

/** Why a file is not the one that was recorded; nothing where it is. All of it is read. */
export async function damageOf(file: string, record: FileRecord): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (!found) return "its disk is missing";
  if (found.size !== record.bytes) return `its disk has ${found.size} bytes instead of ${record.bytes}`;
  return (await hashFile(file)) === record.sha256 ? undefined : "the checksum of its disk does not match";
}

async function differs(
  file: string,
  record: { readonly bytes: number; readonly modified: number },
  checksum: { readonly value: string; readonly of: (file: string) => Promise<string> },
  depth: CheckDepth,
): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (!found) return "its disk is missing";
  if (found.size !== record.bytes) return `its disk has ${found.size} bytes instead of ${record.bytes}`;
  // utimes takes seconds as a floating point number, which can be a millisecond off.
  const untouched = Math.abs(found.mtimeMs - record.modified) < 2;
  if (untouched && (depth === "quick" || recall(noteOf(file), file) === checksum.value)) return undefined;
  const state = stateOf(file);
  if ((await checksum.of(file)) !== checksum.value) return "the checksum of its disk does not match";
  // A copied cache has new times: set back, so that the next look is quick again.
  if (!untouched) await utimes(file, found.atime, new Date(record.modified)).catch(() => {});
  remember(noteOf(file), state, checksum.value);
  return undefined;
}

/** Where it is kept that a disk was read whole. */
function noteOf(disk: string): string {
  return `${disk}.read.json`;
}

async function readJson<T>(file: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as T;
  } catch {
    return undefined;
  }
}

/** Waits until a file or a folder's list is on the disk. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
