/** What an embedded cloud is made of. */

/** The only region, and the name under which clouds.yaml knows the cloud. */
export const REGION = "RegionOne";
export const CLOUD_NAME = "embedded";
/** The same cloud, as an ordinary user: in the full size alone. */
export const MEMBER_CLOUD_NAME = "embedded-member";
/** Name of the ordinary user, and of its project. */
export const MEMBER = "member";

/** The services of the small size, in the order in which they are started. */
export const SMALL_SERVICES = ["keystone", "glance"] as const;
/** APIs that the full size has besides. */
const FULL_APIS = ["placement", "nova", "neutron"] as const;
export type SmallApi = (typeof SMALL_SERVICES)[number];
type FullApi = (typeof FULL_APIS)[number];
export type Api = SmallApi | FullApi;

/** What the settings of a full one have besides. */
export interface FullSettings {
  readonly ports: Readonly<Record<FullApi, number>>;
  /** Of the users `placement`, `nova` and `neutron`, of the database and of the message queue; signs metadata's requests. */
  readonly servicePassword: string;
  /** Password of the ordinary user. */
  readonly memberPassword: string;
}

/** What an embedded cloud is made of; kept in its `state.json`, readable by its owner only. */
export interface CloudSettings {
  /** Absolute folder that holds all of it. */
  readonly folder: string;
  readonly ports: Readonly<Record<SmallApi, number>>;
  /** Password of `admin`, made at the first start. */
  readonly adminPassword: string;
  /** Password of the user `glance`, by which Glance checks tokens. */
  readonly glancePassword: string;
  /** @default - a small one */
  readonly full?: FullSettings;
}

/** Settings of a full one. */
export type FullCloudSettings = CloudSettings & { readonly full: FullSettings };

/** Where a full one's folder is in its own namespaces: a short path without spaces, fit for a socket's address. */
export const FULL_HOME = "/run/cloud";

/** How a service of a full one logs in at Keystone: options of a section of its configuration. */
export function serviceUser(settings: FullCloudSettings, username: FullApi): Record<string, string> {
  return {
    auth_url: endpoints(settings).keystone,
    auth_type: "password",
    username,
    password: settings.full.servicePassword,
    project_name: "service",
    user_domain_name: "Default",
    project_domain_name: "Default",
    region_name: REGION,
  };
}

/** URLs as the catalog lists them: those of Keystone and Glance, and of the other APIs where it is a full one. */
export function endpoints(settings: Pick<CloudSettings, "ports">): Record<SmallApi, string> {
  return {
    keystone: `http://127.0.0.1:${settings.ports.keystone}/v3`,
    glance: `http://127.0.0.1:${settings.ports.glance}`,
  };
}

/** URLs of the APIs that only a full one has. */
export function fullEndpoints({ full }: { readonly full: Pick<FullSettings, "ports"> }): Record<FullApi, string> {
  return {
    placement: `http://127.0.0.1:${full.ports.placement}`,
    nova: `http://127.0.0.1:${full.ports.nova}/v2.1`,
    neutron: `http://127.0.0.1:${full.ports.neutron}`,
  };
}
