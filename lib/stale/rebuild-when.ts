/** When an image is to be built anew though none of its inputs changed: what code says, and what it comes to. */
import { readFileSync } from "node:fs";
import { ExitCode, VisaImageError } from "../errors";
import type { NewerPackage } from "./newer-packages";
import type { StaleImage } from "./stale";
import { bySource } from "./text";

/** When `visa-image stale --update` asks for a new build of an image. */
export interface RebuildWhen {
  /** Once one of its packages has a security fix. @default false */
  readonly securityUpdates?: boolean;
  /** Once its release was registered more than so many days ago. @default - whatever its age */
  readonly olderThanDays?: number;
}

/** The staged file's format. */
export const RULE_VERSION = 1;

/** What synth stages of an image that has such a rule. */
export interface RebuildRule {
  readonly version: typeof RULE_VERSION;
  /** `<stack>/<id>` in the lock. */
  readonly image: string;
  readonly rebuildWhen: RebuildWhen;
  /** Templates, from the first layer to the image's own. */
  readonly layers: readonly string[];
  /** Kind of what the first layer starts from: only a bootstrapped base is made anew with it. */
  readonly base: string;
}

/** A new build that is asked for: a layer, and why, in the words that a plan shows. */
export interface Refresh {
  readonly image: string;
  readonly layer: string;
  readonly reason: string;
}

/** Source packages that a reason names. */
const NAMED = 3;

const DAY = 24 * 3600 * 1000;

/**
 * What a rule asks for, given what was found out; nothing where it asks for nothing. The same findings give the same words:
 * they are an input of the layer.
 *
 * @returns a text where a new build would not help, or too little is known
 */
export function refreshOf(rule: RebuildRule, image: StaleImage, now = Date.now()): Refresh | string | undefined {
  const { rebuildWhen, layers } = rule;
  const fixes = rebuildWhen.securityUpdates ? image.newer.filter(({ security }) => security) : [];
  const age = image.registered === undefined ? 0 : now - Date.parse(image.registered);
  const old = rebuildWhen.olderThanDays !== undefined && age > rebuildWhen.olderThanDays * DAY;
  if (fixes.length === 0 && !old) return image.state === "unknown" ? image.reason : undefined;
  const causes = fixes.length > 0 ? fixes : image.newer;
  // What no layer is known to have brought may be in any of them. Without a cause it is what no index here knows.
  const layer =
    causes.length === 0
      ? layers.at(-1)
      : layers.find((each) => causes.some((cause) => (cause.layer ?? layers[0]) === each));
  if (layer === undefined) return `the layers that brought its old packages are not in the stack any more`;
  const inLayer = causes.filter((cause) => (cause.layer ?? layers[0]) === layer);
  if (layer === layers[0] && rule.base !== "bootstrap" && inLayer.length > 0) {
    return `its base is no bootstrapped one, and may have brought them: ${named(inLayer)}; name a newer base`;
  }
  const date = (image.registered ?? "").slice(0, 10);
  const reason =
    fixes.length > 0 ? named(inLayer) : `registered ${date}, more than ${rebuildWhen.olderThanDays} days ago`;
  return { image: rule.image, layer, reason };
}

/** "openssl 3.0.17-1~deb12u2 → 3.0.17-1~deb12u3 (security)", and how many more. */
function named(packages: readonly NewerPackage[]): string {
  const sources = new Map(
    bySource(packages).map(([first]) => {
      const { source, installed, available, security } = first as NewerPackage;
      return [source, `${source} ${installed} → ${available}${security ? " (security)" : ""}`];
    }),
  );
  const more = sources.size - NAMED;
  return [...[...sources.values()].slice(0, NAMED), ...(more > 0 ? [`${more} more`] : [])].join(", ");
}

/** Reads a staged rule. @throws VisaImageError where it is none, or one of another version */
export function readRule(file: string): RebuildRule {
  let rule: RebuildRule | undefined;
  let cause: unknown;
  try {
    rule = JSON.parse(readFileSync(file, "utf8")) as RebuildRule;
  } catch (error) {
    cause = error;
  }
  if (rule?.version === RULE_VERSION && typeof rule.image === "string" && Array.isArray(rule.layers)) return rule;
  throw new VisaImageError("this is no rule for new builds of this version", {
    location: { file },
    fix: "synthesize again: npx cdktf synth",
    exitCode: ExitCode.USAGE,
    cause,
  });
}
