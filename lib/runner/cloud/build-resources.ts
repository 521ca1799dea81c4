/** What a build has in a cloud beside its server, and how all of it is removed. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Cloud, ServiceType } from "../../cloud/cloud";
import type { Glance } from "../../cloud/glance";
import { asRecord } from "../../cloud/keystone";
import { VisaImageError } from "../../errors";
import { BUILD_PREFIX, type BuildMark, MARK_PROPERTY, readMark } from "./build-mark";

/** How long a server may take to go, in milliseconds: only then its security group can. */
const REMOVAL_MS = 60_000;
const POLL_MS = 1000;

/** Nova looks for names by patterns. */
const SERVERS = `/servers/detail?name=${encodeURIComponent(`^${BUILD_PREFIX}`)}`;

type Listed = Record<string, unknown> & { readonly id: string; readonly name?: string };

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
  const body = { floatingip: { floating_network_id: floatingNetwork, description } };
  const request = { method: "POST", path: "/floatingips", body } as const;
  const { floatingip } = await cloud.json("network", request, "get a floating address for the build machine");
  return { securityGroups: groups, floatingIp: String(asRecord(floatingip).id) };
}

async function makeGroup(cloud: Cloud, name: string, description: string): Promise<string> {
  const what = "make a security group for the build machine";
  const post = (path: string, body: object) => cloud.json("network", { method: "POST", path, body }, what);
  const { security_group: group } = await post("/security-groups", { security_group: { name, description } });
  const { id } = asRecord(group);
  for (const ethertype of ["IPv4", "IPv6"]) {
    const port = { protocol: "tcp", port_range_min: 22, port_range_max: 22 };
    await post("/security-group-rules", {
      security_group_rule: { security_group_id: id, direction: "ingress", ethertype, ...port },
    });
  }
  return String(id);
}

/** Options of {@link removeBuilds}. */
export interface RemovalOptions {
  /** Whether nothing is to be removed. @default false */
  readonly dryRun?: boolean;
  /** How long it waits before it looks again. @default 1000 in milliseconds */
  readonly pollMs?: number;
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
  { dryRun = false, pollMs = POLL_MS }: RemovalOptions = {},
): Promise<string[]> {
  const removed: string[] = [];
  const problems: string[] = [];
  const chosen = (text: unknown) => {
    const mark = readMark(text);
    return mark !== undefined && which(mark);
  };
  const each = async (what: string, list: () => Promise<Listed[]>, remove: (one: Listed) => Promise<void>) => {
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
  };
  const described = async (path: string, key: string) =>
    (await listOf(cloud, "network", `/${path}`, key)).filter(({ description }) => chosen(description));

  await each(
    "floating address",
    () => described("floatingips", "floatingips"),
    ({ id }) => remove(cloud, "network", `/floatingips/${id}`, pollMs),
  );
  await each(
    "server",
    async () =>
      (await listOf(cloud, "compute", SERVERS, "servers")).filter(({ metadata }) =>
        chosen(asRecord(metadata)[MARK_PROPERTY]),
      ),
    ({ id }) => removeServer(cloud, id, pollMs),
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
    () => described("security-groups", "security_groups"),
    ({ id }) => remove(cloud, "network", `/security-groups/${id}`, pollMs),
  );
  if (problems.length > 0) {
    throw new VisaImageError(`a build has left something in the cloud:\n${problems.map((p) => `  ${p}`).join("\n")}`, {
      fix: "when the cloud answers again: npx visa-image prune (the next build by openstack does it, too)",
    });
  }
  return removed;
}

async function listOf(cloud: Cloud, type: ServiceType, path: string, key: string): Promise<Listed[]> {
  const answer = await cloud.json(type, { method: "GET", path }, "list what builds have left");
  const found = Array.isArray(answer[key]) ? (answer[key] as Listed[]) : [];
  // An administrator is shown those of all projects.
  return found.filter(({ project_id, tenant_id }) => (project_id ?? tenant_id) === cloud.projectId);
}

/** Deletes it, and waits until nothing of it holds its group. */
async function removeServer(cloud: Cloud, id: string, pollMs: number): Promise<void> {
  await remove(cloud, "compute", `/servers/${id}`, pollMs);
  for (const deadline = Date.now() + REMOVAL_MS; Date.now() < deadline; await sleep(pollMs)) {
    const { status } = await cloud.send("compute", { method: "GET", path: `/servers/${id}` });
    if (status === 404) return;
  }
  throw new VisaImageError(`Nova has not removed it within ${REMOVAL_MS / 1000} s`);
}

/** A port that is just going may hold a group for a moment. */
async function remove(cloud: Cloud, type: ServiceType, path: string, pollMs: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const answer = await cloud.send(type, { method: "DELETE", path });
    if (answer.status === 404 || (answer.status >= 200 && answer.status < 300)) return;
    if (answer.status !== 409 || attempt === 15) throw new VisaImageError(`the cloud answered ${answer.status}`);
    await sleep(pollMs);
  }
}
