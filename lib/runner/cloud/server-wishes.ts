/** What a build by a cloud asks for, found in that cloud before anything is built: a mistake is told at once. */
import type { Machine } from "../../build-machine";
import type { Cloud } from "../../cloud/cloud";
import type { Flavor } from "../../cloud/compute";
import type { Named, Network } from "../../cloud/neutron";
import { ExitCode, VisaImageError } from "../../errors";
import { suggestion } from "../../nearest";
import type { LayerSpecification } from "../../specification";

/** The server of a build, as Nova takes it. */
export interface ServerWishes {
  /** Id of the flavour. */
  readonly flavor: string;
  /** GiB: the disk of every image that is made with it has this size. */
  readonly diskGb: number;
  /** Id of the network. */
  readonly network: string;
  /** Id of the external network of floating addresses. */
  readonly floatingNetwork?: string;
  /** @default - one of the build's own */
  readonly securityGroups?: readonly string[];
  readonly availabilityZone?: string;
}

/**
 * Finds what the settings of a layer's machine name.
 *
 * @param mostGb what the disk may have at most
 * @throws VisaImageError with exit code 2 for what the cloud does not have, or has no room for
 */
export async function findWishes(
  cloud: Cloud,
  machine: Machine,
  layer: Pick<LayerSpecification, "name" | "diskSizeGb">,
  mostGb: number,
): Promise<ServerWishes> {
  const { floatingIpPool, securityGroups, availabilityZone } = machine;
  const flavor = await findFlavor(cloud, machine.flavor, layer, mostGb);
  await checkQuota(cloud, flavor);
  const networks = await cloud.neutron.networks();
  const external = networks.filter(({ isExternal }) => isExternal);
  const pool = floatingIpPool === undefined ? undefined : pick(external, floatingIpPool, "external network");
  return {
    flavor: flavor.id,
    diskGb: flavor.diskGb,
    network: chooseNetwork(networks, machine.network).id,
    ...(pool && { floatingNetwork: pool.id }),
    ...(securityGroups && { securityGroups: securityGroups.split(",").map((each) => each.trim()) }),
    ...(availabilityZone && { availabilityZone }),
  };
}

async function findFlavor(
  cloud: Cloud,
  name: string | undefined,
  layer: Pick<LayerSpecification, "name" | "diskSizeGb">,
  mostGb: number,
): Promise<Flavor> {
  const all = await cloud.nova.flavors();
  const fitting = all.filter(({ diskGb }) => diskGb >= layer.diskSizeGb && diskGb <= mostGb).map((each) => each.name);
  const fix = `--flavor, VISA_BUILD_FLAVOR or machine.flavor: ${fitting.join(", ") || `one whose disk has ${layer.diskSizeGb} GiB, which an administrator of the cloud makes`}`;
  if (!name) throw refuse(`no flavour is said for the machine that builds "${layer.name}"`, fix);
  const flavor = pick(all, name, "flavour");
  if (flavor.diskGb < layer.diskSizeGb) {
    const sizes = `a disk of ${flavor.diskGb} GiB, and the template "${layer.name}" one of ${layer.diskSizeGb} GiB`;
    throw refuse(`the flavour "${name}" has ${sizes}`, fix);
  }
  if (flavor.diskGb > mostGb) {
    const sizes = `a disk of ${flavor.diskGb} GiB, which would be the image's, and instances of it have ${mostGb} GiB (minDiskGb)`;
    throw refuse(`the flavour "${name}" has ${sizes}`, `minDiskGb: ${flavor.diskGb}; or another flavour, ${fix}`);
  }
  return flavor;
}

/** What Nova would say in the middle of the build. */
async function checkQuota(cloud: Cloud, { vcpus, memoryMb }: Flavor): Promise<void> {
  const limits = await cloud.nova.limits();
  const number = (name: string) => Number(limits[name] ?? -1);
  const wanted: [string, number, string, string][] = [
    ["instances", 1, "maxTotalInstances", "totalInstancesUsed"],
    ["CPUs", vcpus, "maxTotalCores", "totalCoresUsed"],
    ["MiB of memory", memoryMb, "maxTotalRAMSize", "totalRAMUsed"],
  ];
  for (const [what, more, most, used] of wanted) {
    const [limit, taken] = [number(most), Math.max(0, number(used))];
    if (limit < 0 || taken + more <= limit) continue;
    throw refuse(
      `the project's quota has no room for the build machine: ${taken} of ${limit} ${what} are in use, and it takes ${more}`,
      "remove servers that nobody needs (openstack server list), take a smaller flavour, or have the quota raised",
    );
  }
}

function chooseNetwork(networks: readonly Network[], name: string | undefined): Network {
  if (name) return pick(networks, name, "network");
  const inner = networks.filter(({ isExternal }) => !isExternal);
  const [only, ...more] = inner.length > 0 ? inner : networks;
  if (only && more.length === 0) return only;
  const names = networks.map((each) => each.name).join(", ") || "none";
  throw refuse(
    `no network is said for the build machine, and there is not one alone: ${names}`,
    "--network, VISA_BUILD_NETWORK or machine.network",
  );
}

/** The one of that id or name. */
function pick<T extends Named>(all: readonly T[], name: string, what: string): T {
  const found = all.filter(({ id }) => id === name);
  const named = found.length > 0 ? found : all.filter((each) => each.name === name);
  const [one, another] = named;
  if (one && !another) return one;
  if (one) throw refuse(`the cloud has several of the ${what} "${name}"`, `say it by its id: ${one.id}`);
  const fix = suggestion(
    name,
    all.map((each) => each.name),
    `${what}s that this user sees`,
  );
  throw refuse(`the cloud has no ${what} "${name}"`, fix);
}

function refuse(what: string, fix: string): VisaImageError {
  return new VisaImageError(what, { fix, exitCode: ExitCode.USAGE });
}

/** When a token ends that nothing renews, before the build may be done; undefined where there is nothing to fear. */
export function endOfToken(cloud: Cloud, timeoutMinutes: number): string | undefined {
  if (cloud.credentials.authentication.kind !== "token") return undefined;
  const { expiresAt } = cloud;
  const end = Date.parse(expiresAt ?? "");
  return end < Date.now() + timeoutMinutes * 60_000 ? expiresAt : undefined;
}
