/** Arguments of the command line: the original's options, and values that several commands read alike. */
import { InvalidArgumentError } from "@commander-js/extra-typings";

/** Options of build-image.sh that a parser of today does not take as they are, its misspelling among them. */
const ORIGINAL_OPTIONS: Readonly<Record<string, string>> = {
  "-pp": "--pam-public",
  "-rp": "--root-password",
  "--root-psasword": "--root-password",
  "-hp": "--http-proxy",
  "-np": "--no-proxy",
  "-nh": "--not-headless",
  "--notheadless": "--not-headless",
};

/** The same arguments with the original's options by their long names; what follows `--` stays as it is. */
export function expandOriginalOptions(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  return args.map((arg, i) => {
    if (end >= 0 && i > end) return arg;
    const [name = "", ...value] = arg.split("=");
    if (!Object.hasOwn(ORIGINAL_OPTIONS, name)) return arg;
    return [ORIGINAL_OPTIONS[name], ...value].join("=");
  });
}

/** For options that may be given more than once. */
export function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

/** For options that are a whole number. */
export function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("a whole number is needed.");
  return Number(text);
}
