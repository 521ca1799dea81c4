/** Which servers run on which release: what the lock, Glance, Nova and VISA say, put together. Pure. */
import type { GlanceImage } from "../cloud/glance";
import type { NovaServer, ServerList } from "../cloud/nova";
import type { NamedRelease } from "../releases/choose-artifact";
import { releaseFromImage } from "../releases/reconcile";
import { isSnapshot, RETIRED_PROPERTY, REVOKED_PROPERTY } from "../releases/release";
import type { Release, ReleaseLock } from "../releases/release-lock";

/** The format of `--json`. */
export const FLEET_VERSION = 1;

/** What becomes of a release; `not in the lock`: an image of this package that another checkout may have registered. */
export type ReleaseState = "in use" | "past" | "retired" | "revoked" | "not in the lock";

/** A server on a release. */
export interface FleetServer {
  readonly id: string;
  readonly name: string;
  /** Nova's word: ACTIVE, SHUTOFF, … */
  readonly status: string;
  /** RFC 3339, UTC. */
  readonly created: string;
  /** The project that it belongs to. */
  readonly projectId: string;
  /** Whether it was made from a snapshot of an instance, and not from the release's own image. @default false */
  readonly fromSnapshot?: true;
  /** When VISA ends it, as its owner sees it: ISO 8601; null where it has no end. @default - VISA does not know it, or was not asked */
  readonly ends?: string | null;
  /** Whose it is, as VISA says it. @default - VISA does not say it */
  readonly owner?: string;
}

/** A release, and what runs on it. */
export interface FleetRelease {
  /** 12 digits. */
  readonly release: string;
  readonly imageId: string;
  /** In Glance. */
  readonly name: string;
  readonly template: string;
  /** RFC 3339, UTC. */
  readonly registered: string;
  readonly state: ReleaseState;
  /** Of a revoked one the day and the reason, of a retired one the day. */
  readonly why?: string;
  /** Whether Glance shows it in listings. @default - its image is none of the project's */
  readonly shown?: boolean;
  readonly servers: readonly FleetServer[];
}

/** An image, and its releases in the order of their use. */
export interface FleetImage {
  /** `<stack>/<id>`. */
  readonly image: string;
  readonly releases: readonly FleetRelease[];
}

/** What one cloud was asked for. */
export interface FleetCloud {
  /** The entry of clouds.yaml, and the region, as far as the lock names them. */
  readonly cloud?: string;
  readonly region?: string;
  /** Whose servers Nova showed; `unknown`: it cannot be asked. */
  readonly servers: "all projects" | "own project" | "unknown";
  /** Why it cannot be asked. */
  readonly reason?: string;
}

/** What came of it all. */
export interface Fleet {
  readonly images: readonly FleetImage[];
  /** Servers of which Nova does not say what they were made from: they started from a volume. */
  readonly fromVolume: readonly Pick<FleetServer, "id" | "name" | "projectId">[];
  /** How many servers run on images that are none of this package's. */
  readonly otherImages: number;
  readonly clouds: readonly FleetCloud[];
  /** Whether VISA was asked for end dates and owners. @default - the environment names none */
  readonly visa?: { readonly asked: boolean; readonly reason?: string };
}

/** What one cloud says. */
export interface CloudAnswer extends Pick<FleetCloud, "cloud" | "region"> {
  /** The project's images. */
  readonly images: readonly GlanceImage[];
  readonly servers: ServerList;
}

/** What VISA says of an instance. */
export interface InstanceInVisa {
  /** The server's id in Nova. */
  readonly computeId: string;
  /** When it is ended: ISO 8601; null where it has no end. */
  readonly ends: string | null;
  readonly owner?: string;
}

/** What {@link makeFleet} puts together. */
export interface FleetSources {
  readonly lock: Pick<ReleaseLock, "images" | "revoked" | "retired">;
  /** The releases of the lock that are asked for. */
  readonly wanted: readonly NamedRelease[];
  /** Whether only they are: then images that the lock lacks are none of it. */
  readonly only: boolean;
  readonly clouds: readonly CloudAnswer[];
  readonly instances?: readonly InstanceInVisa[];
  readonly visa?: Fleet["visa"];
}

/** Puts it together. Each server is counted once: on a release, on another image, or as one of which nothing is known. */
export function makeFleet({ lock, wanted, only, clouds, instances = [], visa }: FleetSources): Fleet {
  const images = new Map(clouds.flatMap((cloud) => cloud.images.map((each) => [each.id, each] as const)));
  // Two entries of clouds.yaml may be one project.
  const servers = new Map(
    clouds
      .flatMap((cloud) => (cloud.servers.kind === "asked" ? cloud.servers.servers : []))
      .map((each) => [each.id, each]),
  );
  const inVisa = new Map(instances.map((each) => [each.computeId, each]));
  const locked = new Map(
    Object.entries(lock.images).flatMap(([image, all]) =>
      all.map((release) => [release.imageId, { image, release }] as const),
    ),
  );
  const others = [...images.values()].flatMap((each) =>
    locked.has(each.id) || isSnapshot(each) || typeof each.visa_image !== "string"
      ? []
      : [{ image: each.visa_image, release: releaseFromImage(each) }],
  );
  const lacking = new Set(others.map(({ release }) => release.imageId));
  const byRelease = new Map(
    [...others, ...locked.values()].map(({ image, release }) => [`${image} ${release.release}`, release.imageId]),
  );
  const onImage = new Map<string, FleetServer[]>();
  const fromVolume: Fleet["fromVolume"][number][] = [];
  let otherImages = 0;
  for (const server of servers.values()) {
    const { id, name, projectId, imageId } = server;
    if (imageId === undefined) {
      fromVolume.push({ id, name, projectId });
      continue;
    }
    const source = sourceOf(images.get(imageId), byRelease) ?? imageId;
    if (!locked.has(source) && !lacking.has(source)) otherImages += 1;
    const known = { ...describe(server, inVisa.get(id)), ...(source !== imageId && { fromSnapshot: true as const }) };
    onImage.set(source, [...(onImage.get(source) ?? []), known]);
  }
  const shown = only ? wanted : [...wanted, ...others];
  const keys = [...new Set(shown.map(({ image }) => image))].sort();
  const releasesOf = (key: string) =>
    shown.flatMap(({ image, release }) => {
      if (image !== key) return [];
      const inUse = lock.images[image]?.at(-1) === release;
      const state = lacking.has(release.imageId) ? "not in the lock" : inUse ? "in use" : "past";
      return [releaseWith(release, state, lock, images.get(release.imageId), onImage.get(release.imageId) ?? [])];
    });
  return {
    images: keys.map((image) => ({ image, releases: releasesOf(image) })),
    fromVolume,
    otherImages,
    clouds: clouds.map(({ cloud, region, servers: list }) => ({
      ...(cloud && { cloud }),
      ...(region && { region }),
      servers: list.kind === "unknown" ? "unknown" : list.allProjects ? "all projects" : "own project",
      ...(list.kind === "unknown" && { reason: list.reason }),
    })),
    ...(visa && { visa }),
  };
}

/** The release's image behind a snapshot, which says whose copy it is; undefined for any other image. */
function sourceOf(image: GlanceImage | undefined, byRelease: ReadonlyMap<string, string>): string | undefined {
  return image && isSnapshot(image) ? byRelease.get(`${image.visa_image} ${image.visa_release}`) : undefined;
}

function describe(server: NovaServer, instance: InstanceInVisa | undefined): FleetServer {
  const { id, name, status, created, projectId } = server;
  const seen = instance && { ends: instance.ends, ...(instance.owner && { owner: instance.owner }) };
  return { id, name, status, created, projectId, ...seen };
}

function releaseWith(
  release: Release,
  state: ReleaseState,
  lock: Pick<ReleaseLock, "revoked" | "retired">,
  image: GlanceImage | undefined,
  servers: readonly FleetServer[],
): FleetRelease {
  const { release: digits, imageId, name, template, registered, fingerprint } = release;
  const revocation = lock.revoked?.[fingerprint];
  const revoked = revocation
    ? `${revocation.date.slice(0, 10)} ${revocation.reason}`
    : textOf(image?.[REVOKED_PROPERTY]);
  const retired = (lock.retired?.[digits] ?? textOf(image?.[RETIRED_PROPERTY]))?.slice(0, 10);
  const why = revoked ?? retired;
  return {
    ...{ release: digits, imageId, name, template, registered },
    state: revoked ? "revoked" : retired ? "retired" : state,
    ...(why && { why }),
    ...(image && { shown: !image.os_hidden }),
    servers,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
