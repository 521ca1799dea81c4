import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import fc from "fast-check";
import { compareDebianVersions } from "../lib/debian-version";

/** From the oldest to the newest; those of one line are the same to dpkg. */
const ORDER = [
  ["0~~", "0:0~~"],
  ["0"],
  ["1.0~~"],
  ["1.0~~a"],
  ["1.0~"],
  ["1.0~rc1-1"],
  ["1.0", "1.0-0", "0:1.0", "01.0", "1.00"],
  ["1.0-0.1"],
  ["1.0-1"],
  ["1.0-1+b1"],
  ["1.0-1.1"],
  ["1.0a-1"],
  ["1.0+dfsg-1"],
  ["1.0.1-1"],
  ["1.2"],
  ["1.10"],
  ["3.0.17-1~deb12u2"],
  ["3.0.17-1~deb12u3"],
  ["3.0.17-1"],
  ["20230311-1"],
  ["99999999999999999999999999"],
  ["100000000000000000000000000"],
  ["1:0.1"],
  ["2:1.0-1-1"],
  ["2:1.0-1-2"],
];

test("the order of dpkg", () => {
  const all = ORDER.flatMap((versions, rank) => versions.map((version) => ({ version, rank })));
  const wrong = all.flatMap((a) =>
    all
      .filter((b) => Math.sign(compareDebianVersions(a.version, b.version)) !== Math.sign(a.rank - b.rank))
      .map((b) => [a.version, b.version]),
  );
  expect(wrong).toEqual([]);
});

const dpkg = existsSync("/usr/bin/dpkg") ? test : test.skip;

// One process a pair would take a minute: the shell asks for all of them.
dpkg("what dpkg itself says of pairs that look alike", () => {
  const piece = fc.constantFrom("0", "1", "9", "10", "007", "~", "+", ".", "a", "Z", "b", "rc", "deb12u", "dfsg");
  const part = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(""));
  const version = fc
    .tuple(fc.constantFrom("", "", "0:", "1:", "10:"), part, fc.constantFrom("", "-1", "-0", "-1~deb12u1"), part)
    .map(([epoch, upstream, revision, more]) => `${epoch}1${upstream}${revision}${revision && more}`);
  const pairs = fc.sample(fc.tuple(version, version), { numRuns: 60, seed: 12 });
  const script = pairs
    .map(
      ([a, b]) =>
        `if dpkg --compare-versions '${a}' lt '${b}'; then echo -1; elif dpkg --compare-versions '${a}' eq '${b}'; then echo 0; else echo 1; fi`,
    )
    .join("\n");
  const expected = execFileSync("sh", { input: script, encoding: "utf8" }).trim().split("\n").map(Number);
  expect(expected).toHaveLength(pairs.length);
  const actual = pairs.map(([a, b]) => [a, b, Math.sign(compareDebianVersions(a, b))]);
  expect(actual).toEqual(pairs.map(([a, b], index) => [a, b, expected[index]]));
});
