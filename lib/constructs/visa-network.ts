import { NetworkingNetworkV2 } from "@cdktf/provider-openstack/lib/networking-network-v2";
import { NetworkingRouterInterfaceV2 } from "@cdktf/provider-openstack/lib/networking-router-interface-v2";
import { NetworkingRouterV2 } from "@cdktf/provider-openstack/lib/networking-router-v2";
import { NetworkingSecgroupRuleV2 } from "@cdktf/provider-openstack/lib/networking-secgroup-rule-v2";
import { NetworkingSecgroupV2 } from "@cdktf/provider-openstack/lib/networking-secgroup-v2";
import { NetworkingSubnetV2 } from "@cdktf/provider-openstack/lib/networking-subnet-v2";
import {
  conditional,
  Fn,
  type ListTerraformIterator,
  Op,
  TerraformIterator,
  type TerraformProvider,
  type TerraformResourceLifecycle,
  Token,
} from "cdktf";
import { Construct } from "constructs";
import { VisaImageError } from "../errors";
import { isToken } from "./text";

/** Properties of a {@link VisaNetwork}. */
export interface VisaNetworkProps {
  /** @default - the construct's id */
  readonly networkName?: string;
  /**
   * The subnet's addresses.
   * @default "10.42.0.0/24"
   */
  readonly cidr?: string;
  /**
   * The subnet's name servers.
   * @default - the cloud's
   */
  readonly nameServers?: readonly string[];
  /**
   * Id of an external network to route to.
   * @default - no router
   */
  readonly externalNetworkId?: string;
  /** @default - the stack's OpenStack provider */
  readonly provider?: TerraformProvider;
}

/** A network for instances, with a subnet, and a router where there is something to route to. */
export class VisaNetwork extends Construct {
  readonly network: NetworkingNetworkV2;
  readonly subnet: NetworkingSubnetV2;

  constructor(scope: Construct, id: string, props: VisaNetworkProps = {}) {
    super(scope, id);
    const { provider } = props;
    const name = props.networkName ?? id;
    this.network = new NetworkingNetworkV2(this, "Resource", { name, provider });
    this.subnet = new NetworkingSubnetV2(this, "Subnet", {
      name,
      networkId: this.network.id,
      cidr: props.cidr ?? "10.42.0.0/24",
      dnsNameservers: props.nameServers && [...props.nameServers],
      provider,
    });
    if (props.externalNetworkId) {
      const { externalNetworkId } = props;
      const router = new NetworkingRouterV2(this, "Router", { name, externalNetworkId, provider });
      new NetworkingRouterInterfaceV2(this, "Interface", { routerId: router.id, subnetId: this.subnet.id, provider });
    }
  }

  /**
   * The network's id, known only once its subnet exists: an instance that comes earlier gets no address.
   */
  get networkId(): string {
    return this.subnet.networkId;
  }
}

/** Properties of a {@link VisaSecurityGroup}. */
export interface VisaSecurityGroupProps {
  /** @default - the construct's id */
  readonly groupName?: string;
  /** Addresses of VISA's servers, as CIDR: they reach the remote desktop (RDP 3389, guacd 4822). */
  readonly visaCidrs: readonly string[];
  /**
   * Addresses of VISA's Jupyter proxy, as CIDR: they reach JupyterLab (8888), which asks for no password, and so must be
   * reached by nobody else.
   * @default - nobody
   */
  readonly jupyterProxyCidrs?: readonly string[];
  /**
   * Addresses that reach ssh (22) and may ping, as CIDR.
   * @default - nobody
   */
  readonly administratorCidrs?: readonly string[];
  /** @default - the stack's OpenStack provider */
  readonly provider?: TerraformProvider;
}

/** VISA's ports, open to those who need them. */
export class VisaSecurityGroup extends Construct {
  readonly group: NetworkingSecgroupV2;

  /** @throws VisaImageError where the whole world would reach JupyterLab */
  constructor(scope: Construct, id: string, props: VisaSecurityGroupProps) {
    super(scope, id);
    const { provider, visaCidrs, jupyterProxyCidrs = [], administratorCidrs = [] } = props;
    this.group = new NetworkingSecgroupV2(this, "Resource", {
      name: props.groupName ?? id,
      description: "Ports of VISA's remote desktop and JupyterLab",
      provider,
    });
    if (!isToken(jupyterProxyCidrs)) for (const cidr of jupyterProxyCidrs) refuseEverybody(cidr);
    const rules: [string, string, number | undefined, readonly string[]][] = [
      ["rdp", "tcp", 3389, visaCidrs],
      ["guacd", "tcp", 4822, visaCidrs],
      ["jupyter", "tcp", 8888, jupyterProxyCidrs],
      ["ssh", "tcp", 22, administratorCidrs],
      ["icmp", "icmp", undefined, administratorCidrs],
    ];
    for (const [name, protocol, port, cidrs] of rules) {
      const rule = (id: string, cidr: string, forEach?: ListTerraformIterator) =>
        new NetworkingSecgroupRuleV2(this, id, {
          direction: "ingress",
          ethertype: byVersion(cidr, "IPv6", "IPv4"),
          protocol: protocol === "icmp" ? byVersion(cidr, "ipv6-icmp", protocol) : protocol,
          portRangeMin: port,
          portRangeMax: port,
          remoteIpPrefix: cidr,
          securityGroupId: this.group.id,
          provider,
          forEach,
          lifecycle: name === "jupyter" && isToken(cidr) ? refuseEverybodyLater(cidr) : undefined,
        });
      if (isToken(cidrs)) {
        const each = TerraformIterator.fromList([...cidrs]);
        rule(name, each.value, each);
      } else {
        for (const [index, cidr] of cidrs.entries()) rule(`${name}_${index + 1}`, cidr);
      }
    }
  }

  /** The group's name, as an instance takes it. */
  get groupName(): string {
    return this.group.name;
  }
}

function byVersion(cidr: string, version6: string, version4: string): string {
  if (!isToken(cidr)) return cidr.includes(":") ? version6 : version4;
  return Token.asString(conditional(Fn.strcontains(cidr, ":"), version6, version4));
}

const EVERYBODY_FIX = "name the addresses of VISA's Jupyter proxy alone";

function refuseEverybody(cidr: string): void {
  if (isToken(cidr) || !cidr.endsWith("/0")) return;
  throw new VisaImageError(`"${cidr}" lets everybody reach JupyterLab, which asks for no password`, {
    fix: EVERYBODY_FIX,
  });
}

/** The same for what only Terraform knows. */
function refuseEverybodyLater(cidr: string): TerraformResourceLifecycle {
  return {
    precondition: [
      {
        condition: Op.not(Fn.endswith(cidr, "/0")),
        errorMessage: `this lets everybody reach JupyterLab, which asks for no password: ${EVERYBODY_FIX}.`,
      },
    ],
  };
}
