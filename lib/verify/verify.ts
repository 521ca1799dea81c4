/**
 * "Is it VISA-ready?": boots overlays of a disk as VISA would, and runs the contract against them. The disk itself is
 * only read.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CONTRACT, type ContractPart, VERIFIER_VERSION, type VerifyProfile } from "../contract";
import { type BootReport, type BootStandard, compareBoots, NO_BUDGET } from "./boot-report";
import { BOOT_SECONDS, type BootOptions, startBoot } from "./boots";
import { checksOf, inOrder } from "./checks/all-checks";
import { type Check, NotApplicable } from "./checks/check";
import { BOOTS, type BootName, type Subject } from "./checks/subject";
import { type OwnCheck, runOwnCheck } from "./own-check";
import { type Finding, findingsOf, junit, REPORT_FILE, type VerifyReport } from "./verify-report";

/** What to verify. */
export interface VerifyOptions extends BootOptions {
  /** Of the disk's contents, for the report: {@link import("../runner/cache/disk-digest").digestDisk}. */
  readonly digest: string;
  /** Hex SHA-512 of the file's bytes, which is computed while the guest boots. */
  readonly sha512: Promise<string>;
  readonly template: string;
  readonly fingerprint: string;
  readonly profile: VerifyProfile;
  /** The parts of the contract that the template promises. */
  readonly parts: readonly ContractPart[];
  /** @default none */
  readonly checks?: readonly OwnCheck[];
  /** What the templates warn of, for the report. @default none */
  readonly warnings?: readonly string[];
  /** Called as things happen. */
  readonly onMessage?: (text: string) => void;
}

/** The assertion that a boot is no slower than its budget, and what it takes: the end of cloud-init, the desktop's picture. */
const BUDGET = 63;
const BUDGET_CHECKS: readonly number[] = [2, 17, BUDGET];

/** Runs the contract, and writes report.json, junit.xml and the evidence into the folder of the reports. */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { profile, parts, reports, checks = [], warnings = [], onMessage } = options;
  const began = performance.now();
  const startedAt = new Date().toISOString();
  mkdirSync(reports, { recursive: true });
  const looks: Finding[] = [];
  let measured: BootReport | undefined;
  for (const boot of BOOTS) {
    const wanted = checksOf(parts, profile).filter((check) => check.boot === boot);
    if (wanted.length > 0 || boot === "main") {
      const look = await lookAtBoot(boot, wanted, boot === "main" ? checks : [], options, onMessage);
      looks.push(...look.findings);
      measured ??= look.boot;
    }
  }
  if (onlySlow(looks)) {
    onMessage?.("slower than its budget: looking at one more boot");
    const wanted = checksOf(parts, "gate").filter(({ assertion }) => BUDGET_CHECKS.includes(assertion));
    const again = await lookAtBoot("main", wanted, [], options, onMessage);
    looks.splice(looks.findIndex(isSlow), 1, ...again.findings.filter(({ number }) => number === BUDGET));
    measured = again.boot;
  }
  const findings = findingsOf(looks, parts);
  const report: VerifyReport = {
    version: 2,
    verifier: VERIFIER_VERSION,
    ...{ template: options.template, fingerprint: options.fingerprint, profile, parts, digest: options.digest },
    sha512: await options.sha512,
    ...{ accelerator: options.accelerator, startedAt, seconds: (performance.now() - began) / 1000 },
    passed: findings.every(({ verdict }) => verdict !== "fail"),
    ...(warnings.length > 0 && { warnings }),
    ...(measured && { boot: measured }),
    findings,
  };
  writeFileSync(join(reports, REPORT_FILE), `${JSON.stringify(report, undefined, 2)}\n`);
  writeFileSync(join(reports, "junit.xml"), junit(report));
  return report;
}

/** Boots once, and runs checks: those of the contract, a template's own, and then those that come late. */
export async function lookAt(
  boot: BootName,
  checks: readonly Check[],
  own: readonly OwnCheck[],
  options: BootOptions,
  onMessage: (text: string) => void = () => {},
): Promise<Finding[]> {
  return (await lookAtBoot(boot, checks, own, options, onMessage)).findings;
}

async function lookAtBoot(
  name: BootName,
  checks: readonly Check[],
  own: readonly OwnCheck[],
  options: BootOptions,
  onMessage: (text: string) => void = () => {},
): Promise<{ readonly findings: Finding[]; readonly boot?: BootReport }> {
  await using subject = await startBoot(name, options);
  onMessage(`boot "${name}": ${subject.owner || "no owner"}`);
  // Awaited here: the instance ends with this function.
  const findings = await lookAtSubject(subject, checks, own, onMessage);
  return { findings, boot: subject.bootReport };
}

/** The same with an instance that was started: waits for its owner, where a check looks inside, and keeps evidence. */
export async function lookAtSubject(
  subject: Subject,
  checks: readonly Check[],
  own: readonly OwnCheck[],
  onMessage: (text: string) => void = () => {},
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const note = async (finding: Finding) => {
    findings.push(finding);
    if (finding.verdict !== "fail") return;
    onMessage(`FAIL ${finding.number ?? ""} ${finding.name}: ${finding.detail}`);
    // At once, with the first: later the instance may be off, or have gone on.
    if (findings.filter(({ verdict }) => verdict === "fail").length === 1) await subject.keepEvidence();
  };
  const all = [...inOrder(checks.filter(({ late }) => !late)), ...own, ...inOrder(checks.filter(({ late }) => late))];
  const inside = all.some((check) => !("outside" in check && check.outside));
  const lost = inside ? await lostBoot(subject) : undefined;
  for (const check of all) {
    onMessage(titleOf(check));
    await note(await find(check, subject, lost));
  }
  if (findings.some(({ verdict }) => verdict === "fail")) await subject.keepConsole().catch(() => {});
  return findings;
}

/**
 * A report of before, with what its boot is worth by a budget of now, and a release in use of now. It does not pass where
 * it says nothing of its boot.
 */
export function judgedAnew(report: VerifyReport, standard: BootStandard | undefined): VerifyReport {
  const number = BUDGET;
  const name = CONTRACT.get(number)?.name ?? "";
  if (!report.parts.includes("boot")) return report;
  const found = (verdict: Finding["verdict"], detail: string): VerifyReport => {
    const findings = report.findings.filter((finding) => finding.number !== number);
    const at = findings.findLastIndex((finding) => finding.number !== undefined) + 1;
    return {
      ...report,
      passed: report.passed && verdict !== "fail",
      findings: findings.toSpliced(at, 0, { number, name, verdict, detail, seconds: 0 }),
    };
  };
  try {
    if (!standard) throw new NotApplicable(NO_BUDGET);
    if (!report.boot) return found("fail", "nothing is kept of its boot");
    return found("pass", compareBoots(report.boot, report.accelerator, standard));
  } catch (error) {
    return found(error instanceof NotApplicable ? "not applicable" : "fail", (error as Error).message);
  }
}

function isSlow({ number, verdict }: Finding): boolean {
  return number === BUDGET && verdict === "fail";
}

/** Whether a disk keeps all but its budget: a machine that was busy for a minute is no slow image. */
function onlySlow(looks: readonly Finding[]): boolean {
  return looks.some(isSlow) && looks.every((look) => look.verdict !== "fail" || isSlow(look));
}

/** Why a boot came to no owner; undefined where it did. */
async function lostBoot(subject: Subject): Promise<Error | undefined> {
  return subject.waitForOwner(BOOT_SECONDS).then(
    () => undefined,
    (error: Error) => error,
  );
}

/** Runs one check, unless the boot was lost before. */
async function find(check: Check | OwnCheck, subject: Subject, lost: Error | undefined): Promise<Finding> {
  const began = performance.now();
  const found = (verdict: Finding["verdict"], detail: string): Finding => {
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    return { ...nameOf(check), verdict, detail, seconds };
  };
  try {
    const missing = "needs" in check && check.needs ? subject.instance.lacks[check.needs] : undefined;
    if (missing !== undefined) throw new NotApplicable(missing);
    if (lost && !("outside" in check && check.outside)) throw lost;
    const detail = "run" in check ? await check.run(subject) : await runOwnCheck(check, subject);
    return found("pass", detail ?? "");
  } catch (error) {
    return found(error instanceof NotApplicable ? "not applicable" : "fail", (error as Error).message);
  }
}

function nameOf(check: Check | OwnCheck): { number?: number; name: string } {
  if (!("assertion" in check)) return { name: check.name };
  return { number: check.assertion, name: CONTRACT.get(check.assertion)?.name ?? "" };
}

function titleOf(check: Check | OwnCheck): string {
  const { number, name } = nameOf(check);
  return `${number ?? ""} ${name}`;
}
