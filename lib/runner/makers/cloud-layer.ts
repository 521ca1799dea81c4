/**
 * Makes a layer in a cloud: Packer runs its template's steps in a server that Nova starts of the parent's image in Glance,
 * and Nova makes an image of it. The layer's disk is downloaded, so that the cache has it as any other: what comes after
 * (the layers above, the gate, releases, provenance) does not ask who built it.
 */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Cloud } from "../../cloud/cloud";
import type { Glance, GlanceImage } from "../../cloud/glance";
import { cloudSettings } from "../../cloud/settings";
import { ExitCode, VisaImageError } from "../../errors";
import { short } from "../../fingerprint/digest";
import type { DiskFormat, LayerSpecification } from "../../specification";
import type { ArtifactManifest } from "../cache/cache";
import { virtualSizeOf } from "../cache/disks";
import { checkForeignDisk } from "../cache/foreign-disk";
import { BUILD_PREFIX, MARK_PROPERTY, markOf, writeMark } from "../cloud/build-mark";
import { makeEntrance, removeBuilds } from "../cloud/build-resources";
import { imageOf, keepAsLayer, layerImageName, uploadLayer } from "../cloud/layer-images";
import { ServerPlace } from "../cloud/server-place";
import { findWishes } from "../cloud/server-wishes";
import { machineOf } from "../context";
import { writeAccess } from "../guest/guest-access";
import { size } from "../output/progress";
import { countSteps } from "../packer/packer-output";
import { PackerRun } from "../packer/packer-run";
import type { ServerSource } from "../packer/server-source";
import { endStrays } from "../processes/strays";
import { whenStopped } from "../processes/when-stopped";
import { type MakeContext, type Maker, sayLine, timed, toolRunner } from "./maker";
import { packerCall, stageForPacker } from "./packer-layer";

/** What is left of a build's time when its mark says that it is over: uploads and downloads. In milliseconds. */
const TRANSFER_MS = 60 * 60_000;

/** @param parent what it stands on, in the cache */
export function cloudLayer(layer: LayerSpecification, parent: ArtifactManifest): Maker {
  return {
    words: ["building", "built"],
    // Besides the steps in the guest: the parent's image, the server, the download, and the publishing.
    steps: countSteps(layer.configuration) + 4,
    async make(context) {
      const cloud = context.prepared.cloud as Cloud;
      const { timeoutMinutes } = machineOf(context.build, layer);
      const mark = writeMark(markOf(new Date(Date.now() + timeoutMinutes * 60_000 + TRANSFER_MS)));
      // The scratch folder's name is of this run alone.
      const name = `${BUILD_PREFIX}${layer.name}-${basename(context.scratch.path)}`.replaceAll(/[^\w.-]/g, "-");
      const removeOwn = () => removeBuilds(cloud, (each) => writeMark(each) === mark);
      const forget = whenStopped(async () => void (await removeOwn()));
      try {
        return await makeInCloud(context, cloud, layer, parent, { name, mark });
      } finally {
        await removeOwn().catch((error: Error) => context.build.progress.warn(error.message));
        // Only now: a build that is stopped meanwhile waits for it.
        forget();
      }
    },
  };
}

async function makeInCloud(
  context: MakeContext,
  cloud: Cloud,
  layer: LayerSpecification,
  parent: ArtifactManifest,
  own: { readonly name: string; readonly mark: string },
) {
  const { build, prepared, scratch, log, release } = context;
  const machine = machineOf(build, layer);
  const { name, mark } = own;
  build.progress.startStep("the parent's image in Glance");
  const wishes = await findWishes(cloud, machine, layer, build.output?.minDiskGb ?? Number.POSITIVE_INFINITY);
  const parentGb = parent.disk.virtualSizeGb;
  if (parentGb > wishes.diskGb) {
    const sizes = `has ${parentGb} GiB, more than the ${wishes.diskGb} GiB of the flavour's`;
    throw new VisaImageError(`the disk of "${parent.template}", which "${layer.name}" stands on, ${sizes}`, {
      fix: `a flavour with ${Math.ceil(parentGb)} GiB, or all layers anew with this one: --no-cache`,
      exitCode: ExitCode.USAGE,
    });
  }
  const { id: image } = await parentImage(context, cloud, parent, mark);
  await stageForPacker(context, layer);
  await writeAccess("config-drive", scratch.path, layer.name, toolRunner(context));
  const entrance = await makeEntrance(cloud, { ...wishes, name, mark });
  const { interface: endpointType, insecure } = cloudSettings(build.environment, process.cwd());
  const server: ServerSource = { name, mark, image, ...wishes, ...entrance, endpointType, insecure };
  const call = { ...packerCall(build, prepared, scratch, layer), server };
  const floating = entrance.floatingIp !== undefined;
  const { progress } = build;
  const place = new ServerPlace({ ...call, cloud, name, mark, floating, progress });
  const run = new PackerRun({ ...call, access: "config-drive", release, place, log, progress, endStrays });
  const { seconds, guest } = await run.run("starting the server", build.options.keepOnFailure);
  const glance = await cloud.glance();
  const [made] = (await glance.images({ [MARK_PROPERTY]: mark })).filter((each) => each.status === "active");
  if (!made) {
    throw new VisaImageError(`Packer has built "${layer.name}", and Glance has no image of it`, {
      fix: `build again; see the whole log: ${log.path}`,
      exitCode: ExitCode.PACKER,
    });
  }
  const [disk, more] = await timed(() => downloadDisk(context, glance, made));
  const gb = (await virtualSizeOf(disk, prepared.masker)) / 2 ** 30;
  if (gb > layer.diskSizeGb) {
    progress.warn(`the disk of "${layer.name}" has ${gb} GiB, as the flavour has, and not ${layer.diskSizeGb}`);
  }
  const below = build.items.slice(
    0,
    build.items.findIndex((item) => item.layer === layer),
  );
  const parents = below.map((item) => short(item.fingerprint)).reverse();
  await keepAsLayer(glance, made, layer, { commit: release?.commit ?? undefined, parents });
  const { id: imageId } = made;
  return { disk, toolSeconds: seconds + more, guest, image: { glance: glance.endpoint, imageId } };
}

/** The image that the parent's disk is in Glance: there already, or uploaded now, once. */
async function parentImage(
  context: MakeContext,
  cloud: Cloud,
  parent: ArtifactManifest,
  mark: string,
): Promise<GlanceImage> {
  const { build, scratch } = context;
  const glance = await cloud.glance();
  const there = await imageOf(glance, parent);
  if (there) {
    sayLine(context, `"${parent.template}" is the image ${there.id} in Glance`);
    return there;
  }
  const disk = build.cache.disk(parent.fingerprint);
  // An overlay's file alone is not the disk.
  const isWhole = !parent.parent || parent.image !== undefined;
  const file = isWhole ? disk : join(scratch.path, "parent-whole.qcow2");
  if (!isWhole) await toolRunner(context)("qemu-img", ["convert", "-W", "-f", "qcow2", "-O", "qcow2", disk, file]);
  const { size: bytes } = await stat(file);
  build.progress.message(`uploading "${parent.template}" to Glance, once (${size(bytes)})`);
  const name = layerImageName(parent.template, parent.fingerprint);
  const onProgress = (done: number) => build.progress.detail(`uploading ${Math.floor((100 * done) / bytes)} %`);
  return uploadLayer(glance, parent, file, { format: "qcow2", name, mark, onProgress });
}

/** Downloads an image that Nova made, as a disk of the cache's kind: whole, and sparse. */
async function downloadDisk(context: MakeContext, glance: Glance, image: GlanceImage): Promise<string> {
  const { build, scratch, log } = context;
  const { id, disk_format, os_hash_algo, os_hash_value } = image;
  const bytes = image.size ?? 0;
  const file = join(scratch.path, "made");
  build.progress.startStep(`downloading the image ${id} from Glance (${size(bytes)})`);
  log.write(`downloading the image ${id} from ${glance.endpoint}`);
  const sha512 = await glance.download(id, file, (done) =>
    build.progress.detail(`${Math.floor((100 * done) / Math.max(1, bytes))} %`),
  );
  if (os_hash_algo === "sha512" && sha512 !== os_hash_value) {
    throw new VisaImageError(`what Glance sent of the image "${id}" has the SHA-512 ${sha512}, not ${os_hash_value}`, {
      fix: "look for what damages Glance's store or the network",
    });
  }
  const format: DiskFormat = disk_format === "raw" ? "raw" : "qcow2";
  await checkForeignDisk(file, format);
  if (format === "qcow2") return file;
  const disk = join(scratch.path, "made.qcow2");
  await toolRunner(context)("qemu-img", ["convert", "-W", "-f", format, "-O", "qcow2", file, disk]);
  return disk;
}
