import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { releaseFolder } from "../../lib/releases/release-files";
import { Cache } from "../../lib/runner/cache/cache";
import { Bills, billOfFile, releasesInUse } from "../../lib/stale/images";
import { scratchFolder } from "../support/scratch";
import { digits, releaseOf, writeArtifact } from "./artifacts";
import { billOf } from "./mirror";

const [A, B, OLD] = [digits("aaaa"), digits("bbbb"), digits("cccc")];

function setUp() {
  const root = scratchFolder();
  return { root, bills: () => new Bills(new Cache(root), join(root, "visa-images.lock.json")) };
}

describe("releases in use", () => {
  const lock = {
    version: 1 as const,
    images: { "images/general": [releaseOf(OLD), releaseOf(A)], "images/other": [releaseOf(B, "visa-base")] },
  };
  const found = (...names: string[]) =>
    releasesInUse(lock, names, "lock.json").map(({ image, release }) => [image, release.fingerprint]);

  test("the last one of each image", () => {
    expect(found()).toEqual([
      ["images/general", A],
      ["images/other", B],
    ]);
  });

  test.each(["images/general", "general", "VISA visa-apps", "aaaa", A])("by name: %s", (name) => {
    expect(found(name, name)).toEqual([["images/general", A]]);
  });

  test.each([
    ["a name that is not there", "genral", "images/general"],
    ["a past release", "cccc", "a bill of materials is given as a file"],
  ])("fails for %s", (_, name, fix) => {
    expect(() => found(name)).toThrow(`"lock.json" has no image "${name}" in use`);
    expect(() => found(name)).toThrow(fix);
  });
});

test("the bills of all layers, from the first one up; the base has none", async () => {
  const { root, bills } = setUp();
  const [base, system] = [digits("0001"), digits("0002")];
  writeArtifact(root, base, "base", {});
  writeArtifact(root, system, "system-base", { packages: { a: "1" }, parent: base, base: "bootstrap bookworm 0001" });
  writeArtifact(root, A, "visa-apps", { packages: { a: "1", b: "2" }, parent: system });
  const subject = await bills().of("images/general", releaseOf(A));
  expect(subject).toMatchObject({
    ...{ image: "images/general", template: "visa-apps", base: "bootstrap bookworm 0001" },
    billed: { complete: true, layers: [{ layer: "system-base" }, { layer: "visa-apps" }] },
  });
});

test("where a layer below is not there, what is known is said to be a part", async () => {
  const { root, bills } = setUp();
  writeArtifact(root, A, "visa-apps", { packages: { a: "1" }, parent: digits("0002") });
  const subject = await bills().of("images/general", releaseOf(A));
  expect(subject).toMatchObject({ billed: { complete: false, layers: [{ layer: "visa-apps" }] } });
});

test("on a machine that did not build it, what is beside the lock", async () => {
  const { root, bills } = setUp();
  const built = writeArtifact(scratchFolder(), A, "visa-apps", { packages: { a: "1" }, parent: digits("0002") });
  const folder = releaseFolder(join(root, "visa-images.lock.json"), releaseOf(A).release);
  cpSync(built, folder, { recursive: true });
  await expect(bills().of("i", releaseOf(A))).resolves.toMatchObject({
    billed: { complete: false, layers: [{ layer: "visa-apps" }] },
  });
  writeFileSync(join(folder, "sbom.cdx.json"), billOf({ a: "2" }));
  await expect(bills().of("i", releaseOf(A))).resolves.toMatchObject({
    reason: expect.stringContaining("was changed"),
  });
  cpSync(writeArtifact(scratchFolder(), B, "visa-apps", { packages: { a: "1" } }), folder, { recursive: true });
  await expect(bills().of("i", releaseOf(A))).resolves.toMatchObject({
    reason: expect.stringContaining("is of another artifact"),
  });
});

test("nothing is known of an artifact that is elsewhere, has no bill, or whose bill was changed", async () => {
  const { root, bills } = setUp();
  const reason = async () => (await bills().of("i", releaseOf(A))) as { reason?: string };
  await expect(reason()).resolves.toMatchObject({ reason: expect.stringContaining("the cache has no artifact aaaa") });
  writeArtifact(root, A, "visa-apps", {});
  await expect(reason()).resolves.toMatchObject({ reason: expect.stringContaining("has no bill of materials") });
  const folder = writeArtifact(root, A, "visa-apps", { packages: { a: "1" } });
  const file = join(folder, "sbom.cdx.json");
  writeFileSync(file, billOf({ a: "2" }));
  await expect(reason()).resolves.toMatchObject({
    reason: `"${file}" was changed: its SHA-256 is not the manifest's`,
  });
  writeFileSync(join(folder, "manifest.json"), "{");
  await expect(reason()).resolves.toMatchObject({ reason: expect.stringContaining("is damaged") });
});

test("a bill in a file", async () => {
  const file = join(scratchFolder(), "bill.json");
  writeFileSync(file, billOf({ a: "1" }, "visa-base"));
  await expect(billOfFile(file)).resolves.toMatchObject({
    image: file,
    template: "visa-base",
    billed: { complete: false },
  });
});

test("fails for a file that is not there", async () => {
  await expect(billOfFile("/nowhere/bill.json")).rejects.toThrow('cannot read "/nowhere/bill.json"');
});
