/** The little of Neutron that a test instance needs: a network, a security group for it alone, a floating address. */
import { usageError, VisaImageError } from "../errors";
import { asRecord, asString, type Session } from "./keystone";
import { Service } from "./service";

/** What has a name and an id. */
export interface Named {
  readonly id: string;
  readonly name: string;
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
  constructor(session: Session) {
    this.service = new Service(session, { type: "network", name: "Neutron", without: /\/v2\.0$/ });
  }

  /** The network of that name or id. @throws VisaImageError where there is none, or several */
  network(nameOrId: string): Promise<Named> {
    return this.one("networks", "network", nameOrId);
  }

  /** The security group of that name or id. @throws VisaImageError where there is none, or several */
  securityGroup(nameOrId: string): Promise<Named> {
    return this.one("security-groups", "security group", nameOrId);
  }

  /** Makes a security group that lets everything out and nothing in, and returns its id. */
  async createSecurityGroup(name: string, description: string): Promise<string> {
    const body = { security_group: { name, description } };
    const made = await this.service.post("/v2.0/security-groups", body, `make the security group "${name}"`);
    return String(asRecord(made.security_group).id);
  }

  /** Lets a TCP port in. @param cidr whom @default - everybody */
  async openPort(groupId: string, port: number, cidr?: string): Promise<void> {
    const rule = {
      ...{ security_group_id: groupId, direction: "ingress", ethertype: cidr?.includes(":") ? "IPv6" : "IPv4" },
      ...{ protocol: "tcp", port_range_min: port, port_range_max: port, ...(cidr && { remote_ip_prefix: cidr }) },
    };
    const body = { security_group_rule: rule };
    await this.service.post("/v2.0/security-group-rules", body, `open port ${port} in the security group`);
  }

  /** Ids of the security groups of a name that the user may see. */
  async securityGroupsNamed(name: string): Promise<string[]> {
    return (await this.list("security-groups", { name })).map(({ id }) => id);
  }

  /** @throws Refusal with 409 where a port still uses it */
  async deleteSecurityGroup(id: string): Promise<void> {
    await this.service.delete(`/v2.0/security-groups/${id}`, `delete the security group "${id}"`);
  }

  /** Ids of a server's ports. */
  async portsOf(serverId: string): Promise<string[]> {
    return (await this.list("ports", { device_id: serverId })).map(({ id }) => id);
  }

  /** Takes a floating address of an external network, for a port. */
  async createFloatingIp(networkId: string, portId: string, description: string): Promise<FloatingIp> {
    const body = { floatingip: { floating_network_id: networkId, port_id: portId, description } };
    const made = await this.service.post("/v2.0/floatingips", body, "take a floating address", (_, words) =>
      /not reachable from subnet|external network/i.test(words)
        ? "the instance's network needs a router that leads to the pool's network"
        : undefined,
    );
    const { id, floating_ip_address: address } = asRecord(made.floatingip);
    return { id: String(id), address: String(address) };
  }

  /** Ids of the floating addresses of a description. */
  async floatingIpsDescribed(description: string): Promise<string[]> {
    return (await this.list("floatingips", { description })).map(({ id }) => id);
  }

  async deleteFloatingIp(id: string): Promise<void> {
    await this.service.delete(`/v2.0/floatingips/${id}`, `give the floating address "${id}" back`);
  }

  private async one(path: string, what: string, nameOrId: string): Promise<Named> {
    const named = await this.list(path, { name: nameOrId });
    const found = named.length > 0 ? named : await this.list(path, { id: nameOrId });
    const [first, second] = found;
    if (first && !second) return first;
    if (first) {
      const ids = found.map(({ id }) => id).join(", ");
      throw usageError(`there are ${found.length} of the ${what} "${nameOrId}"`, undefined, `give an id: ${ids}`);
    }
    const command = `openstack ${what} list`;
    throw new VisaImageError(`Neutron shows no ${what} "${nameOrId}"`, { fix: `name one of this project: ${command}` });
  }

  private async list(path: string, query: Readonly<Record<string, string>>): Promise<Named[]> {
    const key = path.replaceAll("-", "_");
    const answer = await this.service.read(`/v2.0/${path}?${new URLSearchParams(query)}`, `list the ${path}`);
    const all = answer[key];
    return (Array.isArray(all) ? all : [])
      .map(asRecord)
      .map((each) => ({ id: String(each.id), name: asString(each.name) ?? "" }));
  }
}
