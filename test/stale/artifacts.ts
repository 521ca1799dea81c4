/** Artifacts of a cache as far as `stale` looks at them: manifests and bills, no disks. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../lib/fingerprint/digest";
import type { Release } from "../../lib/releases/release-lock";
import { billOf } from "./mirror";

/** A fingerprint that begins with these digits. */
export const digits = (start: string) => start.padEnd(64, "0");

/** Writes an artifact. @param above what its bill says */
export function writeArtifact(
  cache: string,
  fingerprint: string,
  template: string,
  { packages, parent, base }: { packages?: Record<string, string>; parent?: string; base?: string },
): string {
  const folder = join(cache, "artifacts", fingerprint);
  const bill = packages && billOf(packages, template);
  mkdirSync(folder, { recursive: true });
  const manifest = {
    ...{ version: 1, fingerprint, template, inputs: base ? { base } : {}, disk: { bytes: 1, sha256: "0" } },
    ...(parent && { parent: { fingerprint: parent, diskSha256: "0" } }),
    ...(bill && { sbom: { sha256: sha256(bill), packages: 1 } }),
  };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  if (bill) writeFileSync(join(folder, "sbom.cdx.json"), bill);
  return folder;
}

/** A release of a fingerprint. */
export function releaseOf(fingerprint: string, template = "visa-apps"): Release {
  return {
    ...{ release: fingerprint.slice(0, 12), fingerprint, template, name: `VISA ${template}`, diskFormat: "raw" },
    ...{ imageId: "id", sha512: "0", sizeBytes: 1, registered: "2026-10-02T10:00:00Z" },
  };
}
