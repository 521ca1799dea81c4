/**
 * Every error that a person may see is made here: lower case, the offending value in quotes, file and line where there
 * is one, then the fix. The command line tool prints `message` and exits with `exitCode`; a stack trace is shown only
 * with `--debug`.
 */

/** Exit codes of `visa-image`. */
export const ExitCode = {
  /** Something went wrong that has no code of its own. */
  FAILURE: 1,
  /** The input is wrong or something that the template needs is missing: nothing was started. */
  USAGE: 2,
  /** Packer ran and failed. */
  PACKER: 3,
  /** An input is no longer what the plan was made from. */
  CHANGED: 4,
  /** `visa-image review`: a plan destroys or replaces something that nobody named. */
  LOSES: 5,
  /** `visa-image stale`: an image in use has packages with newer versions. `fleet`: servers run on a revoked release. */
  STALE: 6,
  /** Interrupted by SIGINT (128 + 2), as shells say it. */
  INTERRUPTED: 130,
  /** Ended by SIGTERM (128 + 15). */
  TERMINATED: 143,
} as const;

/** A place in a file, counted from 1. */
export interface Location {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** Options of a {@link VisaImageError}. */
export interface VisaImageErrorOptions {
  /** Where in the user's files. */
  readonly location?: Location;
  /** What to do about it: a sentence or a corrected snippet. */
  readonly fix?: string;
  /** @default ExitCode.FAILURE */
  readonly exitCode?: number;
  readonly cause?: unknown;
}

/** An error that says what is wrong, where, and what to do. */
export class VisaImageError extends Error {
  readonly location?: Location;
  readonly fix?: string;
  readonly exitCode: number;

  constructor(what: string, options: VisaImageErrorOptions = {}) {
    super(format(what, options), { cause: options.cause });
    this.name = "VisaImageError";
    this.location = options.location;
    this.fix = options.fix;
    this.exitCode = options.exitCode ?? ExitCode.FAILURE;
  }
}

/** An error in what a person gave: in a template, an option, a variable of the environment. */
export function usageError(
  what: string,
  location: Location | undefined,
  fix: string | undefined,
  cause?: unknown,
): VisaImageError {
  return new VisaImageError(what, { location, fix, exitCode: ExitCode.USAGE, cause });
}

/** What to do where there is no room left. */
export const NO_ROOM_FIX = "make room, or let VISA_IMAGE_CACHE name a folder on another disk";

/** An error of the file system in words that say what to do; nothing for any other error. */
export function fileError(error: unknown): VisaImageError | undefined {
  const { code = "", message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return new VisaImageError(`no room left: ${message}`, {
        fix: `${NO_ROOM_FIX}; then start it again`,
        cause: error,
      });
    case "EROFS":
    case "EACCES":
    case "EPERM":
      return new VisaImageError(`cannot use a file or folder: ${message}`, {
        fix: "correct its permissions; VISA_IMAGE_CACHE names another folder for the cache, and need not be in the home directory",
        exitCode: ExitCode.USAGE,
        cause: error,
      });
    case "EIO":
    case "ESTALE":
      return new VisaImageError(`a disk or a network file system does not answer as it should: ${message}`, {
        fix: "look into the kernel's log (dmesg), or let VISA_IMAGE_CACHE name a folder on a disk of this machine",
        cause: error,
      });
    default:
      return undefined;
  }
}

/** A line of a message beyond this is some file's content, and hides what the message says. */
const LONGEST_LINE = 600;

function shorten(text: string): string {
  return text
    .split("\n")
    .map((line) => (line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line))
    .join("\n");
}

/** Between what is wrong and what to do, in a message. */
const BEFORE_FIX = "\n  fix: ";

/** What is wrong, of an error's message: all before its fix. */
export function withoutFix(message: string): string {
  return message.split(BEFORE_FIX, 1)[0] ?? "";
}

function format(what: string, { location, fix }: VisaImageErrorOptions): string {
  const where = location
    ? `${[location.file, location.line, location.column].filter((x) => x !== undefined).join(":")}: `
    : "";
  return shorten(fix ? `${where}${what}${BEFORE_FIX}${fix}` : `${where}${what}`);
}
