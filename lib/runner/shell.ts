/** A machine at a checkpoint of a layer, for a person to look around in: what is changed in it is thrown away. */
import { join } from "node:path";
import { ExitCode, VisaImageError } from "../errors";
import { short } from "../fingerprint/digest";
import type { BuildSpecification, LayerSpecification } from "../specification";
import type { ArtifactManifest } from "./cache/cache";
import { cleanUpAbandoned, createScratch, removeScratch } from "./cache/scratch";
import { secretsOf } from "./checkpoints/layer-checkpoints";
import { type ResumableStep, resumableSteps, stepsOf, withSteps } from "./checkpoints/steps";
import { type CheckpointSet, diskName, findCheckpoints, linkCheckpoints } from "./checkpoints/store";
import { type BuildContext, type BuildOptions, createContext, type Item, isByCloud } from "./context";
import type { MakeContext } from "./makers/maker";
import { enterGuest, linkParent, packerRun, stageForPacker } from "./makers/packer-layer";
import { BuildLog } from "./output/log";
import { ownGuest } from "./packer/qemu-place";
import { preflight } from "./preflight";
import { unprepared } from "./prepared";
import { endStrays } from "./processes/strays";
import { findMissing } from "./resolve";

/** How to get into the machine. */
export interface ShellLogin {
  /** The file of root's private key. */
  readonly key: string;
  /** Of 127.0.0.1. */
  readonly port: number;
}

/** What Packer's last step prints. */
const READY = "visa-shell: the machine is ready";

/**
 * Starts the last layer's machine as it is after a step, and waits until this process is ended.
 *
 * @param at the step, 0 for the layer's beginning. @default - the last one that there is
 * @param onReady called once, when the machine lets root in
 * @throws VisaImageError, with exit code 2 where there is no such checkpoint
 * @public the worker loads it when it is asked for one
 */
export async function openShell(
  specification: BuildSpecification,
  directory: string,
  options: BuildOptions,
  at: number | undefined,
  onReady: (login: ShellLogin) => void,
): Promise<void> {
  const context = createContext(specification, directory, options);
  const { cache, items, progress } = context;
  const item = items.at(-1) as Item & { readonly layer: LayerSpecification };
  const { layer } = item;
  if (isByCloud(context, layer)) {
    throw new VisaImageError(`"${layer.name}" is built by openstack, which makes no checkpoints`, {
      fix: 'builder: "qemu" (VISA_BUILDER) for a build here',
      exitCode: ExitCode.USAGE,
    });
  }
  await cache.prepare();
  for (const message of await cleanUpAbandoned(cache)) progress.message(message);
  const parent = await parentOf(context, layer);
  const prepared = await preflight(context, [item], unprepared(context));
  const steps = resumableSteps(layer, parent);
  const secrets = secretsOf({ layer, secrets: prepared.secrets });
  const find = (of: readonly ResumableStep[]) =>
    findCheckpoints(cache, { keys: of.map(({ key }) => key).reverse(), secrets });
  const start =
    at === 0 ? undefined : await find(at === undefined ? steps : steps.filter((step) => step.number === at));
  if (!start && at !== 0) throw await noCheckpoint(layer, at, find(steps));
  const number = start?.checkpoints.at(-1)?.number ?? 0;
  const scratch = await createScratch(cache, short(layer.fingerprint));
  const log = new BuildLog(
    join(cache.logs, `${new Date().toISOString().slice(0, 19).replaceAll(":", "")}-${layer.name}-shell.log`),
  );
  progress.startLayer(layer.name, 1, 1, 1);
  try {
    await runMachine({ build: context, prepared, scratch, log }, layer, parent, start, () => {
      const guest = ownGuest();
      if (!guest) return;
      const label = start ? `checkpoint ${number}, after ${start.checkpoints.at(-1)?.label}` : "its beginning";
      progress.message(`the machine of "${layer.name}" at ${label}; what you change in it is thrown away`);
      progress.stop();
      onReady({ key: join(scratch.path, "build-key"), port: guest.sshPort });
    });
  } finally {
    await endStrays();
    await removeScratch(scratch);
    log.close();
  }
}

async function parentOf({ cache, items }: BuildContext, { name }: LayerSpecification): Promise<ArtifactManifest> {
  const below = items.slice(0, -1);
  const { missing } = await findMissing(below, cache, "full");
  const lacking = below[missing];
  if (lacking) {
    throw new VisaImageError(`"${lacking.name}", which "${name}" stands on, is not in the cache as it is asked for`, {
      fix: `build it first: visa-image build ${name}`,
      exitCode: ExitCode.USAGE,
    });
  }
  return (await cache.manifest(below.at(-1)?.fingerprint as string)) as ArtifactManifest;
}

async function noCheckpoint(
  { name }: LayerSpecification,
  at: number | undefined,
  found: Promise<CheckpointSet | undefined>,
): Promise<VisaImageError> {
  const numbers = (await found)?.checkpoints.map(({ number }) => number) ?? [];
  return new VisaImageError(
    `there is no checkpoint ${at === undefined ? "" : `${at} `}of "${name}" with these inputs`,
    {
      fix: `${numbers.length > 0 ? `there is: --at ${numbers.join(", --at ")}` : "a build makes some"}; the layer's beginning is --at 0`,
      exitCode: ExitCode.USAGE,
    },
  );
}

async function runMachine(
  context: MakeContext,
  layer: LayerSpecification,
  parent: ArtifactManifest,
  start: CheckpointSet | undefined,
  onReady: () => void,
): Promise<void> {
  const { build, scratch } = context;
  await stageForPacker(context, layer);
  const reason = start && (await linkCheckpoints(start, scratch.path));
  if (reason)
    throw new VisaImageError(`the checkpoints of "${layer.name}" cannot be used: ${reason}`, { fix: "build again" });
  const access = await enterGuest(context, layer, parent);
  const last = start?.checkpoints.at(-1);
  await linkParent(context, last ? join(scratch.path, diskName(last.number)) : build.cache.disk(parent.fingerprint));
  const wait = { "shell-local": { inline: [`echo '${READY}'`, "while :; do sleep 3600; done"] } };
  const configuration = withSteps(layer.configuration, { ...stepsOf(layer.configuration), own: [wait], after: [] });
  const run = packerRun(
    context,
    { ...layer, configuration },
    {
      access,
      onCheckpoint: {
        attach() {},
        take(line) {
          if (line.endsWith(READY)) onReady();
          return false;
        },
      },
    },
  );
  await run.run("starting the machine");
}
