import type { GlanceImage } from "../../lib/cloud/glance";
import { leftovers } from "../../lib/releases/leftovers";
import type { Release } from "../../lib/releases/release-lock";

const RELEASE = "1".repeat(12);
const known = [{ release: RELEASE, imageId: "registered" } as Release];

function image(id: string, changes: Record<string, unknown>): GlanceImage {
  const plain = { id, status: "active", protected: false, os_hidden: true, visa_release: RELEASE };
  return { ...plain, ...changes } as unknown as GlanceImage;
}

function found(...images: GlanceImage[]): string[] {
  return leftovers(images, known).map(({ id }) => id);
}

test("are images without all of their data, and second ones of a registered release", () => {
  const images = [
    image("registered", { protected: true, os_hidden: false }),
    image("queued", { status: "queued", visa_release: "2".repeat(12) }),
    image("cut off", { status: "saving" }),
    image("made visible by an older version", { status: "queued", os_hidden: false }),
    image("second", {}),
  ];
  expect(found(...images)).toEqual(["queued", "cut off", "made visible by an older version", "second"]);
});

test("are never what the lock has, what is protected or visible, or what another checkout may have registered", () => {
  expect(
    found(
      image("registered", { status: "queued" }),
      image("protected", { protected: true, status: "queued" }),
      image("snapshot that Nova writes", { status: "saving", image_type: "snapshot", base_image_ref: "registered" }),
      image("snapshot", { image_type: "snapshot" }),
      image("visible", { os_hidden: false }),
      image("another release", { visa_release: "2".repeat(12) }),
      image("switched off by an administrator", { status: "deactivated" }),
    ),
  ).toEqual([]);
});
