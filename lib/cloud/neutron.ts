/** The little of Neutron that servers of this package's own need: a network, a security group, a floating address. */
import { usageError, VisaImageError } from "../errors";
import { asRecord, asString, listOf } from "./keystone";
import { Service, type SignedIn } from "./service";

/** What has a name and an id. */
export interface Named {
  readonly id: string;
  readonly name: string;
}

/** What somebody has made. */
export interface Owned extends Named {
  readonly description: string;
  /** The project that it belongs to. */
  readonly projectId: string;
}

/** A network. */
export interface Network extends Named {
  /** Whether floating addresses are taken from it. */
  readonly isExternal: boolean;
}

/** A floating address. */
export interface FloatingIp {
  readonly id: string;
  readonly address: string;
}

/** Neutron, signed in to. */
export class Neutron {
  private readonly service: Service;

  /** @throws VisaImageError where the catalog has no Neutron */
  constructor(signedIn: SignedIn) {
    this.service = new Service(signedIn, { type: "network", name: "Neutron", version: "/v2.0" });
  }

  /** The network of that name or id. @throws VisaImageError where there is none, or several */
  network(nameOrId: string): Promise<Named> {
    return this.one("networks", "network", nameOrId);
  }

  /** All that the user sees. */
  async networks(): Promise<Network[]> {
    const all = await this.list("networks");
    return all.map((each) => ({ ...named(each), isExternal: each["router:external"] === true }));
  }

  /** The security group of that name or id. @throws VisaImageError where there is none, or several */
  securityGroup(nameOrId: string): Promise<Named> {
    return this.one("security-groups", "security group", nameOrId);
  }

  /** Makes a security group that lets everything out and nothing in, and returns its id. */
  async createSecurityGroup(name: string, description: string): Promise<string> {
    const body = { security_group: { name, description } };
    const made = await this.service.post("/security-groups", body, `make the security group "${name}"`);
    return String(asRecord(made.security_group).id);
  }

  /** Lets a TCP port in. @param cidr whom @default - everybody, by IPv4 */
  async openPort(groupId: string, port: number, cidr?: string): Promise<void> {
    const rule = {
      ...{ security_group_id: groupId, direction: "ingress", ethertype: cidr?.includes(":") ? "IPv6" : "IPv4" },
      ...{ protocol: "tcp", port_range_min: port, port_range_max: port, ...(cidr && { remote_ip_prefix: cidr }) },
    };
    const body = { security_group_rule: rule };
    await this.service.post("/security-group-rules", body, `open port ${port} in the security group`);
  }

  /** The security groups that the user may see. @param name of that name alone */
  async securityGroups(name?: string): Promise<Owned[]> {
    return (await this.list("security-groups", name === undefined ? {} : { name })).map(owned);
  }

  /** @throws Refusal with 409 where a port still uses it */
  async deleteSecurityGroup(id: string): Promise<void> {
    await this.service.delete(`/security-groups/${id}`, `delete the security group "${id}"`);
  }

  /** Ids of a server's ports. */
  async portsOf(serverId: string): Promise<string[]> {
    return (await this.list("ports", { device_id: serverId })).map(({ id }) => String(id));
  }

  /** Takes a floating address of an external network. @param portId for whom @default - nobody yet */
  async createFloatingIp(networkId: string, description: string, portId?: string): Promise<FloatingIp> {
    const body = { floatingip: { floating_network_id: networkId, description, ...(portId && { port_id: portId }) } };
    const made = await this.service.post("/floatingips", body, "take a floating address", (_, words) =>
      /not reachable from subnet|external network/i.test(words)
        ? "the instance's network needs a router that leads to the pool's network"
        : undefined,
    );
    const { id, floating_ip_address: address } = asRecord(made.floatingip);
    return { id: String(id), address: String(address) };
  }

  /** The floating addresses that the user may see. @param description of that description alone */
  async floatingIps(description?: string): Promise<Owned[]> {
    return (await this.list("floatingips", description === undefined ? {} : { description })).map(owned);
  }

  async deleteFloatingIp(id: string): Promise<void> {
    await this.service.delete(`/floatingips/${id}`, `give the floating address "${id}" back`);
  }

  private async one(path: string, what: string, nameOrId: string): Promise<Named> {
    const byName = await this.list(path, { name: nameOrId });
    const found = (byName.length > 0 ? byName : await this.list(path, { id: nameOrId })).map(named);
    const [first, second] = found;
    if (first && !second) return first;
    if (first) {
      const ids = found.map(({ id }) => id).join(", ");
      throw usageError(`there are ${found.length} of the ${what} "${nameOrId}"`, undefined, `give an id: ${ids}`);
    }
    const command = `openstack ${what} list`;
    throw new VisaImageError(`Neutron shows no ${what} "${nameOrId}"`, { fix: `name one of this project: ${command}` });
  }

  private async list(path: string, query: Readonly<Record<string, string>> = {}): Promise<Record<string, unknown>[]> {
    const asked = Object.keys(query).length > 0 ? `?${new URLSearchParams(query)}` : "";
    const answer = await this.service.read(`/${path}${asked}`, `list the ${path}`);
    return listOf(answer[path.replaceAll("-", "_")]);
  }
}

function named({ id, name }: Record<string, unknown>): Named {
  return { id: String(id), name: asString(name) ?? "" };
}

function owned(each: Record<string, unknown>): Owned {
  const { description, project_id: project, tenant_id: tenant } = each;
  return { ...named(each), description: asString(description) ?? "", projectId: String(project ?? tenant) };
}
