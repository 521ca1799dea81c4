import type { NewerPackage } from "../../lib/stale/newer-packages";
import type { StaleImage } from "../../lib/stale/stale";
import { bySource, headline } from "../../lib/stale/text";

const newer = (name: string, security: boolean): NewerPackage => ({
  ...{ name, source: "openssl", installed: "1", available: "2", suite: "bookworm" },
  ...{ security, seen: "2026-11-01T00:00:00.000Z", exact: true },
});
const image = (state: StaleImage["state"], packages: NewerPackage[] = []): StaleImage => ({
  ...{ image: "i", state, newer: packages, rebuilt: [], compared: 1, notInIndexes: [], notJudged: 0 },
});

test.each([
  [[], "no image is in use: nothing to do"],
  [[image("current")], "the image is up to date"],
  [[image("current"), image("current")], "all 2 images are up to date"],
  [[image("stale", [newer("a", true)]), image("current")], "1 image of 2 without security fixes"],
  [
    [image("stale", [newer("a", true)]), image("stale", [newer("a", false)]), image("unknown")],
    "1 image of 3 without security fixes; 1 image of 3 with older packages; nothing is known of 1 image",
  ],
])("one line says first whether anything has to be done: %#", (images, line) => {
  expect(headline(images)).toBe(line);
});

test("packages of one source are one thing, unless one of them is a security fix and the other is none", () => {
  const groups = bySource([newer("openssl", true), newer("libssl3", true), newer("libssl-doc", false)]);
  expect(groups.map((group) => group.map(({ name }) => name))).toEqual([["openssl", "libssl3"], ["libssl-doc"]]);
});
