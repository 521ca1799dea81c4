/** From a maker to an artifact in the cache: log, scratch folder, the checks of the disk, its manifest. */

import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256, short } from "../fingerprint/digest";
import { packageVersion } from "../package-root";
import type { LayerReport } from "./build-report";
import { type ArtifactManifest, type Cache, MANIFEST_VERSION, recordFile, SBOM_FILE } from "./cache/cache";
import { virtualSizeOf } from "./cache/disks";
import { createScratch, removeScratch } from "./cache/scratch";
import type { BuildContext, Item } from "./context";
import type { GuestReport } from "./guest/guest-report";
import { imageRelease } from "./guest/image-release";
import { type Bill, readBill } from "./guest/read-sbom";
import { gitState } from "./host/git";
import { type Made, type MakeContext, type Maker, toolRunner } from "./makers/maker";
import { BuildLog } from "./output/log";
import { duration, size } from "./output/progress";
import type { Prepared } from "./prepared";
import { endStrays } from "./processes/strays";

/** What is to be made. */
export interface Order {
  readonly item: Item;
  /** What it is built on; left out for a base, and for what is downloaded. */
  readonly parent?: ArtifactManifest;
  /** Why, in words for a person. */
  readonly reason: string;
  /** Whether it takes the place of what the cache has. */
  readonly replace: boolean;
}

/**
 * Makes an item in a scratch folder of its own and publishes it.
 *
 * @throws VisaImageError as the maker; the cache is then as it was, and the log says what happened
 */
export async function makeArtifact(
  build: BuildContext,
  prepared: Prepared,
  maker: Maker,
  order: Order,
): Promise<{ manifest: ArtifactManifest; report: LayerReport }> {
  const { item, parent, reason } = order;
  const { cache, progress, items, output } = build;
  const [doing, done] = maker.words;
  const start = performance.now();
  const digits = short(item.fingerprint);
  const time = new Date().toISOString().slice(0, 19).replaceAll(":", "");
  const log = new BuildLog(join(cache.logs, `${time}-${item.name}-${digits}.log`));
  const place = items.indexOf(item) + 1;
  const flatten = output && place === items.length ? 1 : 0;
  progress.startLayer(item.name, place, items.length, maker.steps + flatten);
  progress.message(`${doing} ${digits} (${reason}); log: ${log.path}`);
  log.write(`${doing} "${item.name}" ${item.fingerprint}: ${reason}`);
  const scratch = await createScratch(cache, digits);
  try {
    // Asked once, so that the image, its manifest and Glance name the same commit.
    const ours = item.layer && !maker.source;
    const git = ours ? await gitState(build.directory, prepared.masker) : undefined;
    const release = ours
      ? imageRelease({ template: item.name, fingerprint: item.fingerprint, packageVersion: packageVersion(), git })
      : undefined;
    const context: MakeContext = { build, prepared, scratch, log, release };
    const made = await maker.make(context);
    progress.startStep("checking and publishing");
    const staging = join(scratch.path, "publish");
    await mkdir(staging);
    const disk = await finishDisk(context, made.disk, made.image ? undefined : parent, staging);
    const createdAt = new Date().toISOString();
    const manifest: ArtifactManifest = {
      ...describe(context, order, made),
      ...(maker.source && { source: maker.source }),
      disk,
      createdAt,
      durationSeconds: Math.round((performance.now() - start) / 100) / 10,
      ...(release && { git, release, ...(await billOfMaterials(cache, order, made.guest, createdAt, staging)) }),
    };
    await cache.publish(staging, manifest, order.replace);
    const seconds = (performance.now() - start) / 1000;
    log.write(`published ${cache.folder(item.fingerprint)}`);
    progress.message(`${done} in ${duration(seconds * 1000)}, ${size(disk.bytes)}`);
    const { name, fingerprint } = item;
    const { toolSeconds } = made;
    const { bytes } = disk;
    return {
      manifest,
      report: { name, fingerprint, action: done, reason, seconds, toolSeconds, bytes, log: log.path },
    };
  } catch (error) {
    log.write(`failed: ${prepared.masker.mask((error as Error).message)}`);
    throw error;
  } finally {
    await endStrays();
    await removeScratch(scratch);
    log.close();
  }
}

/** Makes a disk fit for the cache: nothing wrong with it, and the parent that it is an overlay on by a name that holds there. */
async function finishDisk(
  context: MakeContext,
  disk: string,
  parent: ArtifactManifest | undefined,
  staging: string,
): Promise<ArtifactManifest["disk"]> {
  const run = toolRunner(context);
  await run("qemu-img", ["check", "-q", disk]);
  const virtualSize = await virtualSizeOf(disk, context.prepared.masker);
  if (parent) {
    // Last, since the new name leads nowhere from here. Only the name is changed, no byte of the disk.
    const backing = `../${parent.fingerprint}/disk.qcow2`;
    await run("qemu-img", ["rebase", "-u", "-F", "qcow2", "-b", backing, disk]);
  }
  const target = join(staging, "disk.qcow2");
  await rename(disk, target);
  return { ...(await recordFile(target)), virtualSizeGb: virtualSize / 2 ** 30 };
}

/** What a manifest says of how its artifact was made. */
function describe(
  { prepared }: MakeContext,
  { item, parent }: Order,
  { guest, accelerator, image, resumedAt }: Made,
): Omit<ArtifactManifest, "disk" | "createdAt" | "durationSeconds"> {
  return {
    version: MANIFEST_VERSION,
    fingerprint: item.fingerprint,
    template: item.name,
    inputs: item.layer?.inputs ?? {},
    ...(parent && { parent: { fingerprint: parent.fingerprint, diskSha256: parent.disk.sha256 } }),
    tools: prepared.tools,
    ...(accelerator && { accelerator }),
    ...(image && { image }),
    ...(resumedAt && { resumedAt }),
    packageVersion: packageVersion(),
    ...(guest.takesCredentials && { login: "credentials" }),
  };
}

/** What a layer's manifest says of its bill of materials, which this writes. */
async function billOfMaterials(
  cache: Cache,
  { item, parent }: Order,
  guest: GuestReport,
  createdAt: string,
  staging: string,
): Promise<Pick<ArtifactManifest, "sbom">> {
  const { name: template, fingerprint } = item;
  // Loaded here, since most calls build nothing.
  const { cycloneDx } = require("./guest/sbom") as typeof import("./guest/sbom");
  const below = { base: parent?.template === "base" && !parent.sbom, bill: parent && (await billOf(cache, parent)) };
  const made = cycloneDx({ template, fingerprint, createdAt, packageVersion: packageVersion() }, guest, below);
  if (!made) return {};
  await writeFile(join(staging, SBOM_FILE), made.text);
  return { sbom: { sha256: sha256(made.text), packages: made.packages } };
}

/** The bill that an artifact's manifest means; nothing where there is none that can be read. */
async function billOf(cache: Cache, { fingerprint, sbom }: ArtifactManifest): Promise<Bill | undefined> {
  const file = join(cache.folder(fingerprint), SBOM_FILE);
  const text = sbom && (await readFile(file, "utf8").catch(() => undefined));
  if (text === undefined || sha256(text) !== sbom?.sha256) return undefined;
  try {
    return readBill(text, file);
  } catch {
    return undefined;
  }
}
