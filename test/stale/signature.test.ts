import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ARCHIVE_KEYRING, checkedText } from "../../lib/stale/signature";

const folder = join(__dirname, "..", "fixtures", "debian-index");
const keyring = join(folder, "keyring.gpg");
const inRelease = readFileSync(join(folder, "InRelease"), "utf8");
const withGpgv = existsSync("/usr/bin/gpgv") ? test : test.skip;
const withKeyring = existsSync("/usr/bin/gpgv") && existsSync(ARCHIVE_KEYRING) ? test : test.skip;

withGpgv("what a key of the keyring signed, without what stands around it", () => {
  const { text, checked } = checkedText(`${inRelease}Codename: evil\n`, "InRelease", keyring);
  expect(checked).toBe(true);
  expect(text).toMatch(/^Origin: Debian\n/);
  expect(text).not.toContain("evil");
});

test("nothing is checked where there is no gpgv, and that is said", () => {
  expect(checkedText(inRelease, "InRelease", keyring, "no-such-gpgv")).toEqual({
    text: expect.stringContaining("Codename: bookworm-security"),
    checked: false,
  });
});

withGpgv("fails for a text that was changed", () => {
  expect(() => checkedText(inRelease.replace("2553701", "2553702"), "InRelease", keyring)).toThrow(
    'the signature of "InRelease" does not hold: it was changed since',
  );
});

withKeyring("fails for a key that Debian's keyring does not have", () => {
  expect(() => checkedText(inRelease, "InRelease")).toThrow("no key that is known signed it");
});

test("fails for a keyring that is not there", () => {
  expect(() => checkedText(inRelease, "InRelease", "/nowhere.gpg")).toThrow('there is no keyring "/nowhere.gpg"');
});
