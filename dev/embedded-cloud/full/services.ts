/** The services of the full size: their names, in the order in which they are shown, and how each is started. */

import { FULL_HOME, type FullCloudSettings } from "../settings";
import { NAMESPACE } from "./namespace";

/** Ports of this machine's loopback, relayed into the namespace. */
export const RELAY = "relay";

/** What the others talk through. */
const FOUNDATION = ["database", "messages", "virtlogd", "libvirtd"] as const;

const NOVA = ["--config-file", `${FULL_HOME}/nova.conf`];
const NEUTRON = ["--config-file", `${FULL_HOME}/neutron.conf`];

/** Those that answer to the APIs, and what they need: started once all users, services and endpoints exist. */
export const CONTROL: Readonly<Record<string, readonly string[]>> = {
  neutron: ["neutron-server", ...NEUTRON],
  "nova-conductor": ["nova-conductor", ...NOVA],
  nova: ["nova-api", ...NOVA],
  "nova-scheduler": ["nova-scheduler", ...NOVA],
};

/** What runs guests: started once Placement answers. */
export const COMPUTE = ["nova-compute", ...NOVA];

/** Neutron's agent that connects guests, which the other agents need: started once Neutron answers. */
export const BRIDGES = "neutron-linuxbridge";
export const BRIDGES_COMMAND = ["neutron-linuxbridge-agent", ...NEUTRON];

/** Neutron's agents that need a bridge: each reports by its name with `-agent` behind it. */
export const AGENTS: Readonly<Record<string, readonly string[]>> = {
  "neutron-dhcp": ["neutron-dhcp-agent", ...NEUTRON, "--config-file", `${FULL_HOME}/neutron-dhcp.conf`],
  "neutron-l3": ["neutron-l3-agent", ...NEUTRON],
  "neutron-metadata": ["neutron-metadata-agent", ...NEUTRON, "--config-file", `${FULL_HOME}/neutron-metadata.conf`],
};

/** All that the full size has beside the small one. */
export const FULL_SERVICES = [
  ...[NAMESPACE, RELAY],
  ...FOUNDATION,
  ...["placement", ...Object.keys(CONTROL)],
  ...["nova-compute", BRIDGES],
  ...Object.keys(AGENTS),
];

/** Ports that are relayed. */
export function relayedPorts({ ports, full }: FullCloudSettings): number[] {
  return [...Object.values(ports), ...Object.values(full.ports)];
}
