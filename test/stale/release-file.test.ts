import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseReleaseFile, signedText } from "../../lib/stale/release-file";

const inRelease = readFileSync(join(__dirname, "..", "fixtures", "debian-index", "InRelease"), "utf8");

test("what a Release file says", () => {
  const release = parseReleaseFile(signedText(inRelease, "InRelease"), "bookworm-security", "InRelease");
  expect({ ...release, files: [...release.files] }).toEqual({
    codename: "bookworm-security",
    date: "2026-11-26T21:03:35.000Z",
    validUntil: "2026-12-03T21:03:35.000Z",
    byHash: true,
    files: [
      [
        "main/binary-amd64/Packages",
        { bytes: 2553701, sha256: "30beba3da390282e6130d9949f8c269844f0d64183ffbeeb4f482ee97e204fcf" },
      ],
      [
        "main/binary-amd64/Packages.xz",
        { bytes: 382652, sha256: "ef7330ce114335761bec63d65bc38ab781e38998e8d0f8443dd8b5d55c61d6e7" },
      ],
    ],
  });
});

test("a line that was escaped for the signature is what it was", () => {
  expect(inRelease).toContain("\n- - not a field");
  expect(signedText(inRelease, "InRelease")).toContain("\n- not a field");
});

test.each([
  ["one that is cut off", inRelease.slice(0, -100), "is cut off: its signature has no end"],
  ["one without a signature", "Origin: Debian\n", "is no signed Release file"],
  ["a page of a proxy", "<html>log in</html>", "is no signed Release file"],
])("fails for %s", (_, text, message) => {
  expect(() => signedText(text, "http://mirror.example/InRelease")).toThrow(
    `"http://mirror.example/InRelease" ${message}`,
  );
});

test.each([
  [
    "another suite",
    "Codename: trixie\nDate: Thu, 26 Nov 2026 21:03:35 UTC\n",
    'is of the suite "trixie", not of "bookworm"',
  ],
  ["one without a date", "Codename: bookworm\n", 'has the Date "", which is none'],
  [
    "one without SHA-256",
    "Codename: bookworm\nDate: Thu, 26 Nov 2026 21:03:35 UTC\nMD5Sum:\n 0 0 x\n",
    "lists no files",
  ],
])("fails for %s", (_, text, message) => {
  expect(() => parseReleaseFile(text, "bookworm", "InRelease")).toThrow(message);
});
