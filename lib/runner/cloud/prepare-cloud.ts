/** What a build by a cloud finds out there before it begins. */
import { Cloud } from "../../cloud/cloud";
import { credentialsFrom } from "../../cloud/keystone";
import { ExitCode, VisaImageError } from "../../errors";
import type { LayerSpecification } from "../../specification";
import { type BuildContext, machineOf } from "../context";
import { beyondServer } from "../packer/server-source";
import { isAbandoned } from "./build-mark";
import { removeBuilds } from "./build-resources";
import { endOfToken, findWishes } from "./server-wishes";

/**
 * Signs in, looks whether the cloud has what the layers' machines ask for, and removes what interrupted builds have left.
 *
 * @throws VisaImageError with exit code 2 where a layer cannot be built there
 */
export async function prepareCloud(context: BuildContext, layers: readonly LayerSpecification[]): Promise<Cloud> {
  const { environment, progress, output } = context;
  for (const layer of layers) refuseScreens(layer);
  const cloud = await Cloud.connect(credentialsFrom(environment));
  if (!cloud.projectId) {
    throw new VisaImageError("the sign-in to the cloud is for no project, so that nothing can be built there", {
      fix: "set OS_PROJECT_NAME and OS_PROJECT_DOMAIN_NAME",
      exitCode: ExitCode.USAGE,
    });
  }
  progress.message(`builder: OpenStack, at ${new URL(cloud.credentials.authUrl).host}`);
  for (const layer of layers) {
    const machine = machineOf(context, layer);
    await findWishes(cloud, machine, layer, output?.minDiskGb ?? Number.POSITIVE_INFINITY);
    const end = endOfToken(cloud, machine.timeoutMinutes);
    if (end)
      progress.warn(
        `the token ends at ${end}: a build that takes longer fails; a password or an application credential has no such end`,
      );
  }
  const removed = await removeBuilds(cloud, isAbandoned).catch((error: Error) => {
    progress.warn(error.message);
    return [];
  });
  for (const what of removed) progress.message(`removed what an interrupted build left in the cloud: ${what}`);
  return cloud;
}

function refuseScreens({ name, configuration }: LayerSpecification): void {
  const [key] = beyondServer(configuration);
  if (!key) return;
  throw new VisaImageError(`the template "${name}" has "${key}", and a cloud's server has nothing to do it by`, {
    fix: "take it out of the template, or build it by QEMU: --builder qemu",
    exitCode: ExitCode.USAGE,
  });
}
