/** Removes servers and what belongs to them from a cloud, and returns when they are gone. */
import { setTimeout as sleep } from "node:timers/promises";
import { VisaImageError } from "../errors";
import type { ServerServices } from "./cloud";
import { mayHaveWorked } from "./compute";
import { Refusal } from "./service";

const POLL_MS = 1000;

/** How long somebody waits for it. */
export interface Patience {
  /** For one of them, in seconds. @default 300 */
  readonly seconds?: number;
  /** Whether a service that does not answer is asked again. @default true; false where others remove what is left */
  readonly whileAway?: boolean;
}

/** Deletes a server. */
export async function removeServer({ nova }: ServerServices, id: string, patience?: Patience): Promise<void> {
  const remove = async () => {
    // Asked for again: a Nova that is just being started again forgets.
    await nova.delete(id);
    return (await nova.server(id)) === undefined;
  };
  await untilDone(`end of the server "${id}"`, remove, patience);
}

/** Deletes a security group, which its server's port uses for a moment longer than there is a server. */
export async function removeSecurityGroup({ neutron }: ServerServices, id: string, patience?: Patience): Promise<void> {
  const remove = () => neutron.deleteSecurityGroup(id).then(() => true);
  await untilDone(`end of the security group "${id}"`, remove, patience);
}

/** Gives a floating address back. */
export async function removeFloatingIp({ neutron }: ServerServices, id: string, patience?: Patience): Promise<void> {
  const remove = () => neutron.deleteFloatingIp(id).then(() => true);
  await untilDone(`end of the floating address "${id}"`, remove, patience);
}

/** Removes all that bears a test instance's name, which nothing else has. */
export async function removeNamed(cloud: ServerServices, name: string): Promise<void> {
  const { nova, neutron } = cloud;
  for (const { id } of await neutron.floatingIps(name)) await removeFloatingIp(cloud, id);
  for (const { id } of await nova.servers(`^${name}$`)) await removeServer(cloud, id);
  for (const { id } of await neutron.securityGroups(name)) await removeSecurityGroup(cloud, id);
}

/**
 * @param remove says whether it is gone
 * @throws VisaImageError what the last try said, or that it is still there
 */
async function untilDone(
  what: string,
  remove: () => Promise<boolean>,
  { seconds = 300, whileAway = true }: Patience = {},
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const done = await remove().catch((error: unknown) => {
      const isBusy = error instanceof Refusal && error.status === 409;
      const isAway = whileAway && mayHaveWorked(error);
      if (!(isBusy || isAway) || performance.now() > end) throw error;
      return false;
    });
    if (done) return;
    if (performance.now() > end) throw new VisaImageError(`no ${what} after ${seconds} s`);
    await sleep(POLL_MS);
  }
}
