/** Which release of an image is in use, which stay in Terraform's hands, and which it forgets: by the lock alone. */
import { ExitCode, VisaImageError } from "../errors";
import { DEFAULT_RETAIN, type Release } from "./release-lock";

/** What {@link planReleases} is asked. */
export interface ReleaseQuestion {
  /** The image's key in the lock: `<stack>/<id>`. */
  readonly image: string;
  /** The lock's path, for the message. */
  readonly lockFile: string;
  /** The release that follows from the templates, as `releaseOf` names it. */
  readonly newest: string;
  /** The one that is asked for. @default - the newest */
  readonly release?: string;
  /** Past releases to keep. @default 1 */
  readonly retain?: number;
  /** What the lock has as retired: dates by release. @default - none */
  readonly retired?: Readonly<Record<string, string>>;
}

/** What becomes of the releases of an image. */
export interface ReleasePlan {
  /** The one in use: 12 digits. */
  readonly release: string;
  /** Whether the lock has it: its image is in Glance, and was shown once. */
  readonly known: boolean;
  /** What the lock says of it, where it is one of the past: nothing is to be built. @default - it is the newest */
  readonly again?: Release;
  /** Past ones that are kept, hidden: the last one that was in use comes first. */
  readonly kept: readonly Release[];
  /** Past ones that stay in Glance, and are Terraform's no more. */
  readonly forgotten: readonly Release[];
}

/**
 * What becomes of the releases that the lock knows, in the order of their use.
 *
 * @throws VisaImageError where the lock does not have the one that is asked for, and for one that is retired
 */
export function planReleases(releases: readonly Release[], question: ReleaseQuestion): ReleasePlan {
  const { newest, release = newest, retain = DEFAULT_RETAIN } = question;
  const own = releases.find((each) => each.release === release);
  if (!own && release !== newest) throw unknownRelease(releases, question);
  if (question.retired?.[release] !== undefined) throw retiredRelease(release, question);
  const past = releases.filter((each) => each !== own).reverse();
  return {
    release,
    known: own !== undefined,
    ...(release !== newest && { again: own }),
    kept: past.slice(0, retain),
    forgotten: past.slice(retain),
  };
}

function unknownRelease(releases: readonly Release[], { image, lockFile, release }: ReleaseQuestion): VisaImageError {
  const known = releases.map((each) => `${each.release} (${each.registered.slice(0, 10)})`).join(", ");
  return new VisaImageError(`the lock has no release "${release}" of "${image}"`, {
    location: { file: lockFile },
    fix: known
      ? `choose one of: ${known}`
      : "leave out the release; where the lock has lost it: npx visa-image lock sync",
  });
}

/** Shown again it would be started from again. */
function retiredRelease(release: string, { image, lockFile, newest, retired }: ReleaseQuestion): VisaImageError {
  const again =
    release === newest
      ? 'the templates make it again: change them, go back to another one (release: "…")'
      : "name another one";
  return new VisaImageError(
    `release "${release}" of "${image}" was retired on ${retired?.[release]?.slice(0, 10)}: nothing was planned`,
    {
      location: { file: lockFile },
      fix: `${again}, or take it back: npx visa-image retire ${release} --undo`,
      exitCode: ExitCode.CHANGED,
    },
  );
}
