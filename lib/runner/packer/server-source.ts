/**
 * A layer's machine for Packer's OpenStack builder: a server that Nova starts of the parent's image, and makes an image of
 * when all steps are done. Credentials are in no configuration: Packer takes them from its environment.
 */
import { MARK_PROPERTY } from "../cloud/build-mark";

/** The server that Packer asks for. */
export interface ServerSource {
  /** Its name, and that of the image that is made of it. */
  readonly name: string;
  /** Whose it is, as text. */
  readonly mark: string;
  /** Id of the parent's image. */
  readonly image: string;
  /** Ids, but for groups, which may be names. */
  readonly flavor: string;
  readonly network: string;
  readonly securityGroups: readonly string[];
  readonly floatingIp?: string;
  readonly availabilityZone?: string;
  /** Which of a service's addresses are used: `public`, `internal` or `admin`. */
  readonly endpointType: string;
  /** Whether any certificate is taken. @default false */
  readonly insecure?: boolean;
}

/** What a layer's QEMU source says about the way in, which is the same here. */
const KEPT = /^(communicator|ssh_(?!host$)\w+|pause_before_connecting)$/;

/** The source of a rendered layer's server. @param qemu the layer's own source */
export function serverSource(qemu: Readonly<Record<string, unknown>>, server: ServerSource): Record<string, unknown> {
  const { name, mark, image, flavor, network, securityGroups, floatingIp, availabilityZone } = server;
  return {
    ...Object.fromEntries(Object.entries(qemu).filter(([key]) => KEPT.test(key))),
    flavor,
    source_image: image,
    image_name: name,
    instance_name: name,
    // Of the image, and of the server.
    metadata: { [MARK_PROPERTY]: mark },
    instance_metadata: { [MARK_PROPERTY]: mark },
    networks: [network],
    security_groups: securityGroups,
    ...(floatingIp && { floating_ip: floatingIp }),
    ...(availabilityZone && { availability_zone: availabilityZone }),
    endpoint_type: server.endpointType,
    ...(server.insecure && { insecure: true }),
    // Where a cloud has no metadata service it is the only way; elsewhere it is the one that is there at once.
    config_drive: true,
    user_data_file: "seed/openstack/latest/user_data",
  };
}

/** Settings of a template's machine that a cloud's server has not, in the template's words. */
export function beyondServer(configuration: Readonly<Record<string, unknown>>): string[] {
  const { qemu } = (configuration.source ?? {}) as { qemu?: Record<string, Readonly<Record<string, unknown>>> };
  return Object.values(qemu ?? {}).flatMap((source) =>
    ["boot_command", "http_directory", "floppy_files", "floppy_dirs"].filter((key) => {
      const value = source[key];
      return Array.isArray(value) ? value.length > 0 : value !== undefined;
    }),
  );
}
