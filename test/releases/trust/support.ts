/** A release that was built and verified here, and registered in a cloud that a test has. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ArtifactManifest, Cache } from "../../../lib/runner/cache/cache";
import { scratchFolder } from "../../support/scratch";
import type { CloudStandIn, StandInImage } from "../cloud-stand-in";

export const BASE = "ba".repeat(32);
export const FINGERPRINT = "ab".repeat(32);
export const IMAGE = "5f0e9b7c-0000-4000-8000-000000000001";
export const digestOf = (algorithm: string, text: string | Buffer) => createHash(algorithm).update(text).digest("hex");

/** Keys as a person makes them: by openssl. */
export interface KeyPair {
  readonly secret: string;
  readonly public: string;
}

export function makeKeys(curve = "P-256"): KeyPair {
  const folder = scratchFolder();
  const keys = { secret: join(folder, "signing.pem"), public: join(folder, "signing.pub") };
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  openssl("genpkey", "-algorithm", "EC", "-pkeyopt", `ec_paramgen_curve:${curve}`, "-out", keys.secret);
  openssl("pkey", "-in", keys.secret, "-pubout", "-out", keys.public);
  return keys;
}

/** Publishes an artifact on a base, with the report of a gate that its disk passed. @returns the cache's folder */
export async function builtAndVerified(): Promise<string> {
  const cache = new Cache(scratchFolder());
  await cache.prepare();
  const publish = async (fingerprint: string, changes: Partial<ArtifactManifest>) => {
    const staging = join(cache.root, "staging");
    mkdirSync(staging);
    writeFileSync(join(staging, "disk.qcow2"), "disk");
    await cache.publish(staging, {
      ...{ version: 1, fingerprint, template: "visa-base", inputs: {}, packageVersion: "0.1.0" },
      ...{ tools: { packer: "1.6.6" }, createdAt: "2026-11-23T00:10:00.000Z", durationSeconds: 600 },
      disk: { bytes: 4, sha256: digestOf("sha256", fingerprint), modified: 0, virtualSizeGb: 1 },
      ...changes,
    });
  };
  await publish(BASE, {});
  await publish(FINGERPRINT, {
    template: "visa-apps",
    inputs: { "scripts/apps.sh": "77b2 0755" },
    git: { commit: "c0ffee", modified: true },
    parent: { fingerprint: BASE, diskSha256: digestOf("sha256", BASE) },
  });
  const report = join(cache.reports, `${FINGERPRINT.slice(0, 12)}-key-gate`);
  mkdirSync(report, { recursive: true });
  const passed = { fingerprint: FINGERPRINT, passed: true, sha512: digestOf("sha512", "disk") };
  writeFileSync(join(report, "report.json"), JSON.stringify(passed));
  return cache.root;
}

/** Puts its image into a cloud, as the provider uploads it. */
export function registered(cloud: CloudStandIn, changes: Partial<StandInImage> = {}): StandInImage {
  const image = {
    ...{ id: IMAGE, name: "VISA desktop", status: "active", disk_format: "raw", size: 4, protected: false },
    ...{ os_hidden: false, visibility: "private", os_hash_algo: "sha512", os_hash_value: digestOf("sha512", "disk") },
    ...{ created_at: "2026-11-23T01:00:00Z", visa_image: "images/visa-apps", visa_release: "0".repeat(12) },
    ...{ visa_fingerprint: FINGERPRINT, visa_template: "visa-apps", ...changes },
  };
  cloud.images.set(image.id, image);
  return image;
}
