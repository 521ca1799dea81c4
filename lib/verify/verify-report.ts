/** What `visa-image verify` found: for a person, for programs (JSON), for CI (JUnit). */

import { CONTRACT, type ContractPart, shownWhere, type VerifyProfile } from "../contract";
import { short } from "../fingerprint/digest";
import type { BootReport } from "./boot-report";

/** How it stands with an assertion. */
export type Verdict = "pass" | "fail" | "not applicable";

/** One assertion, or one of a facility's own checks. */
export interface Finding {
  /** Of the contract; undefined for a check of a template. */
  readonly number?: number;
  readonly name: string;
  readonly verdict: Verdict;
  /** Why it failed or does not apply; what was seen where it passed. */
  readonly detail: string;
  readonly seconds: number;
}

/** Where instances of a registered image were made. */
export interface CloudPlace {
  /** The image's id in Glance. */
  readonly image: string;
  /** Names. */
  readonly flavor: string;
  readonly network: string;
  /** How the instances got their metadata: one for each. */
  readonly sources: readonly string[];
}

/** A report; `report.json` holds it. */
export interface VerifyReport {
  readonly version: 2;
  readonly verifier: string;
  readonly template: string;
  readonly fingerprint: string;
  readonly profile: VerifyProfile;
  readonly parts: readonly ContractPart[];
  /** Of the contents of the disk that was verified: {@link import("../runner/cache/disk-digest").digestDisk}. */
  readonly digest: string;
  /**
   * Hex SHA-512 of all bytes of its file: Glance's `os_hash_value` of the image that is made from it. Reports of earlier
   * versions have none.
   */
  readonly sha512?: string;
  /** `kvm`, `tcg`; of a cloud's instance `nova`. */
  readonly accelerator: string;
  /** Where a registered image was looked at, in a cloud. @default - its disk was, on this machine */
  readonly cloud?: CloudPlace;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly passed: boolean;
  /** What the image's templates warn of, whether it passed or not. @default - nothing */
  readonly warnings?: readonly string[];
  /** How long the boot took that the gate looks at. Reports of a cloud, and of earlier versions, have none. */
  readonly boot?: BootReport;
  readonly findings: readonly Finding[];
}

/** What `visa-image verify` calls a report in its folder. */
export const REPORT_FILE = "report.json";

/** What it calls the picture of the owner's desktop there; only where the template promises one. */
export const PICTURE_FILE = "desktop.png";

/**
 * How it stands with each assertion, and after them with a template's own checks.
 *
 * @param looks what each check found; several may be of one assertion, which fails where one of them does, and passes
 *   where one passes and none fails
 * @param parts what the template promises
 */
export function findingsOf(looks: readonly Finding[], parts: readonly ContractPart[]): Finding[] {
  const ofContract = [...CONTRACT.values()].map((assertion): Finding => {
    const { number, part, name } = assertion;
    const found = looks.filter((look) => look.number === number);
    if (found.length > 0) return found.reduce(joined);
    const seen =
      part === "cloud"
        ? `not of an image alone: ${shownWhere(assertion)}`
        : parts.includes(part)
          ? "looked at in the full profile"
          : `the template does not promise "${part}"`;
    return { number, name, verdict: "not applicable", detail: seen, seconds: 0 };
  });
  return [...ofContract, ...looks.filter(({ number }) => number === undefined)];
}

function joined(before: Finding, after: Finding): Finding {
  const worst = [before, after].find(({ verdict }) => verdict === "fail");
  const best = [before, after].find(({ verdict }) => verdict === "pass");
  const { verdict } = worst ?? best ?? after;
  const details = [before, after].filter((each) => each.verdict === verdict && each.detail).map(({ detail }) => detail);
  return { ...after, verdict, detail: details.join("; "), seconds: before.seconds + after.seconds };
}

const SIGNS: Readonly<Record<Verdict, string>> = { pass: "pass", fail: "FAIL", "not applicable": "n/a" };

/** The report as a table; `all` shows also what does not apply. */
export function reportLines(report: VerifyReport, all = false): string {
  const shown = report.findings.filter(({ verdict }) => all || verdict !== "not applicable");
  const rows = shown.map(({ number, name, verdict, detail }) => {
    const first = detail.split("\n")[0] ?? "";
    return `  ${`${number ?? "own"}`.padStart(3)}  ${SIGNS[verdict].padEnd(4)}  ${name}${first ? ` (${first})` : ""}`;
  });
  const warnings = (report.warnings ?? []).map((text) => `warning: ${text}`);
  return [...rows, ...warnings, summary(report)].join("\n");
}

/** One line: how many of each. */
export function summary(report: VerifyReport): string {
  const count = (wanted: Verdict) => report.findings.filter(({ verdict }) => verdict === wanted).length;
  return (
    `${report.template} ${short(report.fingerprint)}, ${report.cloud ? "on the cloud, " : ""}profile ${report.profile}: ${count("pass")} passed, ` +
    `${count("fail")} failed, ${count("not applicable")} not applicable; ${Math.round(report.seconds)} s`
  );
}

/** The report in JUnit's format. */
export function junit(report: VerifyReport): string {
  const cases = report.findings.map(({ number, name, verdict, detail, seconds }) => {
    const title = number === undefined ? name : `${number} ${name}`;
    const head = `<testcase classname="${escapeXml(report.template)}" name="${escapeXml(title)}" time="${seconds.toFixed(1)}"`;
    if (verdict === "pass") return `  ${head}/>`;
    const kind = verdict === "fail" ? "failure" : "skipped";
    return `  ${head}><${kind} message="${escapeXml(detail)}"/></testcase>`;
  });
  const failures = report.findings.filter(({ verdict }) => verdict === "fail").length;
  const skipped = report.findings.filter(({ verdict }) => verdict === "not applicable").length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="visa-image verify ${escapeXml(report.template)}" tests="${cases.length}" failures="${failures}" skipped="${skipped}" time="${report.seconds.toFixed(1)}">`,
    ...cases,
    "</testsuite>",
    "",
  ].join("\n");
}

/** The contract as a table in Markdown, with the verdicts of a report: docs/contract.md is made of it. */
export function contractTable(report: VerifyReport): string {
  const findings = new Map(report.findings.map((finding) => [finding.number, finding]));
  const cell = (text: string) => (text.split("\n")[0] ?? "").replaceAll("|", "\\|");
  const rows = [...CONTRACT.values()].map((assertion) => {
    const { number, part, name, tests } = assertion;
    const finding = findings.get(number);
    const looked = finding?.verdict ?? "not looked at";
    const state = part === "cloud" ? (tests ? "by test" : "not run") : looked;
    const detail = part === "cloud" ? shownWhere(assertion) : (finding?.detail ?? "");
    return `| ${number} | ${part} | ${cell(name)} | ${state} | ${cell(detail)} |`;
  });
  return ["| # | part | assertion | state | detail |", "|---|---|---|---|---|", ...rows, ""].join("\n");
}

function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no place for them
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("\n", "&#10;")
  );
}
