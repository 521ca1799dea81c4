/** Makes a layer: Packer runs its template's steps in a guest on its parent's disk. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LayerSpecification } from "../../specification";
import type { ArtifactManifest } from "../cache/cache";
import type { Scratch } from "../cache/scratch";
import { LayerCheckpoints } from "../checkpoints/layer-checkpoints";
import { afterStep } from "../checkpoints/steps";
import { diskName } from "../checkpoints/store";
import { type BuildContext, certificatesOf, machineOf, mirrorOf } from "../context";
import { chooseAccess, type GuestAccess, writeAccess } from "../guest/guest-access";
import type { PackerCall } from "../packer/packer-call";
import { countSteps } from "../packer/packer-output";
import { PackerRun, type PackerRunOptions } from "../packer/packer-run";
import { QemuPlace, type QemuPlaceOptions } from "../packer/qemu-place";
import { stageFiles } from "../packer/staging";
import type { Prepared } from "../prepared";
import { endStrays } from "../processes/strays";
import { type Made, type MakeContext, type Maker, toolRunner } from "./maker";

/** @param parent what it stands on, in the cache */
export function packerLayer(layer: LayerSpecification, parent: ArtifactManifest): Maker {
  return {
    words: ["building", "built"],
    // Besides the steps in the guest: it starts, and it is published.
    steps: countSteps(layer.configuration) + 2,
    async make(context) {
      await stageForPacker(context, layer);
      return machineOf(context.build, layer).checkpoints
        ? withCheckpoints(context, layer, parent)
        : unbroken(context, layer, parent);
    },
  };
}

/** All of it in one run, that leaves nothing but the layer. */
async function unbroken(context: MakeContext, layer: LayerSpecification, parent: ArtifactManifest): Promise<Made> {
  const { build, release } = context;
  const access = await enterGuest(context, layer, parent);
  await linkParent(context, build.cache.disk(parent.fingerprint));
  const run = packerRun(context, layer, { access, release });
  const { seconds, guest } = await run.run("starting the machine", build.options.keepOnFailure);
  return { ...packerMade(context), toolSeconds: seconds, guest };
}

/** From the last checkpoint on that fits, with more of them on the way. */
async function withCheckpoints(
  context: MakeContext,
  layer: LayerSpecification,
  parent: ArtifactManifest,
): Promise<Made> {
  const { build, prepared, scratch, log, release } = context;
  const { cache, options, progress } = build;
  const checkpoints = await LayerCheckpoints.open(
    {
      ...{ cache, scratch, layer, parent, log, secrets: prepared.secrets },
      run: toolRunner(context),
      onWarning: (message) => progress.warn(message),
    },
    options.rebuild?.includes(layer.fingerprint) === true,
  );
  const { resumedAt, stops } = checkpoints;
  const configuration = afterStep(layer.configuration, stops.done);
  const access = await enterGuest(context, layer, parent);
  const start = resumedAt ? join(scratch.path, diskName(resumedAt.step)) : cache.disk(parent.fingerprint);
  await linkParent(context, start);
  if (resumedAt) {
    progress.message(`starts at checkpoint ${resumedAt.step}, after ${resumedAt.label}`);
    progress.skipSteps(countSteps(layer.configuration) - countSteps(configuration));
  }
  const run = packerRun(
    context,
    { ...layer, configuration },
    { access, release, checkpoints: stops, onCheckpoint: checkpoints },
  );
  try {
    const { seconds, guest } = await run.run("starting the machine", options.keepOnFailure);
    await checkpoints.finish();
    const disk = await checkpoints.joinDisks();
    return { ...packerMade(context), disk, toolSeconds: seconds, guest, ...(resumedAt && { resumedAt }) };
  } catch (error) {
    const next = await checkpoints.explain();
    if (next) progress.message(next);
    throw error;
  }
}

/** Makes the way into the guest. */
export async function enterGuest(
  context: MakeContext,
  layer: LayerSpecification,
  parent: ArtifactManifest,
): Promise<GuestAccess> {
  const access = chooseAccess(parent, layer.configuration);
  await writeAccess(access, context.scratch.path, layer.name, toolRunner(context));
  return access;
}

/** Puts into the scratch folder what a configuration reads of a template and of this machine. */
export async function stageForPacker({ build, scratch }: MakeContext, layer: LayerSpecification): Promise<void> {
  await stageFiles(layer, build.directory, scratch.path);
  await writeFile(join(scratch.path, "build-ca.crt"), await certificatesOf(machineOf(build, layer)));
}

/** A run of Packer in the scratch folder. */
export function packerRun(
  { build, prepared, scratch, log }: MakeContext,
  layer: LayerSpecification,
  options: Pick<PackerRunOptions, "access" | "release" | "installerTimeout" | "checkpoints" | "onCheckpoint"> &
    Pick<QemuPlaceOptions, "onConsole">,
): PackerRun {
  const call = packerCall(build, prepared, scratch, layer);
  const { progress } = build;
  const { onConsole } = options;
  const place = new QemuPlace({ ...call, progress, onConsole });
  const consoleIsLogged = onConsole !== undefined;
  return new PackerRun({ ...call, ...options, place, consoleIsLogged, log, progress, endStrays });
}

/** What any call of Packer for a layer is given. */
export function packerCall(
  build: BuildContext,
  prepared: Prepared,
  scratch: Scratch,
  layer: LayerSpecification,
): PackerCall {
  const machine = machineOf(build, layer);
  return {
    layer,
    machine,
    accelerator: prepared.accelerator?.name,
    mirror: mirrorOf(machine),
    secrets: prepared.secrets,
    version: prepared.tools.packer ?? "",
    packerCache: build.cache.packer,
    scratch,
    masker: prepared.masker,
    environment: build.environment,
  };
}

/** What every run of Packer leaves. */
export function packerMade({ prepared, scratch }: MakeContext) {
  return { disk: join(scratch.path, "output", "disk.qcow2"), accelerator: prepared.accelerator?.name };
}

/**
 * Makes `parent.qcow2`, an empty overlay on a disk. A link would not do: qemu-img looks for the parent's own
 * parent beside the link. And whatever might write to it does not reach the cache.
 */
export async function linkParent(context: MakeContext, disk: string): Promise<void> {
  const args = ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", disk, "parent.qcow2"];
  await toolRunner(context)("qemu-img", args);
}
