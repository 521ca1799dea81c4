/** Who signed a Release file: gpgv against a keyring, as apt does it. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { ExitCode, VisaImageError } from "../errors";
import { toolEnvironment } from "../runner/processes/tool-environment";
import { signedText } from "./release-file";

/** Where Debian's package debian-archive-keyring puts its keys. */
export const ARCHIVE_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** A text, and whether a key of the keyring signed it. */
export interface CheckedText {
  readonly text: string;
  /** False where there is nothing to check it with. */
  readonly checked: boolean;
}

/**
 * The signed text of an InRelease file. One good signature is enough, and none may be bad: a suite is signed by the keys of
 * two releases, of which an older keyring knows one.
 *
 * @param keyring an absolute path. @default - Debian's, where it is installed
 * @param gpgv the program, for tests
 * @throws VisaImageError where it is cut off, or no key that is known signed it
 */
export function checkedText(inRelease: string, where: string, keyring?: string, gpgv = "gpgv"): CheckedText {
  const plain = signedText(inRelease, where);
  if (keyring !== undefined && !existsSync(keyring)) {
    throw new VisaImageError(`there is no keyring "${keyring}"`, {
      fix: "correct --keyring, or leave it out for Debian's own keys",
      exitCode: ExitCode.USAGE,
    });
  }
  if (keyring === undefined && !existsSync(ARCHIVE_KEYRING)) return { text: plain, checked: false };
  const args = ["--status-fd", "2", "--keyring", keyring ?? ARCHIVE_KEYRING, "--output", "-"];
  const options = { input: inRelease, maxBuffer: 64 << 20, env: toolEnvironment() };
  const { error, stdout, stderr } = spawnSync(gpgv, args, options);
  if ((error as NodeJS.ErrnoException | undefined)?.code === "ENOENT") return { text: plain, checked: false };
  const status = stderr?.toString() ?? "";
  if (!/^\[GNUPG:\] GOODSIG /m.test(status) || /^\[GNUPG:\] BADSIG /m.test(status)) {
    const what = /^\[GNUPG:\] BADSIG /m.test(status)
      ? "it was changed since"
      : /^\[GNUPG:\] (EXPKEYSIG|EXPSIG|REVKEYSIG) /m.test(status)
        ? "its key has expired or was revoked"
        : "no key that is known signed it";
    throw new VisaImageError(`the signature of "${where}" does not hold: ${what}`, {
      fix: "install the newest debian-archive-keyring; a mirror of one's own that signs itself: --keyring",
    });
  }
  return { text: stdout.toString(), checked: true };
}
