import type { MachineOptions } from "../specification";
import type { Catalog } from "../template/catalog";
import type { ExcludedFile } from "../template/files";
import { type PamPublicKey, readPamPublicKey } from "../template/pam-public-key";

/** What to specify. */
export interface SpecifyOptions {
  readonly catalog: Catalog;
  /** Name of the last layer's template. */
  readonly template: string;
  /**
   * Values by template name, over environment.yml and over the process environment; undeclared names are refused.
   * @default none
   */
  readonly variables?: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
  /**
   * Free text, for example "2026-11": a new one asks for a new build of the same inputs, since packages move on. A
   * bootstrapped base is made anew with it.
   * @default none
   */
  readonly cacheBuster?: string;
  /** @deprecated cacheBuster */
  readonly refresh?: string;
  /**
   * As `cacheBuster`, for single layers, by template: what stands on one of them is built anew with it, the base with the
   * first. The release lock has such ones (`visa-image stale --update`).
   * @default none
   */
  readonly layerRefreshes?: Readonly<Record<string, string>>;
  /**
   * PEM file of VISA's PAM public key (RSA): the variable `pam_public_key` of every template that declares it.
   * 768 to 1248 bits: xrdp takes few or no tokens of a larger one (up to 1440 bits a warning, then an error).
   * @default the image has no key until VISA's metadata brings one
   */
  readonly pamPublicKeyFile?: string;
  /**
   * Settings of the build machine, for every layer, over the templates and the environment of the build; never part of a
   * fingerprint. @default - none: docs/inputs.md
   */
  readonly machine?: MachineOptions;
  /**
   * Whether optional secrets will be set, by name: for a plan that is made where the secrets are not.
   * @default whether `environment` has them
   */
  readonly secrets?: Readonly<Record<string, boolean>>;
  /**
   * Only the variables that a template declares, and the original's `proxy` and `no_proxy`, are read; of secrets only
   * whether they are set.
   * @default process.env
   */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Called for what is odd but no error. @default process.emitWarning */
  readonly onWarning?: (message: string) => void;
  /** Called for what lies in a folder of a template and is no input, and why. @default nothing */
  readonly onExcluded?: (template: string, file: ExcludedFile) => void;
  /** Folder of the scripts that every build runs, for tests. @default this package's */
  readonly guestFolder?: string;
}

/** The options with what stands behind them. @internal */
export interface Given {
  readonly options: SpecifyOptions;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly pamPublicKey?: PamPublicKey;
}

/** Reads what the options name. @throws VisaImageError for a key that cannot be used @internal */
export function readOptions(options: SpecifyOptions): Given {
  const { environment = process.env, pamPublicKeyFile } = options;
  return {
    options,
    environment,
    pamPublicKey: pamPublicKeyFile === undefined ? undefined : readPamPublicKey(pamPublicKeyFile),
  };
}
