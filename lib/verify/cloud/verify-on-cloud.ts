/** "Does the cloud's own instance of it keep the contract?": boots a registered image by Nova, as VISA does. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GlanceImage } from "../../cloud/glance";
import { CONTRACT, type ContractPart, VERIFIER_VERSION, type VerifyProfile } from "../../contract";
import { VisaImageError } from "../../errors";
import { PROMISED_PORTS, promisedProtocols } from "../../visa-protocols";
import { METADATA } from "../boots";
import { cloudChecks, type MetadataSource, registered } from "../checks/cloud-checks";
import { Subject } from "../checks/subject";
import type { OwnCheck } from "../own-check";
import { makeTokenKeyPair } from "../token";
import { lookAtSubject } from "../verify";
import { type Finding, findingsOf, junit, REPORT_FILE, type VerifyReport } from "../verify-report";
import { NovaInstance } from "./nova-instance";
import { Trial, type TrialPlace } from "./trial";

/** What to verify, and where. */
export interface VerifyOnCloudOptions {
  readonly image: GlanceImage;
  readonly place: TrialPlace;
  readonly template: string;
  readonly fingerprint: string;
  readonly profile: VerifyProfile;
  /** The parts of the contract that the template promises. */
  readonly parts: readonly ContractPart[];
  /** A template's own. @default none */
  readonly checks?: readonly OwnCheck[];
  /** The image's user data, as VISA sends it. */
  readonly bootCommand: string;
  /** One instance for each; the first is looked at wholly. */
  readonly sources: readonly MetadataSource[];
  /** Hex SHA-512 of the disks that passed the gate here. */
  readonly verified: readonly string[];
  /** For keys, which go again. */
  readonly scratch: string;
  /** Where evidence stays. */
  readonly reports: string;
  /** What the checks' times are multiplied by. @default 1 */
  readonly patience?: number;
  /** Called as things happen. */
  readonly onMessage?: (text: string) => void;
  /** Called with each instance before anything of it is made: whoever is interrupted removes it. */
  readonly onTrial?: (trial: Trial) => void;
}

/**
 * Boots an instance for each source, looks at it, and removes it.
 *
 * @throws VisaImageError where there is none to look at: no quota, ERROR, an image that is not what was registered
 */
export async function verifyOnCloud(options: VerifyOnCloudOptions): Promise<VerifyReport> {
  const { image, place, parts, profile, reports, sources } = options;
  const began = performance.now();
  const startedAt = new Date().toISOString();
  mkdirSync(reports, { recursive: true });
  const looks: Finding[] = [inGlance(image, options.verified), UNTIMED];
  // A disk that is another one is not worth a boot.
  for (const source of looks[0]?.verdict === "fail" ? [] : sources) looks.push(...(await lookAtOne(source, options)));
  const findings = findingsOf(looks, parts);
  const hash = image.os_hash_value ?? "";
  const report: VerifyReport = {
    ...{ version: 2, verifier: VERIFIER_VERSION },
    ...{ template: options.template, fingerprint: options.fingerprint, profile, parts },
    ...{ digest: hash, accelerator: "nova", startedAt, seconds: (performance.now() - began) / 1000 },
    cloud: { image: image.id, flavor: place.flavor.name, network: place.network.name, sources },
    passed: findings.every(({ verdict }) => verdict !== "fail"),
    findings,
  };
  writeFileSync(join(reports, REPORT_FILE), `${JSON.stringify(report, undefined, 2)}\n`);
  writeFileSync(join(reports, "junit.xml"), junit(report));
  return report;
}

async function lookAtOne(source: MetadataSource, options: VerifyOnCloudOptions): Promise<Finding[]> {
  const { image, place, parts, profile, reports, sources, bootCommand, onMessage = () => {} } = options;
  const first = source === sources[0];
  const keys = makeTokenKeyPair();
  const metadata = { ...METADATA, owner: "ada.lovelace", pamPublicKey: keys.publicKey };
  const protocols = promisedProtocols(parts);
  const folder = join(options.scratch, `on-cloud-${source}`);
  const trial = new Trial(place);
  options.onTrial?.(trial);
  onMessage(`on the cloud, by ${source}`);
  const request = { imageId: image.id, metadata, configDrive: source === "config-drive", ports: PROMISED_PORTS };
  try {
    const instance = await NovaInstance.boot(trial, {
      ...{ ...request, place, bootCommand, protocols, folder, onMessage },
    });
    const subject = new Subject({
      ...{ boot: "main", instance, metadata, keys, folder, reports, evidence: source, patience: options.patience },
    });
    const checks = cloudChecks(
      {
        ...{ parts, profile, source, hasConfigDrive: instance.server.hasConfigDrive, flavor: place.flavor, protocols },
        ...{ watch: instance.watch, securityGroups: place.securityGroups.map(({ name }) => name) },
      },
      first,
    );
    let findings: Finding[];
    try {
      findings = await lookAtSubject(subject, checks, first ? (options.checks ?? []) : [], onMessage);
    } finally {
      subject.close();
      instance.close();
    }
    return [...findings, await removal(trial)];
  } catch (error) {
    const console = await trial.console();
    if (console) writeFileSync(join(reports, `${source}-console.log`), console);
    throw error;
  } finally {
    // Also where something failed before there was an instance to look at; a second time it does nothing.
    const left = await trial.remove();
    for (const each of left) onMessage(`FAIL left in the cloud: ${each}`);
  }
}

/** Assertion 56: with an end, as all of VISA's instances. */
async function removal(trial: Trial): Promise<Finding> {
  const began = performance.now();
  const left = await trial.remove();
  const problem = /^VISA/i.test(trial.name) ? `it was called "${trial.name}"` : left.join("; ");
  return {
    ...{ number: 56, name: nameOf(56), verdict: problem ? "fail" : "pass" },
    detail: problem || `${trial.name}: instance, port and security group are gone`,
    seconds: Math.round((performance.now() - began) / 100) / 10,
  };
}

function inGlance(image: GlanceImage, verified: readonly string[]): Finding {
  const found = { number: 51, name: nameOf(51), seconds: 0 };
  try {
    return { ...found, verdict: "pass", detail: registered(image, verified) };
  } catch (error) {
    if (!(error instanceof VisaImageError)) throw error;
    return { ...found, verdict: "fail", detail: error.message };
  }
}

const UNTIMED: Finding = {
  ...{ number: 63, name: nameOf(63), verdict: "not applicable", seconds: 0 },
  detail: "how fast a cloud is says nothing of the image",
};

function nameOf(assertion: number): string {
  return CONTRACT.get(assertion)?.name ?? "";
}
