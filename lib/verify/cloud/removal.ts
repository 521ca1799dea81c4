/** Removes what a test instance had in a cloud: whoever made it, or whoever comes after one that was killed. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ServerServices } from "../../cloud/cloud";
import { mayHaveWorked } from "../../cloud/compute";
import { Refusal } from "../../cloud/service";
import { VisaImageError } from "../../errors";

const REMOVE_SECONDS = 300;
const POLL_MS = 1000;

/** Deletes a server, and returns when it is gone. */
export async function removeServer({ nova }: ServerServices, id: string): Promise<void> {
  await untilDone(`end of the server "${id}"`, async () => {
    // Asked for again: a Nova that is just being started again forgets.
    await nova.delete(id);
    return (await nova.server(id)) === undefined;
  });
}

/** Deletes a security group, which its instance's port uses for a moment longer than there is an instance. */
export async function removeSecurityGroup({ neutron }: ServerServices, id: string): Promise<void> {
  await untilDone(`end of the security group "${id}"`, async () => {
    try {
      await neutron.deleteSecurityGroup(id);
      return true;
    } catch (error) {
      if (error instanceof Refusal && error.status === 409) return false;
      throw error;
    }
  });
}

/** Gives a floating address back. */
export async function removeFloatingIp({ neutron }: ServerServices, id: string): Promise<void> {
  await untilDone(`end of the floating address "${id}"`, async () => {
    await neutron.deleteFloatingIp(id);
    return true;
  });
}

/** Removes all that bears a test instance's name, which nothing else has. */
export async function removeNamed(cloud: ServerServices, name: string): Promise<void> {
  const { nova, neutron } = cloud;
  for (const { id } of await neutron.floatingIps(name)) await removeFloatingIp(cloud, id);
  for (const { id } of await nova.servers(`^${name}$`)) await removeServer(cloud, id);
  for (const { id } of await neutron.securityGroups(name)) await removeSecurityGroup(cloud, id);
}

/** A service that does not answer is asked again, for some minutes: nothing else removes what was made. */
async function untilDone(what: string, act: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + REMOVE_SECONDS * 1000;
  for (;;) {
    const done = await act().catch((error: unknown) => {
      if (!mayHaveWorked(error) || performance.now() > end) throw error;
      return false;
    });
    if (done) return;
    if (performance.now() > end) throw new VisaImageError(`no ${what} after ${REMOVE_SECONDS} s`);
    await sleep(POLL_MS);
  }
}
