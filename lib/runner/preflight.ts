/** What is checked, chosen and read before the first item is built: a mistake is told at once, not after an hour. */
import { tmpdir } from "node:os";
import { isDeepStrictEqual } from "node:util";
import type { Machine } from "../build-machine";
import { exists } from "../presence";
import type { LayerSpecification } from "../specification";
import { createScratch, removeScratch } from "./cache/scratch";
import { prepareCloud } from "./cloud/prepare-cloud";
import { type BuildContext, type Item, installationOf, installerOf, isByCloud, machineOf, proxiesOf } from "./context";
import { type Accelerator, chooseAccelerator } from "./host/accelerator";
import {
  CLOUD_TOOLS,
  checkCpu,
  checkDisplay,
  checkFreeSpace,
  checkMemory,
  checkPaths,
  checkTools,
  checkVnc,
  readSecrets,
} from "./host/requirements";
import { withPasswordHashes } from "./makers/password-hashes";
import { createMasker } from "./output/masking";
import { cloudSecrets } from "./packer/cloud-variables";
import type { Prepared } from "./prepared";
import { validateConfigurations } from "./validate";

/** What it takes where no layer is built. */
const CONVERSION_TOOLS = ["qemu-img", "setpriv", "flock"];

/** For what only converts or downloads disks. @throws VisaImageError where a tool for that is missing */
export async function prepareToConvert(earlier: Prepared): Promise<Prepared> {
  return earlier.tools["qemu-img"] ? earlier : { ...earlier, tools: await checkTools(CONVERSION_TOOLS) };
}

/**
 * Checks everything that building these items needs.
 *
 * @param earlier what is known: an accelerator, and the tools with it, are not looked for again
 * @throws VisaImageError, with exit code 2 for what is missing or cannot be used
 */
export async function preflight(context: BuildContext, items: readonly Item[], earlier: Prepared): Promise<Prepared> {
  const { cache, environment, output, progress } = context;
  const warn = (message: string) => progress.warn(message);
  const layers = items.flatMap(({ layer }) => layer ?? []);
  const installer = items.some(({ layer }) => !layer) ? installerOf(context) : undefined;
  const needed = installer ? [installationOf(context, installer), ...layers] : layers;
  const given = readSecrets(needed, environment, warn);
  const byCloud = layers.filter((layer) => isByCloud(context, layer));
  // An installer runs on the first layer's machine, and only QEMU shows it a screen.
  const here = layers.filter((layer) => !byCloud.includes(layer) || (installer && layer.base));
  const all = here.map((layer) => machineOf(context, layer));
  const machines = all.filter((each, i) => all.findIndex((other) => isDeepStrictEqual(each, other)) === i);
  for (const { headless } of machines) checkDisplay(headless, environment);
  for (const machine of machines) await checkVnc(machine, warn);
  checkMemory(machines, warn);
  checkPaths([cache.root, tmpdir()]);
  checkFreeSpace(cache.root, layers, output?.minDiskGb ?? 0);
  const secrets = installer ? await withPasswordHashes(installer, given) : given;
  const hidden = byCloud.length > 0 ? cloudSecrets(environment) : [];
  const masker = createMasker([...secrets.values(), ...proxiesOf(context), ...hidden]);
  const found = await findTools(context, machines, earlier);
  const cloud = byCloud.length > 0 ? (earlier.cloud ?? (await prepareCloud(context, byCloud))) : undefined;
  const prepared = { ...found, secrets, masker, ...(cloud && { cloud }) };
  await validateConfigurations(context, prepared, [...layers, ...(await laterOnes(context))], installer);
  return prepared;
}

/** What others will build on these. */
async function laterOnes({ cache, specification: { later = [] } }: BuildContext): Promise<LayerSpecification[]> {
  const there = await Promise.all(later.map(({ fingerprint }) => exists(cache.folder(fingerprint))));
  return later.filter((_, i) => !there[i]);
}

/** What is to be run, and with what; what was found earlier is not looked for again. */
async function findTools(
  context: BuildContext,
  machines: readonly Machine[],
  { tools, accelerator }: Prepared,
): Promise<Pick<Prepared, "tools" | "accelerator">> {
  if (accelerator) return { tools, accelerator };
  const [machine] = machines;
  // A cloud builds all of it.
  if (!machine) return { tools: tools.packer ? tools : await checkTools(CLOUD_TOOLS) };
  const found = await checkTools();
  const chosen = await choose(context, machine);
  for (const each of machines) await checkCpu(each, chosen.name);
  return { tools: found, accelerator: chosen };
}

async function choose({ cache, progress }: BuildContext, machine: Machine): Promise<Accelerator> {
  const scratch = await createScratch(cache, "accelerator");
  try {
    const chosen = await chooseAccelerator(machine.accelerator, scratch.path, cache.root);
    progress.message(`accelerator: ${chosen.name === "kvm" ? "KVM" : "TCG, which is slow"} (${chosen.reason})`);
    return chosen;
  } finally {
    await removeScratch(scratch);
  }
}
