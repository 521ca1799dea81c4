import { utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { canonicalJson, framedDigest } from "../../lib/fingerprint/digest";
import { digestFile } from "../../lib/fingerprint/file-digest";
import { bootstrapRecipe, type FileInput, fingerprintBase, fingerprintLayer } from "../../lib/fingerprint/fingerprint";
import type { BootstrapBase } from "../../lib/specification";
import { scratchFolder } from "../support/scratch";

const files: FileInput[] = [
  { path: "files/x/b.sh", mode: 0o755, sha256: "b".repeat(64) },
  { path: "files/x/a.txt", mode: 0o644, sha256: "a".repeat(64) },
];
const layer = {
  parent: "p".repeat(64),
  configuration: { build: [{ b: 1, a: [2, "x"] }] },
  files,
};
const base: BootstrapBase = {
  kind: "bootstrap",
  suite: "bookworm",
  packages: ["curl", "vim"],
  diskSizeGb: 4,
};

describe("golden values of version 1", () => {
  test("a layer", () =>
    expect(fingerprintLayer(layer)).toMatchInlineSnapshot(
      `"589ff2fbf36285d6cabcef48d4a390dd2d6780dcc77417fb94551726f600b6c5"`,
    ));
  test("a layer with refresh", () =>
    expect(fingerprintLayer({ ...layer, refresh: "2026-11" })).toMatchInlineSnapshot(
      `"5e3790e1d69054ad03f5e672a0d9b46bf6c2ca67c4098a4adb68d6b1fdd1a2e2"`,
    ));
  test("a bootstrapped base", () =>
    expect(fingerprintBase(base, files)).toMatchInlineSnapshot(
      `"155cc1fa716c85a2f03b5ed737066330f5be1c960ac96c82b0b88ecac92cd6bd"`,
    ));
  test("an image as a base", () =>
    expect(
      fingerprintBase({
        kind: "file",
        path: "/x",
        checksum: "sha256:00",
        format: "raw",
      }),
    ).toMatchInlineSnapshot(`"b9fc5406f3299310bb06f3f8588183153612f4aea87e1e439e3c55ae7cf19328"`));
});

test("the order of files and keys does not matter, that of lists does", () => {
  const other = {
    ...layer,
    files: [...files].reverse(),
    configuration: { build: [{ a: [2, "x"], b: 1 }] },
  };
  expect(fingerprintLayer(other)).toBe(fingerprintLayer(layer));
  const turned = {
    ...layer,
    configuration: { build: [{ b: 1, a: ["x", 2] }] },
  };
  expect(fingerprintLayer(turned)).not.toBe(fingerprintLayer(layer));
});

test("an image is the same base from a URL and from a file", () => {
  const image = { checksum: "sha256:00", format: "qcow2" } as const;
  expect(fingerprintBase({ kind: "file", path: "/x", ...image })).toBe(
    fingerprintBase({
      kind: "cloud-image",
      url: "https://images.example/x",
      ...image,
    }),
  );
});

test.each<[string, Partial<BootstrapBase>, FileInput[]]>([
  ["the suite", { suite: "trixie" }, files],
  ["the packages", { packages: ["curl"] }, files],
  ["the size", { diskSizeGb: 5 }, files],
  ["the recipe", {}, files.slice(1)],
  ["a reason to make it anew", { refresh: "openssl 1 → 2 (security)" }, files],
])("a bootstrapped base changes with %s", (_, change, recipe) => {
  expect(fingerprintBase({ ...base, ...change }, recipe)).not.toBe(fingerprintBase(base, files));
});

test("the recipe of this package is not empty", () => {
  expect(bootstrapRecipe().map(({ path }) => path)).toContain("bootstrap.sh");
});

const fileSet = fc.uniqueArray(
  fc.record({
    path: fc.string({ minLength: 1, maxLength: 4 }),
    mode: fc.constantFrom(0o644, 0o755),
    sha256: fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 3 }),
  }),
  { selector: ({ path }) => path, maxLength: 4 },
);
const sorted = (set: FileInput[]) => canonicalJson([...set].sort((a, b) => (a.path < b.path ? -1 : 1)));

test("different file sets have different fingerprints, equal ones the same", () => {
  fc.assert(
    fc.property(fileSet, fileSet, (a, b) => {
      const [one, two] = [a, b].map((set) => fingerprintLayer({ ...layer, files: set }));
      expect(one === two).toBe(sorted(a) === sorted(b));
    }),
    { numRuns: 500 },
  );
});

test("different lists of fields have different digests", () => {
  const fields = fc.array(fc.string({ unit: fc.constantFrom("a", "\0", "\u0001"), maxLength: 3 }), { maxLength: 4 });
  fc.assert(
    fc.property(fields, fields, (a, b) => {
      expect(framedDigest(a) === framedDigest(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
    { numRuns: 500 },
  );
});

test("a file that was overwritten with as many bytes and its old times is read again", () => {
  const file = join(scratchFolder(), "f");
  writeFileSync(file, "one");
  utimesSync(file, 1, 1);
  const before = digestFile(file);
  writeFileSync(file, "two");
  utimesSync(file, 1, 1);
  expect(digestFile(file).sha256).not.toBe(before.sha256);
});

test("fails for a folder", () => {
  expect(() => digestFile(tmpdir())).toThrow(/not a regular file|EISDIR/);
});
