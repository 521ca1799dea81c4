/** Which releases of a lock a person means. */
import { ExitCode, VisaImageError } from "../errors";
import { suggestion } from "../nearest";
import type { NamedRelease } from "./choose-artifact";

/**
 * Those that are meant by names: `<stack>/<id>`, `<id>`, the name in Glance, the image's id there, or the first digits (at
 * least 4) of a release or a fingerprint.
 *
 * @param refuse makes the error for a name that none has, with a fix
 */
export function releasesNamed(
  all: readonly NamedRelease[],
  names: readonly string[],
  refuse: (name: string, fix: string) => VisaImageError,
): NamedRelease[] {
  if (names.length === 0) return [...all];
  const found = names.map((name) => {
    const matching = all.filter((each) => isNamed(name, each));
    if (matching.length > 0) return matching;
    throw refuse(name, suggestion(name, new Set(all.map(({ image }) => image)), "images"));
  });
  return [...new Set(found.flat())];
}

function isNamed(name: string, { image, release }: NamedRelease): boolean {
  if ([image, image.slice(image.indexOf("/") + 1), release.name, release.imageId].includes(name)) return true;
  const digits = /^[0-9a-f]{4,64}$/.test(name);
  return digits && [release.release, release.fingerprint].some((each) => each.startsWith(name));
}

/** The error for a release that a lock does not have. @param file the lock's path */
export function noSuchRelease(release: string, file: string): VisaImageError {
  return new VisaImageError(`the lock has no release "${release}"`, {
    location: { file },
    fix: "give a release's 12 digits or its image's id: npx visa-image lock show",
    exitCode: ExitCode.USAGE,
  });
}
