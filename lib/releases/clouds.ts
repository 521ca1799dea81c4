/** The clouds that a lock's images are in. */
import { Glance } from "../cloud/glance";
import { credentialsFrom } from "../cloud/keystone";
import type { Environment } from "../cloud/proxy";
import type { LockedCloud, ReleaseLock } from "./release-lock";

/** Signs in to the cloud of each image, once to each. */
export class Clouds {
  private readonly connections = new Map<string, Promise<Glance>>();

  /** @param environment where an image's cloud is not in the lock, and credentials in any case */
  constructor(
    private readonly lock: Pick<ReleaseLock, "clouds">,
    private readonly environment: Environment = process.env,
  ) {}

  /** Glance of the cloud that has an image; without one, that of the environment. */
  of(image?: string): Promise<Glance> {
    const { cloud, region } = this.whereOf(image);
    const key = this.keyOf(image);
    const present = this.connections.get(key);
    if (present) return present;
    const own = { ...(cloud && { OS_CLOUD: cloud }), ...(region && { OS_REGION_NAME: region }) };
    const connection = Glance.connect(credentialsFrom({ ...this.environment, ...own }));
    this.connections.set(key, connection);
    return connection;
  }

  /** The same for images of the same cloud. */
  keyOf(image?: string): string {
    const { cloud, region } = this.whereOf(image);
    return JSON.stringify([cloud, region]);
  }

  private whereOf(image: string | undefined): LockedCloud {
    return (image !== undefined && this.lock.clouds?.[image]) || {};
  }
}
