import { VisaImageError } from "../../errors";
import { short } from "../../fingerprint/digest";
import type { ArtifactManifest, Cache } from "./cache";

/**
 * An artifact's manifest and those of the layers that it stands on, itself first, as far as the cache has them whole.
 *
 * @param fingerprint nothing is asked for nothing
 * @throws VisaImageError where they stand on one another in a circle: somebody edited them
 */
export async function chainOf(cache: Cache, fingerprint: string | undefined): Promise<ArtifactManifest[]> {
  const chain: ArtifactManifest[] = [];
  for (let next = fingerprint; next !== undefined; ) {
    const manifest: Awaited<ReturnType<Cache["manifest"]>> = await cache.manifest(next);
    if (typeof manifest !== "object") break;
    chain.push(manifest);
    next = manifest.parent?.fingerprint;
    if (!chain.some((each) => each.fingerprint === next)) continue;
    const circle = [...chain.map((each) => short(each.fingerprint)), short(next ?? "")].join(", on ");
    throw new VisaImageError(`the manifests of the cache "${cache.root}" stand on one another in a circle: ${circle}`, {
      fix: "they were edited: visa-image cache clear, and build again",
    });
  }
  return chain;
}
