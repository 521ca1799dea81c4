/** What a build has in a cloud beside its server, and how all of it is removed. */
import type { Cloud } from "../../cloud/cloud";
import type { Glance } from "../../cloud/glance";
import type { Owned } from "../../cloud/neutron";
import { type Patience, removeFloatingIp, removeSecurityGroup, removeServer } from "../../cloud/removal";
import { VisaImageError } from "../../errors";
import { BUILD_PREFIX, type BuildMark, MARK_PROPERTY, readMark } from "./build-mark";

/** For one thing: the next build, or `visa-image prune`, removes what is left. */
const PATIENCE: Patience = { seconds: 60, whileAway: false };
const SSH = 22;

type Listed = { readonly id: string; readonly name?: string };

/** What lets this machine into a server. */
export interface BuildEntrance {
  /** Names or ids. */
  readonly securityGroups: readonly string[];
  /** Id of a floating address. */
  readonly floatingIp?: string;
}

/** What is wished for it. */
export interface EntranceOptions {
  readonly name: string;
  /** As text. */
  readonly mark: string;
  /** @default - one of the build's own that lets SSH in */
  readonly securityGroups?: readonly string[];
  /** Id of an external network. @default - no floating address */
  readonly floatingNetwork?: string;
}

/** Makes it. @throws VisaImageError where the cloud does not; what was made is then left to {@link removeBuilds} */
export async function makeEntrance(cloud: Cloud, options: EntranceOptions): Promise<BuildEntrance> {
  const { name, mark: description, securityGroups, floatingNetwork } = options;
  const groups = securityGroups ?? [await makeGroup(cloud, name, description)];
  if (!floatingNetwork) return { securityGroups: groups };
  const { id } = await cloud.neutron.createFloatingIp(floatingNetwork, description);
  return { securityGroups: groups, floatingIp: id };
}

async function makeGroup({ neutron }: Cloud, name: string, description: string): Promise<string> {
  const id = await neutron.createSecurityGroup(name, description);
  for (const everybody of ["0.0.0.0/0", "::/0"]) await neutron.openPort(id, SSH, everybody);
  return id;
}

/** Options of {@link removeBuilds}. */
export interface RemovalOptions {
  /** Whether nothing is to be removed. @default false */
  readonly dryRun?: boolean;
}

/**
 * Removes what builds of this project have in a cloud: servers (their ports go with them), floating addresses, security
 * groups, and images that are not done. Packer's key is a file here, and no key pair of Nova's.
 *
 * @param which the builds
 * @returns what each was
 * @throws VisaImageError where a service is not reached, or something stays; the rest was removed
 */
export async function removeBuilds(
  cloud: Cloud,
  which: (mark: BuildMark) => boolean,
  { dryRun = false }: RemovalOptions = {},
): Promise<string[]> {
  const removed: string[] = [];
  const problems: string[] = [];
  const chosen = (text: unknown) => {
    const mark = readMark(text);
    return mark !== undefined && which(mark);
  };
  /** Whether all of them went. */
  const each = async (what: string, list: () => Promise<Listed[]>, remove: (one: Listed) => Promise<void>) => {
    const before = problems.length;
    try {
      for (const one of await list()) {
        await (dryRun ? Promise.resolve() : remove(one)).then(
          () => removed.push(`${what} ${one.name || one.id}`),
          (error: Error) => problems.push(`${what} ${one.id}: ${error.message.split("\n")[0]}`),
        );
      }
    } catch (error) {
      problems.push(`${what}s: ${(error as Error).message.split("\n")[0]}`);
    }
    return problems.length === before;
  };
  // An administrator is shown those of all projects.
  const isOurs = ({ projectId }: { readonly projectId: string }) => projectId === cloud.projectId;
  const described = (all: readonly Owned[]) =>
    all.filter((one) => isOurs(one) && chosen(one.description)).map(({ id, name }) => ({ id, name }));

  await each(
    "floating address",
    async () => described(await cloud.neutron.floatingIps()),
    ({ id }) => removeFloatingIp(cloud, id, PATIENCE),
  );
  const allServersWent = await each(
    "server",
    async () =>
      (await cloud.nova.servers(`^${BUILD_PREFIX}`)).filter(
        (server) => isOurs(server) && chosen(server.metadata[MARK_PROPERTY]),
      ),
    ({ id }) => removeServer(cloud, id, PATIENCE),
  );
  let glance: Glance | undefined;
  await each(
    "unfinished image",
    async () => {
      glance = await cloud.glance();
      return (await glance.images()).filter((image) => chosen(image[MARK_PROPERTY]));
    },
    async ({ id }) => void (await glance?.delete(id)),
  );
  await each(
    "security group",
    async () => described(await cloud.neutron.securityGroups()),
    // Where a server stays its group does, too.
    ({ id }) => removeSecurityGroup(cloud, id, allServersWent ? PATIENCE : { ...PATIENCE, seconds: 0 }),
  );
  if (problems.length > 0) {
    throw new VisaImageError(`a build has left something in the cloud:\n${problems.map((p) => `  ${p}`).join("\n")}`, {
      fix: "when the cloud answers again: npx visa-image prune (the next build by openstack does it, too)",
    });
  }
  return removed;
}
