/** How the full cloud's Neutron and its agents are configured. Why each unusual value is there stands beside it. */
import { FULL_HOME, type FullCloudSettings, serviceUser } from "../settings";
import { databaseUrl } from "./database";
import { messagesUrl } from "./messages";
import { lines } from "./placement";

/** The physical network, as Neutron calls it: it leads out of the cloud's own networks. */
export const PHYSICAL_NETWORK = "outside";
/** The interface that leads there: full/first-process makes it. */
const INTERFACE = "physical";
/** Address of its other end. */
const GATEWAY = "203.0.113.1";

/** The configuration file of the server and of all agents. */
export function neutronConfiguration(settings: FullCloudSettings): string {
  return `[DEFAULT]
use_stderr = true
host = embedded
bind_host = 127.0.0.1
bind_port = ${settings.full.ports.neutron}
api_workers = 1
rpc_workers = 1
core_plugin = ml2
service_plugins = router
state_path = /var/lib/neutron
api_paste_config = /usr/share/neutron-common/api-paste.ini
transport_url = ${messagesUrl(settings)}
# On a busy machine an answer takes more than the default of a minute, and so does the next sign of life: no port is bound
# on a host whose agent is taken for dead.
rpc_response_timeout = 300
agent_down_time = 300
# Nova hears of a port at once, not every 2 s.
send_events_interval = 0
interface_driver = linuxbridge

[experimental]
linuxbridge = true

[agent]
# They are root already: a filter in Python before each of their commands only takes time.
root_helper = sudo

[database]
connection = ${databaseUrl(settings, "neutron")}

[keystone_authtoken]
www_authenticate_uri = ${serviceUser(settings, "neutron").auth_url}
${lines(serviceUser(settings, "neutron"))}
service_token_roles_required = true

[nova]
${lines(serviceUser(settings, "nova"))}

[oslo_policy]
policy_file = ${FULL_HOME}/policy.yaml
policy_dirs = ${FULL_HOME}/policy.d

[oslo_concurrency]
lock_path = ${FULL_HOME}/tmp

# The ML2 plugin
[ml2]
type_drivers = flat,vxlan
tenant_network_types = vxlan
mechanism_drivers = linuxbridge
extension_drivers = port_security

[ml2_type_flat]
flat_networks = ${PHYSICAL_NETWORK}

[ml2_type_vxlan]
vni_ranges = 1:100

# The Linux bridge agent
[linux_bridge]
# Not bridge_mappings: guests and DHCP would be on different bridges.
physical_interface_mappings = ${PHYSICAL_NETWORK}:${INTERFACE}

[vxlan]
enable_vxlan = true
local_ip = ${GATEWAY}

[securitygroup]
firewall_driver = iptables
`;
}

/** What the DHCP agent has besides. */
export const DHCP_CONFIGURATION = `[DEFAULT]
# Also where a router could serve metadata: an instance that comes before the router asks the DHCP server's address.
enable_isolated_metadata = true
force_metadata = true
`;

/** What the metadata agent has besides. */
export function metadataConfiguration({ full }: FullCloudSettings): string {
  return `[DEFAULT]
nova_metadata_host = 127.0.0.1
metadata_proxy_shared_secret = ${full.servicePassword}
metadata_workers = 1
`;
}

/** The external network, and its subnet: shared, so that an instance can be in it without a router. */
export const EXTERNAL_NETWORK = {
  name: "external",
  shared: true,
  "router:external": true,
  "provider:network_type": "flat",
  "provider:physical_network": PHYSICAL_NETWORK,
};
export const EXTERNAL_SUBNET = {
  name: "external",
  ip_version: 4,
  cidr: "203.0.113.0/24",
  gateway_ip: GATEWAY,
  allocation_pools: [{ start: "203.0.113.10", end: "203.0.113.250" }],
  dns_nameservers: [],
};
