import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../lib/fingerprint/digest";
import { readPage } from "../../lib/report/read-page";
import { Cache } from "../../lib/runner/cache/cache";
import { scratchFolder } from "../support/scratch";
import { page, verification } from "./sample-page";

const LOWER = "cd".repeat(32);
const UPPER = "ab".repeat(32);
const PNG = Buffer.from("\u0089PNG\r\n\u001a\npicture", "latin1");
let cache: Cache;

function publish(fingerprint: string, template: string, names: readonly string[], parent?: string): void {
  mkdirSync(cache.folder(fingerprint), { recursive: true });
  const components = names.map((name) => ({ name, version: "1", purl: `pkg:deb/debian/${name}@1` }));
  const metadata = {
    ...{ timestamp: "2026-11-28T00:00:00Z", component: { name: template, "bom-ref": fingerprint } },
    tools: { components: [{ name: "cdktf-visa-images" }] },
  };
  const sbom = JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.5", metadata, components });
  const manifest = {
    ...{ version: 1, fingerprint, template, inputs: {}, tools: {}, packageVersion: "0" },
    ...(parent && { parent: { fingerprint: parent, diskSha256: "" } }),
    disk: { bytes: 4, sha256: "", modified: 0, virtualSizeGb: 1 },
    ...{ createdAt: "2026-11-28T00:00:00.000Z", durationSeconds: 1, sbom: { sha256: sha256(sbom), packages: 1 } },
  };
  writeFileSync(join(cache.folder(fingerprint), "manifest.json"), JSON.stringify(manifest));
  writeFileSync(join(cache.folder(fingerprint), "sbom.cdx.json"), sbom);
}

function keepReport(name: string, changes: object, picture: Buffer = PNG): string {
  const folder = join(cache.reports, `${UPPER.slice(0, 12)}-${name}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "report.json"), JSON.stringify({ ...verification, ...changes }));
  writeFileSync(join(folder, "desktop.png"), picture);
  return folder;
}

beforeEach(() => {
  cache = new Cache(scratchFolder());
  publish(LOWER, "visa-base", ["bash"]);
  publish(UPPER, "visa-apps", ["bash", "silx"], LOWER);
});

const subject = () => ({ cache, fingerprint: UPPER, template: "visa-apps" });

test("is the layers, the packages with their layers, the digests", async () => {
  const { layers, packages, digests, verification: report } = await readPage(subject());
  expect(layers?.map(({ template }) => template)).toEqual(["visa-base", "visa-apps"]);
  expect(packages?.map(({ name, layer }) => [name, layer])).toEqual([
    ["bash", "visa-base"],
    ["silx", "visa-apps"],
  ]);
  expect(Object.keys(digests)).toEqual(["manifest.json", "sbom.cdx.json"]);
  expect(report).toBeUndefined();
});

test("of a release it has the report by which that very image passed, and its picture", async () => {
  const { sha512 = "" } = page.release ?? {};
  keepReport("a", { sha512 });
  keepReport("b", { sha512: "of another disk", startedAt: "2027-01-01T00:00:00Z" });
  const read = await readPage({ ...subject(), release: page.release });
  expect(read.verification?.sha512).toBe(sha512);
  expect(read.picture).toEqual(PNG);
  expect(Object.keys(read.digests)).toContain("report.json");
});

test("a report that was just made is shown, failed or not; what is no PNG is no picture", async () => {
  const folder = keepReport("c", {}, Buffer.from("<svg onload=alert(1)>"));
  const failed = { ...verification, passed: false };
  const read = await readPage({ ...subject(), verified: { report: failed, folder } });
  expect(read.verification?.passed).toBe(false);
  expect(read.picture).toBeUndefined();
});

test("of a disk that was made elsewhere only the report is known", async () => {
  const folder = keepReport("d", {});
  const elsewhere = { cache, fingerprint: "ef".repeat(32), template: "old.raw" };
  const read = await readPage({ ...elsewhere, verified: { report: verification, folder } });
  expect(Object.keys(read).sort()).toEqual([
    ...["digests", "fingerprint", "picture", "release", "template", "verification"],
  ]);
});

test("manifests in a circle end", async () => {
  publish(LOWER, "visa-base", [], UPPER);
  expect((await readPage(subject())).layers).toHaveLength(2);
});

test("fails for a bill of materials that is cut off, and names it", async () => {
  writeFileSync(join(cache.folder(LOWER), "sbom.cdx.json"), '{"bomFormat":');
  await expect(readPage(subject())).rejects.toThrow(/sbom\.cdx\.json.*cut off/s);
});
