import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runDiff } from "../../lib/cli/diff-command";
import { findSide, lastTwo, type Places } from "../../lib/diff/find-side";
import { sha256 } from "../../lib/fingerprint/digest";
import { readProvenance } from "../../lib/releases/provenance";
import { keepReleaseFiles, releaseFolder } from "../../lib/releases/release-files";
import { type Release, writeLock } from "../../lib/releases/release-lock";
import { Cache } from "../../lib/runner/cache/cache";
import { cycloneDx } from "../../lib/runner/guest/sbom";
import { scratchFolder } from "../support/scratch";

const [OLD, NEW] = ["ab".repeat(32), "cd".repeat(32)];
let places: Places;

beforeEach(async () => {
  const folder = scratchFolder();
  const cache = new Cache(join(folder, "cache"));
  await cache.prepare();
  places = { cache, lockFile: join(folder, "visa-images.lock.json") };
  await publish(OLD, "3.0.17-1~deb12u2");
  await publish(NEW, "3.0.17-1~deb12u3");
  const release = (digits: string, fingerprint: string): Release => ({
    ...{ release: digits, fingerprint, template: "visa-apps", name: "desktop", diskFormat: "raw" },
    ...{ imageId: `id-${digits}`, sha512: "00", sizeBytes: 5 << 30, registered: "2026-11-28T10:00:00Z" },
  });
  const desktop = [release("111111111111", OLD), release("222222222222", NEW)];
  writeLock(places.lockFile, { version: 1, images: { "images/desktop": desktop, "images/other": desktop.slice(1) } });
});

/** An artifact whose one package has a version. */
async function publish(fingerprint: string, version: string): Promise<void> {
  const staging = join(places.cache.root, "staging");
  mkdirSync(staging);
  const createdAt = fingerprint === OLD ? "2026-11-23T00:00:00.000Z" : "2026-11-28T00:00:00.000Z";
  const subject = { template: "visa-apps", fingerprint, createdAt, packageVersion: "0.1.0" };
  const packages = [{ name: "openssl", version, architecture: "amd64" }];
  const guest = { packages: { system: "debian", systemVersion: "12", packages } };
  const text = cycloneDx(subject, guest, { base: true })?.text ?? "";
  writeFileSync(join(staging, "disk.qcow2"), "disk");
  writeFileSync(join(staging, "sbom.cdx.json"), text);
  await places.cache.publish(
    staging,
    {
      ...{ version: 1, fingerprint, template: "visa-apps", inputs: {}, tools: {}, packageVersion: "0" },
      disk: { bytes: 4, sha256: sha256("disk"), modified: 0, virtualSizeGb: 1 },
      ...{ createdAt, durationSeconds: 1, sbom: { sha256: sha256(text), packages: 1 } },
    },
    existsSync(places.cache.folder(fingerprint)),
  );
}

const versionOf = async (name: string) => (await findSide(name, places)).bill?.packages[0]?.version;

/** Keeps the files of a release, and returns their folder. */
async function keep(release: string, fingerprint: string): Promise<string> {
  const provenance = await readProvenance(places.cache, fingerprint);
  if (!provenance) throw new Error("no provenance");
  await keepReleaseFiles(places.lockFile, release, provenance);
  return releaseFolder(places.lockFile, release);
}

test("finds a release by its image or its digits, an artifact by its digits or its template, folders and files", async () => {
  const [before, now] = ["3.0.17-1~deb12u2", "3.0.17-1~deb12u3"];
  expect(await versionOf("images/desktop")).toBe(now);
  expect(await versionOf("1111")).toBe(before);
  // The same release of two images.
  expect(await versionOf("222222222222")).toBe(now);
  expect(await versionOf(OLD.slice(0, 12))).toBe(before);
  expect(await versionOf("visa-apps")).toBe(now);
  const folder = places.cache.folder(OLD);
  for (const path of ["", "manifest.json", "sbom.cdx.json"]) expect(await versionOf(join(folder, path))).toBe(before);
  expect(await findSide("images/desktop", places)).toMatchObject({
    ...{ title: "release 222222222222 of images/desktop", imageBytes: 5 << 30, layerBytes: { "visa-apps": 4 } },
  });
  expect(lastTwo("images/desktop", places.lockFile)).toEqual(["111111111111", "222222222222"]);
});

test("a release is what is kept of it, whatever the cache has by then", async () => {
  await keep("111111111111", OLD);
  await publish(OLD, "9");
  const elsewhere = { ...places, cache: new Cache(join(places.cache.root, "other")) };
  expect(await versionOf(OLD.slice(0, 12))).toBe("9");
  expect(await versionOf("1111")).toBe("3.0.17-1~deb12u2");
  expect((await findSide("1111", elsewhere)).bill?.packages[0]?.version).toBe("3.0.17-1~deb12u2");
  expect(await findSide("2222", elsewhere)).toMatchObject({ noBill: expect.stringMatching(/nor the cache has it$/) });
});

test("the command prints text, Markdown or JSON; of an image alone its last two releases", async () => {
  const written: string[] = [];
  const stdout = jest.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
  const options = { cache: places.cache.root, lockFile: places.lockFile };
  await runDiff("images/desktop", undefined, options);
  await runDiff("2222", "1111", { ...options, markdown: true });
  await runDiff("1111", "2222", { ...options, json: true });
  stdout.mockRestore();
  expect(written[0]).toMatch(/^1 package up; not compared: /);
  expect(written[0]).toContain("up  openssl  3.0.17-1~deb12u2 → 3.0.17-1~deb12u3  visa-apps");
  expect(written[1]).toMatch(/^\*\*1 package down; /);
  expect(JSON.parse(written[2] ?? "")).toMatchObject({
    version: 1,
    b: { title: "release 222222222222 of images/desktop" },
  });
});

test("fails for manifests in a circle, and says which", async () => {
  for (const [own, parent] of [
    [OLD, NEW],
    [NEW, OLD],
  ] as const) {
    const file = join(places.cache.folder(own), "manifest.json");
    const manifest = JSON.parse(readFileSync(file, "utf8"));
    chmodSync(file, 0o600);
    writeFileSync(file, JSON.stringify({ ...manifest, parent: { fingerprint: parent, diskSha256: "" } }));
  }
  await expect(findSide(OLD.slice(0, 12), places)).rejects.toThrow(
    /in a circle: abababababab, on cdcdcdcdcdcd, on abababababab\n {2}fix: .*visa-image cache clear/,
  );
});

const change = (file: string, to: (text: string) => string) => {
  const path = join(places.cache.folder(OLD), file);
  chmodSync(path, 0o600);
  writeFileSync(path, to(readFileSync(path, "utf8")));
};

test.each([
  [
    "a bill that was changed",
    "sbom.cdx.json",
    (text: string) => text.replace("deb12u2", "deb12u9"),
    /not the one that was made with the image/,
  ],
  ["a bill that was cut off", "sbom.cdx.json", (text: string) => text.slice(0, 99), /not the one that was made with/],
  [
    "a manifest that was cut off",
    "manifest.json",
    (text: string) => text.slice(0, 99),
    /this is no JSON, or was cut off/,
  ],
  [
    "a manifest of tomorrow",
    "manifest.json",
    (text: string) => text.replace('"version": 1', '"version": 2'),
    /has version 2, known is 1\n {2}fix: use the version/,
  ],
  ["a manifest that is not whole", "manifest.json", () => '{"version": 1}', /this manifest is not whole/],
  ["a list in the place of a manifest", "manifest.json", () => "[]", /this is not what visa-image wrote/],
])("fails with its reason: %s", async (_, file, to, message) => {
  change(file, to);
  await expect(findSide(places.cache.folder(OLD), places)).rejects.toThrow(message);
});

test("fails with its reason: names of nothing, and reports that are none", async () => {
  await expect(findSide("images/nothing", places)).rejects.toThrow(
    /"images\/nothing" is neither a file nor an image of the lock\n {2}fix: known images: images\/desktop, images\/other/,
  );
  await expect(findSide("visa-aps", places)).rejects.toThrow(
    /has no artifact "visa-aps"\n {2}fix: did you mean "visa-apps"/,
  );
  await expect(findSide(places.cache.root, places)).rejects.toThrow(/manifest\.json: cannot be read: ENOENT/);
  expect(() => lastTwo("images/other", places.lockFile)).toThrow(/"images\/other" has one release only/);
  expect(() => lastTwo("visa-apps", places.lockFile)).toThrow(/"visa-apps" is none\n {2}fix: name two/);
  const kept = await keep("111111111111", OLD);
  writeFileSync(join(kept, "report.json"), "{}");
  await expect(findSide("1111", places)).rejects.toThrow(/this is no report of visa-image verify/);
});
