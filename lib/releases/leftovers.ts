/** Images that an upload left in Glance when it, or Terraform, was stopped: in no lock, and never protected. */
import type { GlanceImage } from "../cloud/glance";
import { isSnapshot } from "./release";
import type { Release } from "./release-lock";

/** What Glance calls an image whose data are not all there. */
const UNFINISHED = new Set(["queued", "saving", "importing", "uploading"]);

/**
 * The images of one `<stack>/<id>` that were never registered: those without all of their data, and hidden second images
 * of a release that the lock has under another id.
 *
 * An image that is active and of a release that the lock lacks is none: another checkout may have registered it.
 *
 * @param images all that carry the image's key
 */
export function leftovers(images: readonly GlanceImage[], known: readonly Release[]): GlanceImage[] {
  return images.filter((each) => {
    if (isSnapshot(each) || each.protected || known.some(({ imageId }) => imageId === each.id)) return false;
    if (UNFINISHED.has(each.status)) return true;
    return each.status === "active" && each.os_hidden && known.some(({ release }) => release === each.visa_release);
  });
}
