import { readFileSync } from "node:fs";
import { join } from "node:path";
import { partsOf } from "../dev/contract-page";
import { CONTRACT, CONTRACT_PARTS } from "../lib/contract";
import { packageRoot } from "../lib/package-root";
import { checksOf } from "../lib/verify/checks/all-checks";

test("the contract's assertions have a number each and one part", () => {
  expect([...CONTRACT.keys()]).toEqual(Array.from({ length: 63 }, (_, index) => index + 1));
});

test("what no boot of an image shows is shown by tests of these titles", () => {
  const ofCloud = [...CONTRACT.values()].filter(({ part }) => part === "cloud");
  expect(ofCloud.filter(({ tests }) => !tests).map(({ number }) => number)).toEqual([]);
  for (const { part, tests = [] } of CONTRACT.values()) {
    if (part !== "cloud") expect(tests).toEqual([]);
    for (const [file, title] of tests) {
      expect({ file, has: readFileSync(join(packageRoot(), file), "utf8").includes(`"${title}"`) }).toEqual({
        file,
        has: true,
      });
    }
  }
});

test("the full profile looks at each assertion of an image", () => {
  const looked = new Set(checksOf(CONTRACT_PARTS, "full").map(({ assertion }) => assertion));
  const ofImage = [...CONTRACT.values()].filter(({ part }) => part !== "cloud").map(({ number }) => number);
  expect([...looked].sort((a, b) => a - b)).toEqual(ofImage);
});

test("each check is of an assertion of the part that it stands in", () => {
  for (const part of CONTRACT_PARTS) {
    for (const { assertion } of checksOf([part], "full")) expect(CONTRACT.get(assertion)?.part).toBe(part);
  }
});

test("the gate takes one boot", () => {
  expect(new Set(checksOf(CONTRACT_PARTS, "gate").map(({ boot }) => boot))).toEqual(new Set(["main"]));
});

test("an image without a desktop promises none, and is not asked for one", () => {
  const numbers = checksOf(["boot", "hygiene"], "gate").map(({ assertion }) => assertion);
  expect(numbers).toContain(4);
  expect(numbers.filter((number) => number >= 13 && number <= 44)).toEqual([]);
});

describe("docs/contract.md has each assertion, under the name that it has now, and none that fails:", () => {
  const page = partsOf(readFileSync(join(packageRoot(), "docs", "contract.md"), "utf8"));
  const all = [...CONTRACT.values()];

  test.each([
    ["Debian 12", page.debian12, all],
    ["Debian 13, of an image alone", page.debian13, all.filter(({ part }) => part !== "cloud")],
  ])("%s", (_, text, assertions) => {
    const rows = text.split("\n").filter((line) => /^\| \d+ \|/.test(line));
    const told = rows.map((row) => row.split(" | ").slice(0, 3).join(" | ").slice(2));
    expect(told).toEqual(assertions.map(({ number, part, name }) => `${number} | ${part} | ${name}`));
    expect(rows.filter((row) => /\| (fail|not looked at) \|/.test(row))).toEqual([]);
  });
});
