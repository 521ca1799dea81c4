import { cpSync, mkdirSync, writeFileSync } from "node:fs";
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

test("fails for manifests in a circle", async () => {
  publish(LOWER, "visa-base", [], UPPER);
  await expect(readPage(subject())).rejects.toThrow(/in a circle: ababababab.*, on cdcdcd.*, on ababab/);
});

describe("what is kept beside the lock", () => {
  let kept: string;
  const elsewhere = () => ({ ...subject(), cache: new Cache(scratchFolder()), release: page.release, kept });

  beforeEach(() => {
    kept = scratchFolder();
    cpSync(cache.folder(UPPER), kept, { recursive: true });
    writeFileSync(join(kept, "report.json"), JSON.stringify({ ...verification, sha512: page.release?.sha512 }));
  });

  test("is read where the cache has nothing", async () => {
    const read = await readPage(elsewhere());
    expect(read.layers?.map(({ template }) => template)).toEqual(["visa-apps"]);
    expect(read.packages?.map(({ name }) => name)).toEqual(["bash", "silx"]);
    expect(read.verification?.findings).toHaveLength(verification.findings.length);
    expect(Object.keys(read.digests)).toEqual(["manifest.json", "sbom.cdx.json", "report.json"]);
  });

  test("completes what the cache has: layers from there, the report from here", async () => {
    const read = await readPage({ ...subject(), release: page.release, kept });
    expect([read.layers?.length, read.verification !== undefined]).toEqual([2, true]);
    const known = { report: verification, folder: scratchFolder() };
    // Where nothing is lacking it is not even opened.
    writeFileSync(join(kept, "manifest.json"), "{");
    expect((await readPage({ ...subject(), release: page.release, kept, verified: known })).packages).toHaveLength(2);
  });

  test("a report of another disk of the same inputs is left out", async () => {
    writeFileSync(join(kept, "report.json"), JSON.stringify({ ...verification, sha512: "other" }));
    expect((await readPage(elsewhere())).verification).toBeUndefined();
  });

  test("fails where it is of another artifact, or was changed", async () => {
    await expect(readPage({ ...elsewhere(), fingerprint: LOWER })).rejects.toThrow(/is of another artifact: abab/);
    writeFileSync(join(kept, "sbom.cdx.json"), "{}");
    await expect(readPage(elsewhere())).rejects.toThrow("not the one that was made with the image");
  });
});

test("fails for a bill of materials that is cut off, and names it", async () => {
  writeFileSync(join(cache.folder(LOWER), "sbom.cdx.json"), '{"bomFormat":');
  await expect(readPage(subject())).rejects.toThrow(/sbom\.cdx\.json.*cut off/s);
});
