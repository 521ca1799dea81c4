/** Images that nobody is to start from any more: hidden in Glance, with a property that says since when and why. */
import type { Glance } from "../cloud/glance";

/** Hides an image, and marks it: at once, so that none is the one without the other. @param mark at most 255 characters of it */
export async function hideMarked(glance: Glance, imageId: string, property: string, mark: string): Promise<void> {
  await glance.update(imageId, { os_hidden: true, [property]: mark.slice(0, 255) });
}

/** Takes a mark away. @param show whether the image is to be shown again */
export async function unmark(glance: Glance, imageId: string, property: string, show: boolean): Promise<void> {
  await glance.update(imageId, { [property]: undefined, ...(show && { os_hidden: false }) });
}
