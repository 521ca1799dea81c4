/** What a stack wants VISA to have of an image. Synth stages it as JSON; it holds no address of VISA and no token. */
import { readFileSync } from "node:fs";
import { ExitCode, VisaImageError } from "../errors";

/** The file's format. */
export const WANTED_VERSION = 1;

/** Whom VISA grants an extension of an instance's life without asking. */
export type AutoAcceptExtensionRequest = "ALL" | "STAFF" | "NONE";

/** `candidate`: hidden, for administrators to try. `production`: shown, and the entry before it is hidden. */
export type VisaChannel = "candidate" | "production";

/** A flavour that is offered with the image. */
export interface WantedPlan {
  /** VISA's name of the flavour. */
  readonly flavour: string;
  /** Whether it is the one that is chosen already when VISA's page opens. */
  readonly preset: boolean;
}

/** The fields of VISA's form. What is undefined stays as it is; a new entry takes it from the one before. */
export interface WantedFields {
  readonly name: string;
  readonly version?: string;
  /** Without the mark. */
  readonly description?: string;
  readonly icon?: string;
  /** VISA's names of protocols. */
  readonly protocols: readonly string[];
  readonly defaultDesktop: string;
  readonly secondaryDesktop?: string;
  readonly autologin?: string;
  readonly bootCommand?: string;
  readonly cloudClient?: string;
  readonly autoAcceptExtensionRequest?: AutoAcceptExtensionRequest;
}

/** What VISA is to have. */
export interface Wanted {
  readonly version: typeof WANTED_VERSION;
  /** `<stack>/<id>` of the registration: what entries are known by. */
  readonly key: string;
  /** `<stack>/<id>` of the image in the lock, where it is one of this package's. */
  readonly image?: string;
  /** The release's 12 digits, where it has some. */
  readonly release?: string;
  /** The image's id in Glance, where synth knows it. */
  readonly imageId?: string;
  /** Whether the description of a new entry says what changed since the one before. */
  readonly tellChanges?: boolean;
  readonly channel: VisaChannel;
  readonly fields: WantedFields;
  /** `move`: those of the entry before. */
  readonly plans: "move" | readonly WantedPlan[];
}

/** Reads a staged file. @throws VisaImageError where it is none, or one of another version */
export function readWanted(file: string): Wanted {
  const fix = "synthesize again: npx cdktf synth";
  let wanted: Wanted;
  try {
    wanted = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new VisaImageError("cannot read what is wanted of VISA", {
      location: { file },
      fix,
      exitCode: ExitCode.USAGE,
      cause,
    });
  }
  if (wanted.version === WANTED_VERSION) return wanted;
  throw new VisaImageError(`the format is ${wanted.version}, expected ${WANTED_VERSION}`, {
    location: { file },
    fix,
    exitCode: ExitCode.USAGE,
  });
}
