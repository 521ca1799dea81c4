import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeProvenance, provenanceProperties, readProvenance } from "../../lib/releases/provenance";
import { type ArtifactManifest, Cache } from "../../lib/runner/cache/cache";
import type { VerifyReport } from "../../lib/verify/verify-report";
import { scratchFolder } from "../support/scratch";

const FINGERPRINT = "ab".repeat(32);
const SBOM = '{"bomFormat":"CycloneDX"}\n';
const sha256 = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");
let cache: Cache;

beforeEach(async () => {
  cache = new Cache(scratchFolder());
  await cache.prepare();
});

async function publish(changes: Partial<ArtifactManifest> = {}): Promise<void> {
  const staging = join(cache.root, "staging");
  mkdirSync(staging);
  writeFileSync(join(staging, "disk.qcow2"), "disk");
  writeFileSync(join(staging, "sbom.cdx.json"), SBOM);
  await cache.publish(staging, {
    ...{ version: 1, fingerprint: FINGERPRINT, template: "visa-apps", inputs: {}, tools: {}, packageVersion: "0" },
    disk: { bytes: 4, sha256: sha256("disk"), modified: 0, virtualSizeGb: 1 },
    ...{ createdAt: "2026-11-23T00:00:00.000Z", durationSeconds: 1 },
    git: { commit: "c0ffee", modified: false },
    sbom: { sha256: sha256(SBOM), packages: 700 },
    ...changes,
  });
}

/** A report beside others, as `visa-image verify` leaves it. */
function report(name: string, changes: Partial<VerifyReport> = {}): string {
  const folder = join(cache.root, "reports", `${FINGERPRINT.slice(0, 12)}-${name}`);
  mkdirSync(folder, { recursive: true });
  const text = JSON.stringify({
    ...{ version: 2, fingerprint: FINGERPRINT, digest: "flat", passed: true, startedAt: "2026-11-23T01:00:00Z" },
    findings: [{ verdict: "pass" }, { verdict: "not applicable" }],
    ...changes,
  });
  writeFileSync(join(folder, "report.json"), text);
  writeFileSync(`${cache.flat(FINGERPRINT, "raw")}.json`, JSON.stringify({ digest: "flat" }));
  return sha256(text);
}

test("is digests of manifest, bill of materials and report, and the commit", async () => {
  await publish();
  const digest = report("key-gate");
  const provenance = await readProvenance(cache, FINGERPRINT);
  expect(provenance && provenanceProperties(provenance)).toEqual({
    visa_manifest_sha256: sha256(readFileSync(join(cache.folder(FINGERPRINT), "manifest.json"))),
    visa_commit: "c0ffee",
    visa_sbom_sha256: sha256(SBOM),
    visa_report_sha256: digest,
  });
});

test("is what its image said, where it came from Glance: another machine built it", async () => {
  const properties = { visa_commit: "d00d", visa_manifest_sha256: "of the machine that built it" };
  const source = { glance: "http://g", imageId: "id", imageName: "VISA", sha512: "5a12", properties };
  await publish({ git: undefined, sbom: undefined, source });
  const digest = report("key-gate");
  const provenance = await readProvenance(cache, FINGERPRINT);
  expect(provenance && provenanceProperties(provenance)).toEqual({ ...properties, visa_report_sha256: digest });
  const text = (provenance ? describeProvenance(provenance) : []).map((row) => row.join(": ")).join("\n");
  expect(text).toMatch(/^source: image id "VISA" in Glance at http:\/\/g$/m);
  expect(text).toMatch(/^source's visa_commit: d00d$/m);
});

test("says it to a person", async () => {
  await publish({ git: { commit: "c0ffee", modified: true } });
  report("key-gate");
  const provenance = await readProvenance(cache, FINGERPRINT);
  const text = (provenance ? describeProvenance(provenance) : []).map((row) => row.join(": ")).join("\n");
  expect(text).toMatch(/^commit: c0ffee, modified$/m);
  expect(text).toMatch(/^packages: 700, CycloneDX in .*sbom\.cdx\.json, sha256 [0-9a-f]{64}$/m);
  expect(text).toMatch(/^verified: 1 assertions on 2026-11-23T01:00:00Z, in .*report\.json/m);
});

test("is the last report by which this very disk passed", async () => {
  await publish();
  const last = report("b-gate", { startedAt: "2026-11-23T05:00:00Z" });
  report("a-gate", { startedAt: "2026-11-23T02:00:00Z" });
  report("c-gate", { startedAt: "2026-11-23T06:00:00Z", passed: false });
  report("d-gate", { startedAt: "2026-11-23T07:00:00Z", digest: "another disk" });
  report("e-gate", { startedAt: "2026-11-23T08:00:00Z", fingerprint: `${FINGERPRINT.slice(0, 12)}${"0".repeat(52)}` });
  expect((await readProvenance(cache, FINGERPRINT))?.report?.sha256).toBe(last);
});

test("leaves out what is not known: an older artifact, no repository, an edited bill of materials", async () => {
  await publish({ git: undefined, sbom: undefined });
  const provenance = await readProvenance(cache, FINGERPRINT);
  expect(Object.keys(provenance ? provenanceProperties(provenance) : {})).toEqual(["visa_manifest_sha256"]);
  await cache.setAside(FINGERPRINT, "stale");
  await publish();
  chmodSync(join(cache.folder(FINGERPRINT), "sbom.cdx.json"), 0o644);
  writeFileSync(join(cache.folder(FINGERPRINT), "sbom.cdx.json"), "{}");
  expect((await readProvenance(cache, FINGERPRINT))?.sbom).toBeUndefined();
});

test("is nothing where the cache does not have the artifact", async () => {
  expect(await readProvenance(cache, FINGERPRINT)).toBeUndefined();
});
