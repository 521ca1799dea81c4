import { execFileSync } from "node:child_process";
import { comparePythonVersions } from "../../lib/diff/python-version";

/** In their order, as PEP 440 and its examples have them. */
const ORDERED = [
  ...["1.0.dev0", "1.0a1.dev1", "1.0a1", "1.0a2", "1.0b1", "1.0rc1.dev2", "1.0rc1", "1.0", "1.0+abc.5", "1.0+abc.7"],
  ...["1.0+5", "1.0+5.1", "1.0.post0.dev1", "1.0.post0", "1.0.post10", "1.0.1", "1.1", "1.10", "2026.11", "1!0.1"],
];

test("orders versions as PEP 440", () => {
  for (const [i, a] of ORDERED.entries())
    for (const [j, b] of ORDERED.entries()) {
      expect([a, b, Math.sign(comparePythonVersions(a, b) ?? Number.NaN)]).toEqual([a, b, Math.sign(i - j)]);
    }
  for (const same of ["1.0.0", "v1.0", "1", " 1.0 "]) expect(comparePythonVersions("1.0", same)).toBe(0);
  for (const same of ["1.0-1", "1.0.post1", "1.0_rev1", "1.0r1"])
    expect(comparePythonVersions("1.0post1", same)).toBe(0);
  expect(comparePythonVersions("1.0alpha", "1.0a0")).toBe(0);
});

test("there is no order with what is no version", () => {
  expect(comparePythonVersions("2024a_1-x", "1.0")).toBeUndefined();
  expect(comparePythonVersions("1.0", "")).toBeUndefined();
});

test("orders them as Python's own packaging does, where it is here", () => {
  const program = `
import sys
try:
    from packaging.version import Version
except ImportError:
    try:
        from pip._vendor.packaging.version import Version
    except ImportError:
        sys.exit()
print(" ".join(sorted(reversed(sys.argv[1:]), key=Version)))`;
  const sorted = execFileSync("python3", ["-c", program, ...ORDERED], { encoding: "utf8" }).trim();
  // The list above is the proof on a machine that has neither.
  if (sorted) expect(sorted.split(" ")).toEqual(ORDERED);
});
