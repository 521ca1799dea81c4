import type { GlanceImage } from "../../lib/cloud/glance";
import { reconcile } from "../../lib/releases/reconcile";
import { releaseOf } from "../../lib/releases/release";
import type { Release } from "../../lib/releases/release-lock";

const KEY = "images/visa-apps";

/** The n-th image, of the release `n` twelve times. */
function image(n: number, changes: Partial<GlanceImage> = {}): GlanceImage {
  return {
    id: `image-${n}`,
    name: "desktop",
    status: "active",
    disk_format: "raw",
    size: n,
    protected: true,
    os_hash_algo: "sha512",
    os_hash_value: `hash ${n}`,
    created_at: `2026-11-0${n}T00:00:00Z`,
    visibility: "private",
    os_hidden: true,
    visa_image: KEY,
    visa_release: String(n).repeat(12),
    visa_fingerprint: `fingerprint ${n}`,
    visa_template: "visa-apps",
    ...changes,
  };
}

function release(n: number, changes: Partial<Release> = {}): Release {
  return {
    release: String(n).repeat(12),
    fingerprint: `fingerprint ${n}`,
    template: "visa-apps",
    name: "desktop",
    diskFormat: "raw",
    imageId: `image-${n}`,
    sha512: `hash ${n}`,
    sizeBytes: n,
    registered: `2026-11-0${n}T00:00:00Z`,
    ...changes,
  };
}

const digits = (releases: readonly Release[]) => releases.map((each) => each.release[0]).join("");

test("a lock that is right stays as it is", () => {
  const images = [image(1), image(2, { os_hidden: false })];
  expect(reconcile(KEY, [release(1), release(2)], images)).toEqual({
    releases: [release(1), release(2)],
    differences: [],
    warnings: [],
  });
});

test("a lock that is missing is made of the images, the visible one last", () => {
  const { releases, differences } = reconcile(KEY, [], [image(1), image(2, { os_hidden: false }), image(3)]);
  expect(releases).toEqual([release(1), release(3), release(2)]);
  expect(differences).toContain(`the lock lacks release ${"2".repeat(12)}, image image-2`);
});

test("where none is visible the one that the lock had last is in use", () => {
  expect(digits(reconcile(KEY, [release(2), release(1)], [image(1), image(2)]).releases)).toBe("21");
});

test("images of others, and those that are not active, are left out", () => {
  const { releases, warnings } = reconcile(KEY, [], [image(1, { visa_image: "x/y" }), image(2, { status: "queued" })]);
  expect(releases).toEqual([]);
  expect(warnings).toEqual(["the image image-2 is queued: left out"]);
});

test("says what was edited, and what is gone", () => {
  const known = [release(1, { sizeBytes: 7 }), release(4)];
  expect(reconcile(KEY, known, [image(1, { os_hidden: false })]).differences).toEqual([
    `release ${"1".repeat(12)} has "sizeBytes" 7 in the lock, and 1 in Glance`,
    `release ${"4".repeat(12)} of the lock, image image-4, is not in Glance`,
  ]);
});

test("an entry that names an image of another one does not count", () => {
  const known = [release(1, { imageId: "image-9" })];
  expect(reconcile(KEY, known, [image(1), image(9, { visa_image: "x/y" })]).differences).toEqual([
    `release ${"1".repeat(12)} has "imageId" image-9 in the lock, and image-1 in Glance`,
  ]);
});

test("of several visible ones the newest is in use, with a warning", () => {
  const { releases, warnings } = reconcile(
    KEY,
    [],
    [image(2, { os_hidden: false }), image(1, { os_hidden: false }), image(3)],
  );
  expect(digits(releases)).toBe("132");
  expect(warnings[0]).toContain("are all visible");
});

test("of two images of one release the visible one counts, else the newer one", () => {
  const twice = { visa_release: "1".repeat(12) };
  const pick = (...images: GlanceImage[]) => reconcile(KEY, [], images).releases.map((each) => each.imageId);
  expect(pick(image(1), image(2, twice))).toEqual(["image-2"]);
  expect(pick(image(1, { os_hidden: false }), image(2, twice))).toEqual(["image-1"]);
});

test("an image that does not say whose it is belongs to who has it in the state or the lock, and has the digits that follow from it", () => {
  const silent = image(1, { visa_image: undefined, visa_release: undefined, os_type: "linux", os_glance_x: "y" });
  expect(reconcile(KEY, [], [silent]).releases).toEqual([]);
  const states = new Map([["image-1", { image: KEY, release: "a".repeat(12) }]]);
  expect(digits(reconcile(KEY, [], [silent], states).releases)).toBe("a");
  expect(digits(reconcile(KEY, [release(1)], [silent]).releases)).toBe("1");
  const own = { fingerprint: "fingerprint 1", diskFormat: "raw", properties: { os_type: "linux" } } as const;
  const claimed = image(1, { visa_release: undefined, os_type: "linux", os_glance_x: "y" });
  expect(reconcile(KEY, [], [claimed]).releases[0]?.release).toBe(releaseOf(own));
});

test("a snapshot of an instance of a release is none, though it is newer and visible", () => {
  const snapshot = image(3, { visa_release: "2".repeat(12), os_hidden: false, image_type: "snapshot" });
  expect(reconcile(KEY, [release(1), release(2)], [image(1), image(2, { os_hidden: false }), snapshot])).toEqual({
    releases: [release(1), release(2)],
    differences: [],
    warnings: [],
  });
});
