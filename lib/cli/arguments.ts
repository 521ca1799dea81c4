/** Arguments of the command line: the original's options, and values that several commands read alike. */

import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { wholeMebibytes } from "../mebibytes";
import { OPTIONS, renamedWarning } from "../present-names";

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

/**
 * The same arguments with the original's options by their long names, and options of before by their present ones; what
 * follows `--` stays as it is.
 *
 * @param warn told about options of before
 */
export function expandOriginalOptions(args: readonly string[], warn: (message: string) => void = () => {}): string[] {
  const end = args.indexOf("--");
  return args.map((arg, i) => {
    if (end >= 0 && i > end) return arg;
    const [name = "", ...value] = arg.split("=");
    const now = OPTIONS[name];
    if (now !== undefined) {
      warn(renamedWarning(name, now));
      return [now, ...value].join("=");
    }
    if (!Object.hasOwn(ORIGINAL_OPTIONS, name)) return arg;
    return [ORIGINAL_OPTIONS[name], ...value].join("=");
  });
}

/** For options that may be given more than once. */
function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

/** For options that are a whole number. */
export function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("a whole number is needed.");
  return Number(text);
}

/** For options that are the number of a step. */
export function step(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("the number of a step is needed: 2; 0 for none.");
  return Number(text);
}

/** For options that are a size, in MiB. */
export function size(text: string): number {
  const found = wholeMebibytes(text);
  if (found === undefined) throw new InvalidArgumentError("a size is needed: 4G, or 4096 (MiB).");
  return found;
}

// Options that several commands have.
export const catalog = () =>
  new Option(
    "--catalog <dir>",
    "folder of config.yml (VISA_CATALOG; default: this folder where it has one, else the shipped one)",
  );
export const variable = () =>
  new Option("--variable <name=value>", "a value of the template, or of another one: template.name=value")
    .argParser(collect)
    .default([] as string[]);
export const allow = () =>
  new Option("--allow <address>", "what may be destroyed or replaced, by its address in the plan; as often as needed")
    .argParser(collect)
    .default([] as string[], "nothing");
export const securityGroup = () =>
  new Option("--security-group <name>", "with --on-cloud: one that VISA gives its instances, as often as needed")
    .argParser(collect)
    .default([] as string[], "one that is made for it");
export const pamPublic = () =>
  new Option("--pam-public <file>", "-pp: VISA's public key (PEM) to put into the image (VISA_PAM_PUBLIC_KEY)");
export const httpProxy = () => new Option("--http-proxy <url>", "-hp: proxy of the build (VISA_HTTP_PROXY)");
export const noProxy = () => new Option("--no-proxy <hosts>", "-np: hosts without proxy (VISA_NO_PROXY_HOSTS)");
export const cache = () => new Option("--cache <dir>", "folder of what was built (VISA_IMAGE_CACHE)");
export const json = () => new Option("--json", "for programs");
export const accelerator = () =>
  new Option("--accelerator <name>", "how it runs (VISA_BUILD_ACCELERATOR)").choices(["auto", "kvm", "tcg"] as const);
