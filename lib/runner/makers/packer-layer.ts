/** Makes a layer: Packer runs its template's steps in a guest on its parent's disk. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LayerSpecification } from "../../specification";
import type { ArtifactManifest } from "../cache/cache";
import type { Scratch } from "../cache/scratch";
import { type BuildContext, certificatesOf, machineOf, mirrorOf } from "../context";
import { chooseAccess, writeAccess } from "../guest/guest-access";
import type { PackerCall } from "../packer/packer-call";
import { countSteps } from "../packer/packer-output";
import { PackerRun, type PackerRunOptions } from "../packer/packer-run";
import { QemuPlace, type QemuPlaceOptions } from "../packer/qemu-place";
import { stageFiles } from "../packer/staging";
import type { Prepared } from "../prepared";
import { endStrays } from "../processes/strays";
import { type MakeContext, type Maker, toolRunner } from "./maker";

/** @param parent what it stands on, in the cache */
export function packerLayer(layer: LayerSpecification, parent: ArtifactManifest): Maker {
  return {
    words: ["building", "built"],
    // Besides the steps in the guest: it starts, and it is published.
    steps: countSteps(layer.configuration) + 2,
    async make(context) {
      const { build, scratch, release } = context;
      await stageForPacker(context, layer);
      const access = chooseAccess(parent, layer.configuration);
      await writeAccess(access, scratch.path, layer.name, toolRunner(context));
      await linkParent(context, parent);
      const run = packerRun(context, layer, { access, release });
      const { seconds, guest } = await run.run("starting the machine", build.options.keepOnFailure);
      return { ...packerMade(context), toolSeconds: seconds, guest };
    },
  };
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
  options: Pick<PackerRunOptions, "access" | "release" | "installerTimeout"> & Pick<QemuPlaceOptions, "onConsole">,
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
 * Makes `parent.qcow2`, an empty overlay on the parent's disk. A link would not do: qemu-img looks for the parent's own
 * parent beside the link. And whatever might write to it does not reach the cache.
 */
async function linkParent(context: MakeContext, parent: ArtifactManifest): Promise<void> {
  const disk = context.build.cache.disk(parent.fingerprint);
  const args = ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", disk, "parent.qcow2"];
  await toolRunner(context)("qemu-img", args);
}
