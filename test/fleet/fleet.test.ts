import type { GlanceImage } from "../../lib/cloud/glance";
import type { NovaServer } from "../../lib/cloud/nova";
import { type CloudAnswer, type FleetSources, makeFleet } from "../../lib/fleet/fleet";
import type { Release } from "../../lib/releases/release-lock";

const KEY = "images/general";
const [OLD, NEW] = ["a".repeat(12), "b".repeat(12)];

function release(digits: string): Release {
  return {
    ...{ release: digits, fingerprint: digits, template: "visa-apps", name: `n-${digits[0]}`, diskFormat: "raw" },
    ...{ imageId: `image-${digits[0]}`, sha512: "", sizeBytes: 1, registered: "2026-11-01T00:00:00Z" },
  };
}

const image = (id: string, more: object = {}) =>
  ({
    id,
    name: id,
    status: "active",
    disk_format: "raw",
    size: 1,
    os_hidden: true,
    created_at: "2026-11-02T00:00:00Z",
    ...more,
  }) as GlanceImage;
const server = (id: string, imageId?: string): NovaServer => ({
  ...{ id, name: id, status: "ACTIVE", created: "2026-11-03T00:00:00Z", projectId: "p" },
  ...(imageId && { imageId }),
});

const releases = [release(OLD), release(NEW)];
const answer = (servers: readonly NovaServer[], images: readonly GlanceImage[] = []): CloudAnswer => ({
  images: [image("image-a"), image("image-b", { os_hidden: false }), ...images],
  servers: { kind: "asked", servers, allProjects: true },
});

function fleet(servers: readonly NovaServer[], more: Partial<FleetSources> & { images?: readonly GlanceImage[] } = {}) {
  const { images = [], ...sources } = more;
  const wanted = releases.map((each) => ({ image: KEY, release: each }));
  return makeFleet({
    ...{ lock: { images: { [KEY]: releases } }, wanted, only: false, clouds: [answer(servers, images)] },
    ...sources,
  });
}

/** `a past: s1 s2`. */
const said = (made: ReturnType<typeof fleet>) =>
  made.images.flatMap((each) =>
    each.releases.map(({ release: digits, state, servers }) =>
      `${digits[0]} ${state}: ${servers.map(({ id }) => id).join(" ")}`.trim(),
    ),
  );

test("each server is counted once: on its release, on another image, or as one of which nothing is known", () => {
  const made = fleet([
    server("1", "image-a"),
    server("2", "image-b"),
    server("3", "x"),
    server("4"),
    server("2", "image-b"),
  ]);
  expect(said(made)).toEqual(["a past: 1", "b in use: 2"]);
  expect(made).toMatchObject({ otherImages: 1, fromVolume: [{ id: "4" }], clouds: [{ servers: "all projects" }] });
  expect(made.images[0]?.releases.map(({ shown }) => shown)).toEqual([false, true]);
});

test("a revoked release is so by the lock, or by the mark of another checkout", () => {
  const revoked = { [OLD]: { date: "2026-11-20T10:00:00Z", reason: "its key leaked" } };
  const byLock = fleet([server("1", "image-a")], { lock: { images: { [KEY]: releases }, revoked } });
  expect(byLock.images[0]?.releases[0]).toMatchObject({ state: "revoked", why: "2026-11-20 its key leaked" });
  const marked = image("image-b", { visa_revoked: "2026-11-20 its key leaked" });
  const byMark = fleet([], { clouds: [{ ...answer([]), images: [marked] }] });
  expect(byMark.images[0]?.releases[1]).toMatchObject({ state: "revoked", why: "2026-11-20 its key leaked" });
  // What another project has, or nobody any more, is not known to be hidden.
  expect(byMark.images[0]?.releases[0]).not.toHaveProperty("shown");
});

test("a retired release is so by the lock or by its mark; where it is revoked too, that is what counts", () => {
  const retired = { [OLD]: "2026-11-28T10:00:00Z" };
  const byLock = fleet([], { lock: { images: { [KEY]: releases }, retired } });
  expect(byLock.images[0]?.releases[0]).toMatchObject({ state: "retired", why: "2026-11-28" });
  const marked = image("image-a", { visa_retired: "2026-11-28T10:00:00Z" });
  const byMark = fleet([], { clouds: [{ ...answer([]), images: [marked] }] });
  expect(byMark.images[0]?.releases[0]).toMatchObject({ state: "retired", why: "2026-11-28" });
  const revoked = { [OLD]: { date: "2026-11-20T10:00:00Z", reason: "its key leaked" } };
  const both = fleet([], { lock: { images: { [KEY]: releases }, retired, revoked } });
  expect(both.images[0]?.releases[0]).toMatchObject({ state: "revoked" });
});

test("images of this package that the lock lacks, and those of nobody here", () => {
  const own = { visa_image: "images/other", visa_release: "c".repeat(12), visa_fingerprint: "c", visa_template: "t" };
  const images = [image("image-c", own), image("plain")];
  const made = fleet([server("1", "image-c"), server("2", "plain")], { images });
  expect(said(made)).toEqual(["a past:", "b in use:", "c not in the lock: 1"]);
  expect(made.otherImages).toBe(1);
  const wanted = [{ image: KEY, release: release(OLD) }];
  const only = fleet([server("1", "image-c")], { images, wanted, only: true });
  expect(said(only)).toEqual(["a past:"]);
});

test("a server from a snapshot runs on the release of which that is a copy", () => {
  const copy = { image_type: "snapshot", base_image_ref: "image-a", visa_image: KEY, visa_release: OLD };
  const images = [image("copy", copy), image("of-nobody", { ...copy, visa_release: "d".repeat(12) })];
  const made = fleet([server("1", "copy"), server("2", "of-nobody")], { images });
  expect(made.images[0]?.releases[0]?.servers).toEqual([expect.objectContaining({ id: "1", fromSnapshot: true })]);
  expect(made).toMatchObject({ otherImages: 1, images: [expect.anything()] });
});

test("what VISA says of an instance; of others it says nothing", () => {
  const instances = [
    { computeId: "1", ends: "2026-12-10T09:00:00.000Z", owner: "Ada Lovelace" },
    { computeId: "2", ends: null },
  ];
  const made = fleet([server("1", "image-a"), server("2", "image-a"), server("3", "image-a")], { instances });
  const [first, second, third] = made.images[0]?.releases[0]?.servers ?? [];
  expect(first).toMatchObject({ ends: "2026-12-10T09:00:00.000Z", owner: "Ada Lovelace" });
  expect(second).toMatchObject({ ends: null });
  expect(third).not.toHaveProperty("ends");
});

test("a cloud that cannot be asked is told, and the others are counted", () => {
  const unknown: CloudAnswer = {
    cloud: "north",
    images: [],
    servers: { kind: "unknown", reason: "Nova answered 500" },
  };
  const made = fleet([], { clouds: [answer([server("1", "image-a")]), unknown] });
  expect(made.clouds).toEqual([
    { servers: "all projects" },
    { cloud: "north", servers: "unknown", reason: "Nova answered 500" },
  ]);
  expect(said(made)[0]).toBe("a past: 1");
});
