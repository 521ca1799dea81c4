/** How the full cloud's Nova is configured. Why each unusual value is there stands beside it. */
import { endpoints, FULL_HOME, type FullCloudSettings, serviceUser } from "../settings";
import { databaseUrl } from "./database";
import { messagesUrl } from "./messages";
import { lines } from "./placement";

/** Its configuration file, for all of its services. */
export function novaConfiguration(settings: FullCloudSettings, accelerator: "kvm" | "tcg"): string {
  const { ports, servicePassword } = settings.full;
  return `[DEFAULT]
use_stderr = true
state_path = /var/lib/nova
lock_path = ${FULL_HOME}/tmp
my_ip = 127.0.0.1
host = embedded
enabled_apis = osapi_compute,metadata
osapi_compute_listen = 127.0.0.1
osapi_compute_listen_port = ${ports.nova}
osapi_compute_workers = 1
metadata_listen = 127.0.0.1
metadata_workers = 1
compute_driver = libvirt.LibvirtDriver
transport_url = ${messagesUrl(settings)}
# On a busy machine an answer takes more than the default of a minute, and so does the next sign of life.
rpc_response_timeout = 300
service_down_time = 300
# A copy-on-write disk on a raw base is what most clouds have.
force_raw_images = true
mkisofs_cmd = genisoimage
# After a stop of the cloud no domain runs: those that ran are started again.
resume_guests_state_on_host_boot = true
reserved_host_memory_mb = 0
# A small machine has to hold a few guests, which wait most of the time.
cpu_allocation_ratio = 16.0
ram_allocation_ratio = 1.5

[api]
auth_strategy = keystone

[wsgi]
api_paste_config = /usr/share/nova-common/api-paste.ini

[database]
connection = ${databaseUrl(settings, "nova")}

[api_database]
connection = ${databaseUrl(settings, "nova_api")}

[conductor]
workers = 1

[scheduler]
workers = 1
# The host has to be found without a command that somebody runs.
discover_hosts_in_cells_interval = 5

[keystone_authtoken]
www_authenticate_uri = ${serviceUser(settings, "nova").auth_url}
${lines(serviceUser(settings, "nova"))}
service_token_roles_required = true

[glance]
endpoint_override = ${endpoints(settings).glance}

[placement]
${lines(serviceUser(settings, "nova"))}

[neutron]
${lines(serviceUser(settings, "nova"))}
service_metadata_proxy = true
metadata_proxy_shared_secret = ${servicePassword}

[workarounds]
# It is root already: a filter in Python before each of its helpers only takes time.
disable_rootwrap = true

[libvirt]
virt_type = ${accelerator === "kvm" ? "kvm" : "qemu"}
cpu_mode = ${accelerator === "kvm" ? "host-passthrough" : "none"}
# Nothing is written into a guest's disk.
inject_partition = -2

[vnc]
enabled = false

[spice]
enabled = false

[oslo_policy]
enforce_scope = false
policy_file = ${FULL_HOME}/policy.yaml
policy_dirs = ${FULL_HOME}/policy.d

[oslo_concurrency]
lock_path = ${FULL_HOME}/tmp
`;
}
