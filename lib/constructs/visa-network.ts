import { DataOpenstackNetworkingNetworkV2 } from "@cdktf/provider-openstack/lib/data-openstack-networking-network-v2";
import { NetworkingNetworkV2 } from "@cdktf/provider-openstack/lib/networking-network-v2";
import { NetworkingRouterInterfaceV2 } from "@cdktf/provider-openstack/lib/networking-router-interface-v2";
import { NetworkingRouterV2 } from "@cdktf/provider-openstack/lib/networking-router-v2";
import { NetworkingSecgroupRuleV2 } from "@cdktf/provider-openstack/lib/networking-secgroup-rule-v2";
import { NetworkingSecgroupV2 } from "@cdktf/provider-openstack/lib/networking-secgroup-v2";
import { NetworkingSubnetV2 } from "@cdktf/provider-openstack/lib/networking-subnet-v2";
import { Construct } from "constructs";
import {
  Annotations,
  conditional,
  Fn,
  type ListTerraformIterator,
  Op,
  TerraformIterator,
  type TerraformProvider,
  type TerraformResourceLifecycle,
  Token,
} from "#cdktf";
import { VisaImageError } from "../errors";
import { type ProtocolRange, portsOf, type VisaProtocol } from "../visa-protocols";
import { claimOwnAddress } from "./claims";
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

/** Options of {@link VisaNetwork.fromNetworkName}. */
export interface NamedNetworkOptions {
  /** The network's name in Neutron. */
  readonly networkName: string;
  /** @default - the stack's OpenStack provider */
  readonly provider?: TerraformProvider;
}

/** A network that instances can be in. */
export interface IVisaNetwork {
  /** The network's id in Neutron. */
  readonly networkId: string;
}

/** A network for instances, with a subnet, and a router where there is something to route to. */
export class VisaNetwork extends Construct implements IVisaNetwork {
  readonly network: NetworkingNetworkV2;
  readonly subnet: NetworkingSubnetV2;
  private readonly routerInterface?: NetworkingRouterInterfaceV2;

  /** A network that is there, looked up by every plan. */
  static fromNetworkName(scope: Construct, id: string, options: NamedNetworkOptions): IVisaNetwork {
    const { networkName, provider } = options;
    const network = new DataOpenstackNetworkingNetworkV2(scope, id, { name: networkName, provider });
    claimOwnAddress(network);
    return { networkId: network.id };
  }

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
      const wiring = { routerId: router.id, subnetId: this.subnet.id, provider };
      this.routerInterface = new NetworkingRouterInterfaceV2(this, "Interface", wiring);
    }
  }

  /**
   * The network's id, known only once its subnet exists, and its router where it has one: an instance that comes earlier gets
   * no address, and a floating one leads nowhere (Neutron refuses it). They go in the opposite order.
   */
  get networkId(): string {
    const { subnet, routerInterface } = this;
    if (!routerInterface) return subnet.networkId;
    return Token.asString(Fn.element([subnet.networkId, routerInterface.id], 0));
  }
}

/** Properties of a {@link VisaSecurityGroup}. */
export interface VisaSecurityGroupProps {
  /** @default - the construct's id */
  readonly groupName?: string;
  /**
   * Addresses of VISA's API server, as CIDR. It connects to the port of every protocol of an image, once a minute: what it
   * does not reach stays PARTIALLY_ACTIVE, and Jupyter's button is shown only where 8888 answered it.
   * @default - those of `visaCidrs`
   */
  readonly apiServerCidrs?: readonly string[];
  /**
   * Addresses of VISA's Jupyter proxy, as CIDR: they reach what it forwards browsers to (JupyterLab 8888, and where they are
   * among the protocols VISA_FS 8090 and VISA_PRINT 8091). JupyterLab asks for no password.
   * @default - nobody besides the API server
   */
  readonly jupyterProxyCidrs?: readonly string[];
  /**
   * What VISA reaches, by its names: the protocols of the image's entry (`registration.protocols`).
   * @default - GUACD, RDP and JUPYTER
   */
  readonly protocols?: readonly VisaProtocol[];
  /**
   * Addresses of VISA's servers.
   * @deprecated apiServerCidrs, which says whose addresses they are
   */
  readonly visaCidrs?: readonly string[];
  /**
   * Addresses that reach ssh (22) and may ping, as CIDR.
   * @default - nobody
   */
  readonly administratorCidrs?: readonly string[];
  /** @default - the stack's OpenStack provider */
  readonly provider?: TerraformProvider;
}

/** Names of rules, which are part of their addresses. */
const RULE_NAMES: Readonly<Record<VisaProtocol, string>> = {
  RDP: "rdp",
  GUACD: "guacd",
  JUPYTER: "jupyter",
  WEBX: "webx",
  VISA_FS: "visa_fs",
  VISA_PRINT: "visa_print",
};

const SSH_PORT = 22;

/**
 * VISA's ports, open to those who need them: every protocol's to VISA's API server, JupyterLab and what else the Jupyter
 * proxy forwards to that too.
 */
export class VisaSecurityGroup extends Construct {
  readonly group: NetworkingSecgroupV2;

  /** @throws VisaImageError where the whole world would reach JupyterLab, and where nobody reaches anything */
  constructor(scope: Construct, id: string, props: VisaSecurityGroupProps) {
    super(scope, id);
    const { provider, jupyterProxyCidrs = [], administratorCidrs = [] } = props;
    const { protocols = ["RDP", "GUACD", "JUPYTER"] } = props;
    const apiServerCidrs = this.apiServerCidrs(props);
    this.group = new NetworkingSecgroupV2(this, "Resource", {
      name: props.groupName ?? id,
      description: "Ports of VISA's remote desktop and JupyterLab",
      provider,
    });
    const ofProxy = (cidr: string) => !isToken(jupyterProxyCidrs) && jupyterProxyCidrs.includes(cidr);
    const rules: [string, string, ProtocolRange | undefined, readonly string[]][] = [];
    for (const range of portsOf(protocols)) {
      const name = RULE_NAMES[range.protocol];
      if (!range.proxied) {
        rules.push([name, "tcp", range, apiServerCidrs]);
        continue;
      }
      rules.push([name, "tcp", range, jupyterProxyCidrs]);
      // Neutron takes no rule twice.
      const others = isToken(apiServerCidrs) ? apiServerCidrs : apiServerCidrs.filter((cidr) => !ofProxy(cidr));
      rules.push([`${name}_api`, "tcp", range, others]);
    }
    rules.push(["ssh", "tcp", undefined, administratorCidrs], ["icmp", "icmp", undefined, administratorCidrs]);
    for (const [, , range, cidrs] of rules) {
      if (range?.protocol === "JUPYTER" && !isToken(cidrs)) for (const cidr of cidrs) refuseEverybody(cidr);
    }
    for (const [name, protocol, range, cidrs] of rules) {
      const ssh = name === "ssh" ? SSH_PORT : undefined;
      const rule = (id: string, cidr: string, forEach?: ListTerraformIterator) =>
        new NetworkingSecgroupRuleV2(this, id, {
          direction: "ingress",
          ethertype: byVersion(cidr, "IPv6", "IPv4"),
          protocol: protocol === "icmp" ? byVersion(cidr, "ipv6-icmp", protocol) : protocol,
          portRangeMin: range?.first ?? ssh,
          portRangeMax: range?.last ?? ssh,
          remoteIpPrefix: cidr,
          securityGroupId: this.group.id,
          provider,
          forEach,
          lifecycle: range?.protocol === "JUPYTER" && isToken(cidr) ? refuseEverybodyLater(cidr) : undefined,
        });
      if (isToken(cidrs)) {
        const each = TerraformIterator.fromList([...cidrs]);
        rule(name, each.value, each);
      } else {
        for (const [index, cidr] of cidrs.entries()) rule(`${name}_${index + 1}`, cidr);
      }
    }
  }

  private apiServerCidrs({ apiServerCidrs, visaCidrs }: VisaSecurityGroupProps): readonly string[] {
    if (apiServerCidrs !== undefined) return apiServerCidrs;
    if (visaCidrs === undefined) {
      throw new VisaImageError("nothing says where VISA's API server is: it could reach no instance", {
        fix: 'apiServerCidrs: ["192.0.2.10/32"], its address as instances see it',
      });
    }
    Annotations.of(this).addWarning(
      '"visaCidrs" is now "apiServerCidrs": the addresses of VISA\'s API server, which reaches JupyterLab too',
    );
    return visaCidrs;
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

const EVERYBODY_FIX = "name the addresses of VISA's API server and Jupyter proxy alone";

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
