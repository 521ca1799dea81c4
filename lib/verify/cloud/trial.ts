/** Makes an instance of an image in a cloud, as VISA makes them, and what it needs beside it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ServerServices } from "../../cloud/cloud";
import { type Flavor, type Server, serverFault } from "../../cloud/compute";
import type { Named } from "../../cloud/neutron";
import { removeFloatingIp, removeSecurityGroup, removeServer } from "../../cloud/removal";
import { VisaImageError } from "../../errors";
import { lastLines } from "../../runner/output/tail";
import { Belongings } from "./belongings";

/** Where instances are made: what a person names, looked up. */
export interface TrialPlace extends ServerServices {
  readonly flavor: Flavor;
  readonly network: Named;
  /** Those of the instance, as VISA gives it its own. @default - one is made, which opens the promised ports */
  readonly securityGroups: readonly Named[];
  /** The external network that gives the instance an address to be reached by. @default - the fixed one is reached */
  readonly floatingPool?: Named;
  /** Who may reach what this opens. @default - everybody, as far as the network does */
  readonly from?: string;
}

/** What is made there. */
export interface TrialRequest {
  readonly imageId: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly userData: string;
  readonly configDrive: boolean;
  /** Ports that are opened to the runner where no security group was named. */
  readonly ports: readonly number[];
}

/** SSH's, which only the runner needs. */
const SSH = 22;
/** Nova copies the image to a host first, on which it may be the first of its kind. */
const BUILD_SECONDS = 900;
const POLL_MS = 1000;

/** An instance, and all that was made for it. */
export class Trial {
  /** Never with a prefix of VISA's: it deletes what it does not know. */
  readonly name = `image-check-${crypto.randomUUID().slice(0, 8)}`;
  private readonly belongings = new Belongings();
  private serverId: string | undefined;

  constructor(readonly place: TrialPlace) {}

  /**
   * Has the instance made, and returns as soon as Nova knows it.
   *
   * @throws Refusal for what Nova or Neutron do not take: no quota, a flavour that is too small
   */
  async request({ ports, ...request }: TrialRequest): Promise<string> {
    const { nova, flavor, network, securityGroups } = this.place;
    const own = await this.makeSecurityGroup(securityGroups.length > 0 ? [SSH] : [SSH, ...ports]);
    const groups = [...securityGroups.map(({ id }) => id), own];
    this.serverId = await this.belongings.make({
      make: () => nova.create({ ...request, name: this.name, flavor, networkId: network.id, securityGroups: groups }),
      find: async () => (await nova.servers(`^${this.name}$`)).map(({ id }) => id),
      remove: (id) => removeServer(this.place, id),
      byHand: (id) => `openstack server delete ${id}`,
    });
    return this.serverId;
  }

  /** Waits until Nova says ACTIVE. @throws VisaImageError with Nova's fault, and the end of the console */
  async waitUntilActive(id: string): Promise<Server> {
    const { nova, flavor } = this.place;
    const end = performance.now() + BUILD_SECONDS * 1000;
    for (;;) {
      const server = await nova.server(id);
      if (!server) throw new VisaImageError("the instance was deleted by somebody else", { fix: "try again" });
      if (server.status === "ACTIVE") return server;
      if (server.status === "ERROR") throw serverFault(server, flavor, await this.consoleEnd());
      if (performance.now() > end) {
        throw new VisaImageError(`the instance is still ${server.status} after ${BUILD_SECONDS} s`, {
          fix: "see the log of nova-compute: a large image may take longer to copy; try again, when the host has it",
        });
      }
      await sleep(POLL_MS);
    }
  }

  /** What the instance's console has shown; empty where there is no instance, or no console. */
  async console(): Promise<string> {
    return this.serverId === undefined ? "" : this.place.nova.console(this.serverId).catch(() => "");
  }

  /** The end of it, for an error. */
  async consoleEnd(): Promise<string> {
    return lastLines(await this.console(), 15);
  }

  /** Gives it an address of the pool. */
  async takeFloatingIp(serverId: string, pool: Named): Promise<string> {
    const { neutron } = this.place;
    const [port] = await neutron.portsOf(serverId);
    if (!port) throw new VisaImageError("the instance has no port in Neutron", { fix: "see the log of nova-compute" });
    const { address } = await this.belongings.make({
      make: () => neutron.createFloatingIp(pool.id, this.name, port),
      find: async () => (await neutron.floatingIps(this.name)).map(({ id }) => ({ id, address: "" })),
      remove: ({ id }) => removeFloatingIp(this.place, id),
      byHand: ({ id }) => `openstack floating ip delete ${id}`,
    });
    return address;
  }

  /** Removes all of it. @returns commands for what is left: nothing, normally */
  remove(): Promise<string[]> {
    return this.belongings.remove();
  }

  private async makeSecurityGroup(ports: readonly number[]): Promise<string> {
    const { neutron, from } = this.place;
    const group = await this.belongings.make({
      make: () => neutron.createSecurityGroup(this.name, "of visa-image verify --on-cloud, for one instance"),
      find: async () => (await neutron.securityGroups(this.name)).map(({ id }) => id),
      remove: (id) => removeSecurityGroup(this.place, id),
      byHand: (id) => `openstack security group delete ${id}`,
    });
    for (const port of ports) await neutron.openPort(group, port, from);
    return group;
  }
}
