/** What a review says: the same for a person who reads it, and for a program (`--json`). */
import type { FileHistory } from "../runner/host/git";
import type { Difference } from "./values";

/** The format of `--json`. */
export const REVIEW_VERSION = 1;

/** What is lost by a plan: somebody has to have meant it. */
export interface Loss {
  readonly address: string;
  readonly what: "instance" | "image" | "VISA entry" | "resource";
  /** `rebuilt`: an instance keeps its address and loses its disk. `hidden`: VISA's entry. */
  readonly fate: "destroyed" | "replaced" | "rebuilt" | "hidden";
  /** In the cloud. */
  readonly name?: string;
  readonly id?: string;
  /** Of an instance: whose it is, as VISA's metadata say. */
  readonly owner?: string;
  /** What follows from it. */
  readonly consequence?: string;
  readonly why: string;
  /** Whether `--allow` names it. */
  readonly allowed: boolean;
}

/** One input of a layer that is another one now. */
export interface ChangedInput extends Difference {
  /** The files that it is, as far as this machine has what synth staged. */
  readonly files?: readonly KnownFile[];
}

/** A file, and what Git says of it. */
export interface KnownFile {
  /** As seen from the working directory. */
  readonly path: string;
  /** What Git says of it. @default - Git has no answer */
  readonly git?: FileHistory;
  /** The npm package that has it. @default - it is a file of one's own */
  readonly package?: string;
}

/** A layer that a deploy has to do with. */
export interface LayerReview {
  readonly address: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly fingerprintBefore?: string;
  /**
   * `first`: the state has none. `changed`: its inputs did. `retry`: its last build failed or was stopped. `same disk`: what
   * changed makes another image of the same layer.
   */
  readonly why: "first" | "changed" | "retry" | "same disk";
  /** The layer below, where that is built too. */
  readonly standsOn?: string;
  readonly changed: readonly ChangedInput[];
  /** Whether this machine's cache has it already. */
  readonly cached?: boolean;
  /** How long its last build took on this machine, as its cache has it. */
  readonly lastBuild?: { readonly seconds: number; readonly at: string };
}

/** What becomes of an image's releases. */
export interface ImageReview {
  /** `<stack>/<id>`, or the address's part where the plan does not say. */
  readonly image: string;
  readonly name?: string;
  /**
   * `new`: a release is made. `back`: one that there is comes into use again. `again`: the one in use is uploaded once more.
   * `same`: the one in use stays.
   */
  readonly kind: "new" | "back" | "again" | "same";
  readonly release?: string;
  readonly releaseBefore?: string;
  /** Layers by which it is another one. */
  readonly layers: readonly string[];
  /** Whether somebody deleted the one in use in Glance. @default false */
  readonly gone?: boolean;
  /** Why the gate runs where nothing is built. */
  readonly verifiedAgain?: readonly Difference[];
  readonly upload?: Upload;
  /** Releases by their digits. */
  readonly shown: readonly string[];
  readonly hidden: readonly string[];
  /** They stay in Glance, and leave Terraform's hands. */
  readonly forgotten: readonly string[];
  /** They are taken into the state by their ids. */
  readonly imported: readonly string[];
  /** Releases that Glance is told to protect from now on, or no more. */
  readonly protected: readonly string[];
  readonly unprotected: readonly string[];
  /** What changes on the image that is there. */
  readonly changed: readonly Difference[];
}

/** What is uploaded. */
export interface Upload {
  readonly format?: string;
  readonly fingerprint?: string;
  /** Of the disk that is in this machine's cache. */
  readonly bytes?: number;
  /** Of the release before: the disk is yet to be built. */
  readonly bytesBefore?: number;
}

/** What VISA is told. */
export interface VisaReview {
  /** The registration's part of the address. */
  readonly registration: string;
  readonly kind: "new" | "changed" | "retry";
  readonly fields: readonly Difference[];
}

/** Anything else that changes. */
export interface OtherChange {
  readonly address: string;
  readonly fate: "created" | "updated" | "forgotten" | "imported" | "moved" | "done again";
  /** Of an update: names of attributes, never what they say. */
  readonly attributes: readonly string[];
}

/** A plan, as a person has to judge it. */
export interface PlanReview {
  readonly version: typeof REVIEW_VERSION;
  /** `nothing` to do, `routine`, or something for a person to `judge`. */
  readonly verdict: "nothing" | "routine" | "judge";
  readonly terraformVersion: string;
  readonly losses: readonly Loss[];
  readonly images: readonly ImageReview[];
  readonly layers: readonly LayerReview[];
  readonly visa: readonly VisaReview[];
  readonly others: readonly OtherChange[];
  /** Names of outputs that change. */
  readonly outputs: readonly string[];
  /** Whether a part of the plan is put off to the next one. */
  readonly partial: boolean;
}
