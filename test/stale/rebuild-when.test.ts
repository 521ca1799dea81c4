import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NewerPackage } from "../../lib/stale/newer-packages";
import { type RebuildRule, type RebuildWhen, readRule, refreshOf } from "../../lib/stale/rebuild-when";
import type { StaleImage } from "../../lib/stale/stale";
import { scratchFolder } from "../support/scratch";

const NOW = Date.parse("2026-11-28T00:00:00Z");

function rule(rebuildWhen: RebuildWhen, base = "bootstrap"): RebuildRule {
  return { version: 1, image: "images/general", rebuildWhen, layers: ["system-base", "visa-base", "visa-apps"], base };
}

function newer(source: string, layer: string | undefined, security = true): NewerPackage {
  return {
    ...{ name: `lib${source}`, source, installed: "1", available: "2", suite: "s", security },
    ...{ seen: "2026-11-01T00:00:00.000Z", exact: true, ...(layer && { layer }) },
  };
}

function image(packages: NewerPackage[], more: Partial<StaleImage> = {}): StaleImage {
  return {
    ...{ image: "images/general", registered: "2026-10-02T10:00:00Z", newer: packages, rebuilt: [], compared: 9 },
    ...{ state: packages.length > 0 ? "stale" : "current", notInIndexes: [], notJudged: 0, ...more },
  };
}

const asked = (when: RebuildWhen, found: StaleImage, base?: string) => refreshOf(rule(when, base), found, NOW);
const SECURITY = { securityUpdates: true };

test("the lowest layer that brought a hole, and its own holes alone, so that images that share it agree", () => {
  const found = image([newer("silx", "visa-apps"), newer("openssl", "visa-base"), newer("curl", "visa-base", false)]);
  expect(asked(SECURITY, found)).toEqual({
    ...{ image: "images/general", layer: "visa-base", reason: "openssl 1 → 2 (security)" },
  });
});

test("many are counted, each source once", () => {
  const names = ["a", "a", "b", "c", "d", "e"];
  expect(asked(SECURITY, image(names.map((name) => newer(name, "system-base"))))).toMatchObject({
    reason: "a 1 → 2 (security), b 1 → 2 (security), c 1 → 2 (security), 2 more",
  });
});

test("what no layer is known to have brought may be in the first one", () => {
  expect(asked(SECURITY, image([newer("openssl", undefined)]))).toMatchObject({ layer: "system-base" });
});

test.each<[string, RebuildWhen, StaleImage]>([
  ["newer packages without a hole", SECURITY, image([newer("a", "visa-base", false)])],
  ["a hole that nobody asks about", {}, image([newer("a", "visa-base")])],
  ["an image that is young enough", { olderThanDays: 60 }, image([newer("a", "visa-base")])],
  ["nothing", SECURITY, image([])],
])("no new build for %s", (_, when, found) => {
  expect(asked(when, found)).toBeUndefined();
});

test("an old image is built from the lowest layer with newer packages on; without any its own layer", () => {
  const reason = "registered 2026-10-02, more than 30 days ago";
  const found = image([newer("a", "visa-base", false)]);
  expect(asked({ olderThanDays: 30 }, found)).toMatchObject({ layer: "visa-base", reason });
  expect(asked({ olderThanDays: 30 }, image([]))).toMatchObject({ layer: "visa-apps", reason });
  const unknown = image([], { state: "unknown", reason: "gone" });
  expect(asked({ olderThanDays: 30 }, unknown)).toMatchObject({ layer: "visa-apps" });
});

test("where a new build would not help, or nothing is known, it is said", () => {
  expect(asked(SECURITY, image([newer("a", "system-base")]), "cloud-image")).toContain("name a newer base");
  expect(asked(SECURITY, image([newer("a", "visa-base")]), "cloud-image")).toMatchObject({ layer: "visa-base" });
  expect(asked(SECURITY, image([newer("a", "renamed")]))).toContain("are not in the stack any more");
  expect(asked(SECURITY, image([], { state: "unknown", reason: "no bill" }))).toBe("no bill");
});

test.each(["{", '{"version":2}', "null"])("fails for a rule that is none: %s", (text) => {
  const file = join(scratchFolder(), "general.json");
  writeFileSync(file, text);
  expect(() => readRule(file)).toThrow("this is no rule for new builds of this version");
});
