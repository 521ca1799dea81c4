/** How an image stands with VISA's contract, as a report shows it. */
import { CONTRACT } from "../contract";
import { duration } from "../runner/output/progress";
import type { Finding, Verdict, VerifyReport } from "../verify/verify-report";
import { type Html, html, moment } from "./html";

/** Whether anything has to be done, in one line. */
export function verdictOf(report: VerifyReport | undefined): {
  readonly kind: "pass" | "fail" | "unknown";
  readonly text: string;
} {
  if (!report) return { kind: "unknown", text: "Not verified on this machine." };
  const failed = count(report, "fail");
  const looked = failed + count(report, "pass");
  if (failed > 0) {
    return {
      kind: "fail",
      text: `Does not keep VISA's contract: ${failed} of ${looked} checks fail. Correct it first.`,
    };
  }
  return { kind: "pass", text: `Nothing has to be done: all ${looked} checks of profile ${report.profile} hold.` };
}

/** The assertions by the contract's parts, and a template's own checks after them; what fails comes first. */
export function renderContract(report: VerifyReport | undefined): Html | undefined {
  if (!report) return undefined;
  const failed = report.findings.filter(({ verdict }) => verdict === "fail");
  const groups = new Map<string, Finding[]>();
  for (const finding of report.findings) {
    const part = CONTRACT.get(finding.number ?? 0)?.part ?? "the template's own checks";
    groups.set(part, [...(groups.get(part) ?? []), finding]);
  }
  const all = `${count(report, "pass")} pass, ${failed.length} fail, ${count(report, "not applicable")} not applicable or not looked at`;
  const when = `${moment(report.startedAt)}, profile ${report.profile}, ${report.accelerator}, ${duration(report.seconds * 1000)}`;
  return html`${failed.length > 0 && renderTable("What fails", new Map([["", failed]]))}${renderTable(`${all} (${when})`, groups)}`;
}

function renderTable(caption: string, groups: ReadonlyMap<string, readonly Finding[]>): Html {
  return html`<table>
<caption>${caption}</caption>
<thead><tr><th scope="col" class="word">#</th><th scope="col" class="word">State</th><th scope="col">Assertion</th></tr></thead>
${[...groups].map(
  ([part, findings]) => html`<tbody>
${part && html`<tr><th scope="rowgroup" colspan="3">${part}</th></tr>\n`}${findings.map(renderFinding)}</tbody>
`,
)}</table>
`;
}

const WORDS: Readonly<Record<Verdict, string>> = { pass: "pass", fail: "FAIL", "not applicable": "n/a" };

function renderFinding({ number, name, verdict, detail }: Finding): Html {
  const kind = verdict === "not applicable" ? "soft" : verdict;
  return html`<tr><td class="word">${number ?? "own"}</td><td class="word ${kind}">${WORDS[verdict] ?? verdict}</td><th scope="row">${name}${detail && html`<span class="detail">${detail}</span>`}</th></tr>
`;
}

function count({ findings }: VerifyReport, wanted: Verdict): number {
  return findings.filter(({ verdict }) => verdict === wanted).length;
}
