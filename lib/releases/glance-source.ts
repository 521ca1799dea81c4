/** Layers from Glance: images of this project that say which layer's disk they are. */

import { Glance, type GlanceImage } from "../cloud/glance";
import { credentialsFrom } from "../cloud/keystone";
import type { Environment } from "../cloud/proxy";
import { ExitCode, VisaImageError } from "../errors";
import { short } from "../fingerprint/digest";
import { layerImages } from "../runner/cloud/layer-images";
import type { LayerSource, SourceDisk } from "../runner/layer-source";
import { isSnapshot, PARENTS_PROPERTY, REVOKED_PROPERTY } from "./release";
import { type Release, readLock } from "./release-lock";
import { refuseRevoked } from "./revocation";

/** What the machine that built an image wrote onto it, and an artifact that is made of it keeps. */
const KEPT_PROPERTIES = ["visa_commit", "visa_manifest_sha256", "visa_sbom_sha256", PARENTS_PROPERTY] as const;

/**
 * Signs in to the cloud of the environment.
 *
 * Only the project's own images count: anybody may give an image of theirs a fingerprint and show it to all. Whoever may
 * register images in the project is trusted, as Terraform trusts them.
 *
 * @throws VisaImageError where the cloud cannot be reached, or the lock cannot be read
 */
export async function glanceSource(lockFile: string, environment: Environment = process.env): Promise<LayerSource> {
  const lock = readLock(lockFile);
  const releases = Object.values(lock.images).flat();
  const glance = await Glance.connect(credentialsFrom(environment));
  if (!glance.projectId) {
    throw new VisaImageError("the sign-in to the cloud is for no project, so it has no images of its own", {
      fix: "set OS_PROJECT_NAME and OS_PROJECT_DOMAIN_NAME",
    });
  }
  return {
    async find(fingerprint) {
      refuseRevoked(lock, { fingerprints: [fingerprint], what: `the layer ${short(fingerprint)}`, lockFile });
      const images = (await glance.images({ visa_fingerprint: fingerprint })).filter(
        (each) =>
          !isSnapshot(each) &&
          each.status === "active" &&
          each.owner === glance.projectId &&
          each.os_hash_algo === "sha512",
      );
      refuseMarked(images);
      const known = releases.filter((release) => release.fingerprint === fingerprint);
      const image = choose(images, known, lockFile);
      if (image || known.length > 0) return image && sourceDisk(glance, image);
      // None is registered; a cloud may have built it.
      const layer = (await layerImages(glance, fingerprint)).filter((each) => each.os_hash_algo === "sha512").at(-1);
      return layer && { ...sourceDisk(glance, layer), mostGb: Number(layer.min_disk ?? 0) };
    },
  };
}

/** Refuses a layer of which any image is marked as revoked, also by who has another lock. */
function refuseMarked(images: readonly GlanceImage[]): void {
  const marked = images.find((each) => each[REVOKED_PROPERTY] !== undefined);
  if (!marked) return;
  throw new VisaImageError(`the image "${marked.id}" was revoked: ${marked[REVOKED_PROPERTY]}`, {
    fix: "change the layer, or build it anew with another --cache-buster",
    exitCode: ExitCode.CHANGED,
  });
}

/** The one with least to download; where the lock knows the layer, one that is as the lock says. */
function choose(images: readonly GlanceImage[], known: readonly Release[], lockFile: string): GlanceImage | undefined {
  const disks = images.filter(({ disk_format: format }) => format === "raw" || format === "qcow2");
  const trusted = disks.filter(
    ({ os_hash_value: value }) => known.length === 0 || known.some(({ sha512 }) => sha512 === value),
  );
  const [smallest] = trusted.sort((a, b) => (a.size ?? 0) - (b.size ?? 0));
  if (smallest || disks.length === 0) return smallest;
  const ids = disks.map(({ id }) => `"${id}"`).join(", ");
  throw new VisaImageError(`the checksum of the image ${ids} in Glance is another one than the lock's`, {
    location: { file: lockFile },
    fix: "find out who replaced the image; npx visa-image lock sync --dry-run shows what differs",
  });
}

function sourceDisk(glance: Glance, image: GlanceImage): SourceDisk {
  const { id, name, os_hash_value: expected } = image;
  const properties = KEPT_PROPERTIES.flatMap((key) => (typeof image[key] === "string" ? [[key, image[key]]] : []));
  return {
    source: {
      glance: glance.endpoint,
      imageId: id,
      imageName: name,
      sha512: expected ?? "",
      properties: Object.fromEntries(properties),
    },
    format: image.disk_format === "raw" ? "raw" : "qcow2",
    bytes: image.size ?? 0,
    async download(file, onProgress) {
      const actual = await glance.download(id, file, onProgress);
      if (actual === expected) return;
      throw new VisaImageError(
        `what Glance sent of the image "${id}" has the SHA-512 ${actual}, not ${expected} as Glance says`,
        { fix: "look for what damages Glance's store or the network" },
      );
    },
  };
}
