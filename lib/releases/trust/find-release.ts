import type { Glance, GlanceImage } from "../../cloud/glance";
import { ExitCode, VisaImageError } from "../../errors";
import { isSnapshot } from "../release";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The image that a person names: by its id in Glance, also one of another project; by its release's 12 digits or its name,
 * of this project's own. Where several have the name, the one that is not hidden.
 *
 * @throws VisaImageError (exit code 2) where there is none, or more than one
 */
export async function findRelease(glance: Glance, name: string): Promise<GlanceImage> {
  const byId = UUID.test(name) ? await glance.image(name) : undefined;
  if (byId) return byId;
  const known = /^[0-9a-f]{12}$/.test(name) ? await glance.images({ visa_release: name }) : [];
  const named = known.length > 0 ? known : await glance.images({ name });
  const found = named.filter((each) => !isSnapshot(each));
  const visible = found.filter((each) => !each.os_hidden);
  const [image, ...more] = visible.length > 0 ? visible : found;
  if (image && more.length === 0) return image;
  throw new VisaImageError(
    image ? `"${name}" is the name of ${more.length + 1} images` : `Glance has no image "${name}"`,
    {
      fix: image
        ? `give an id: ${[image, ...more].map(({ id }) => id).join(", ")}`
        : "give an image's id, its name or its release's 12 digits: npx visa-image lock show",
      exitCode: ExitCode.USAGE,
    },
  );
}
