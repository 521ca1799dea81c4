/**
 * `/etc/visa/release.json`: what an image says of itself on each of its instances, so that a scientist can cite the
 * environment of a measurement.
 *
 * The runner writes it at the end of a layer's build, with what is known then. It is no input of the image: a new commit or
 * another day builds nothing, and an artifact that the cache has keeps what it said when it was built. Nor can it say
 * under which name it is registered: one disk may be several releases in Glance (docs/decisions/visa.md).
 */
import { short } from "../../fingerprint/digest";
import { commitWords, type GitState } from "../host/git";

/** The file in the image, root's, readable by all. */
export const RELEASE_FILE = "/etc/visa/release.json";

/** What {@link RELEASE_FILE} says. */
export interface ImageRelease {
  /** The template's name. */
  readonly name: string;
  /** Of this package: with the templates that it brings. */
  readonly version: string;
  /** 12 digits of the fingerprint: what `visa-image show` knows, and `visa_fingerprint` in Glance begins with. */
  readonly release: string;
  /** Of the layer: what the image was made from. */
  readonly fingerprint: string;
  /** When the build began: ISO 8601, UTC. */
  readonly date: string;
  /** Of the folder that it was built from, as `visa_commit` in Glance has it; null where that is in no git repository. */
  readonly commit: string | null;
}

/** What {@link imageRelease} is told. */
export interface ImageReleaseOptions {
  readonly template: string;
  readonly fingerprint: string;
  readonly packageVersion: string;
  /** @default - the folder is in no git repository */
  readonly git?: GitState;
  /** @default now */
  readonly date?: Date;
}

/** What the image of a build that begins now says. */
export function imageRelease(options: ImageReleaseOptions): ImageRelease {
  const { template, fingerprint, packageVersion, git, date = new Date() } = options;
  return {
    name: template,
    version: packageVersion,
    release: short(fingerprint),
    fingerprint,
    date: `${date.toISOString().slice(0, 19)}Z`,
    commit: git ? commitWords(git) : null,
  };
}

/**
 * Lines of a shell's script that write it, and end the script where they cannot.
 *
 * @param folder in the place of /etc/visa, whose mode is left as it is
 */
export function writeRelease(release: ImageRelease, folder = "/etc/visa"): string {
  const file = `${folder}/release.json`;
  return `if [ ! -d '${folder}' ]; then mkdir -m 755 '${folder}' || exit 1; fi
cat > '${file}.new' <<'END_OF_RELEASE' || exit 1
${JSON.stringify(release, null, 2)}
END_OF_RELEASE
chown 0:0 '${file}.new' && chmod 644 '${file}.new' && mv -f '${file}.new' '${file}' || exit 1
`;
}
