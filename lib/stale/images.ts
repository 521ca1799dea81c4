/**
 * The images that are looked at: releases in use with their bills of materials, layer by layer from the cache, or beside the
 * lock.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ExitCode, usageError, VisaImageError } from "../errors";
import { sha256, short } from "../fingerprint/digest";
import type { NamedRelease } from "../releases/choose-artifact";
import { releasesNamed } from "../releases/names";
import { releaseFolder } from "../releases/release-files";
import type { Release, ReleaseLock } from "../releases/release-lock";
import { type ArtifactManifest, type Cache, SBOM_FILE } from "../runner/cache/cache";
import { readDebianBill } from "./debian-bill";
import type { BilledImage, LayerBill } from "./newer-packages";

/** An image to look at. */
export interface Subject {
  /** Its name in the lock (`<stack>/<id>`), or the file of its bill. */
  readonly image: string;
  /** @default - it is a file */
  readonly release?: Release;
  readonly template: string;
  readonly billed: BilledImage;
  /** What the first layer starts from: "bootstrap bookworm …". @default - not known */
  readonly base?: string;
}

/** An image of which too little is known. */
export interface UnknownSubject {
  readonly image: string;
  readonly release?: Release;
  /** Why nothing can be said of it. */
  readonly reason: string;
}

/**
 * The releases in use that are meant: all of the lock, or those that are named.
 *
 * @param names by `<stack>/<id>`, `<id>`, the name in Glance, or the first digits of release or fingerprint
 * @throws VisaImageError for a name that the lock does not have
 */
export function releasesInUse({ images }: ReleaseLock, names: readonly string[], lockFile: string): NamedRelease[] {
  const inUse = Object.entries(images).flatMap(([image, releases]) => {
    const release = releases.at(-1);
    return release ? [{ image, release }] : [];
  });
  return releasesNamed(inUse, names, (name, fix) =>
    usageError(
      `"${lockFile}" has no image "${name}" in use`,
      undefined,
      `${fix}; a bill of materials is given as a file: ./sbom.cdx.json`,
    ),
  );
}

/** Reads bills in a cache; each artifact's once. */
export class Bills {
  private readonly artifacts = new Map<string, Promise<Artifact | string>>();

  /** @param lockFile beside which a release's files are, for machines that did not build it */
  constructor(
    private readonly cache: Cache,
    private readonly lockFile: string,
  ) {}

  /** The bills behind a release, or why there are none. */
  async of(image: string, release: Release): Promise<Subject | UnknownSubject> {
    const layers: LayerBill[] = [];
    let fingerprint: string | undefined = release.fingerprint;
    let base: string | undefined;
    const seen = new Set<string>();
    while (fingerprint !== undefined) {
      const own: Artifact | string = await this.artifact(fingerprint);
      const artifact = typeof own === "string" && layers.length === 0 ? await this.beside(release, own) : own;
      if (typeof artifact === "string") {
        if (layers.length === 0) return { image, release, reason: artifact };
        break;
      }
      const { manifest, bill } = artifact;
      // The base is made without a guest that reports: what it has is in the first layer's bill.
      if (bill) layers.unshift({ layer: manifest.template, bill });
      if (!manifest.source && manifest.inputs.base) base = manifest.inputs.base;
      seen.add(fingerprint);
      if (base) break;
      fingerprint = manifest.parent?.fingerprint;
      if (fingerprint !== undefined && seen.has(fingerprint)) {
        return { image, release, reason: "the manifests of its layers stand on one another in a circle" };
      }
    }
    const { template } = release;
    return { image, release, template, billed: { layers, complete: base !== undefined }, ...(base && { base }) };
  }

  private artifact(fingerprint: string): Promise<Artifact | string> {
    const known = this.artifacts.get(fingerprint);
    if (known) return known;
    const read = this.readArtifact(fingerprint);
    this.artifacts.set(fingerprint, read);
    return read;
  }

  private async readArtifact(fingerprint: string): Promise<Artifact | string> {
    const manifest = await this.cache.manifest(fingerprint);
    if (manifest === undefined)
      return `the cache has no artifact ${short(fingerprint)}: its bill is where it was built`;
    if (typeof manifest === "string") return `the artifact ${short(fingerprint)} is damaged: ${manifest}`;
    if (!manifest.sbom) {
      return `the artifact ${short(fingerprint)} has no bill of materials: ${
        manifest.source ? "it came from Glance" : "its system has no Debian packages"
      }`;
    }
    return readArtifactBill(manifest, this.cache.folder(fingerprint));
  }

  /** What was written beside the lock when it was registered. @returns `otherwise` where nothing is there */
  private async beside({ release, fingerprint }: Release, otherwise: string): Promise<Artifact | string> {
    const folder = releaseFolder(this.lockFile, release);
    const file = join(folder, "manifest.json");
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text === undefined) return otherwise;
    let manifest: ArtifactManifest;
    try {
      manifest = JSON.parse(text) as ArtifactManifest;
    } catch {
      return `"${file}" is no JSON`;
    }
    if (manifest?.fingerprint !== fingerprint) return `"${file}" is of another artifact`;
    return manifest.sbom ? readArtifactBill(manifest, folder) : otherwise;
  }
}

async function readArtifactBill(manifest: ArtifactManifest, folder: string): Promise<Artifact | string> {
  const file = join(folder, SBOM_FILE);
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return `"${file}" cannot be read`;
  if (sha256(text) !== manifest.sbom?.sha256) return `"${file}" was changed: its SHA-256 is not the manifest's`;
  try {
    return { manifest, bill: readDebianBill(text, file) };
  } catch (error) {
    if (error instanceof VisaImageError) return error.message.split("\n")[0] as string;
    throw error;
  }
}

interface Artifact {
  readonly manifest: ArtifactManifest;
  readonly bill: ReturnType<typeof readDebianBill>;
}

/** A bill in a file as an image of one layer. @throws VisaImageError where it cannot be read, or is none */
export async function billOfFile(file: string): Promise<Subject> {
  const text = await readFile(file, "utf8").catch((cause: Error) => {
    throw new VisaImageError(`cannot read "${file}": ${cause.message}`, {
      fix: "give a bill of materials: sbom.cdx.json",
      exitCode: ExitCode.USAGE,
      cause,
    });
  });
  const bill = readDebianBill(text, file);
  const layers = [{ layer: bill.subject, bill }];
  return { image: file, template: bill.subject, billed: { layers, complete: false } };
}
