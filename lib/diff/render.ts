/** A difference for a person: as text, and as Markdown for a merge request or VISA's description. */
import { short } from "../fingerprint/digest";
import { duration, size } from "../runner/output/progress";
import type { Change, Difference, Measure } from "./compare";

/** As text for a terminal; the first line says all at once. */
export function differenceText(difference: Difference): string {
  const { headline, a, b, sections, measures, notCompared } = difference;
  const lines = [headline, "", `A  ${aboutSide(a)}`, `B  ${aboutSide(b)}`];
  for (const { title, changes } of sections) {
    lines.push("", title, ...columns(changes.map((each) => [each.kind, each.name, versions(each), each.layer ?? ""])));
  }
  if (measures.length > 0) {
    lines.push("", "measured", ...columns(measures.map((each) => [each.name, measured(each)])));
  }
  if (notCompared.length > 0) {
    lines.push("", "not compared", ...notCompared.map(({ what, why }) => `  ${what} (${why})`));
  }
  return `${lines.join("\n")}\n`;
}

/** As Markdown. */
export function differenceMarkdown(difference: Difference): string {
  const { headline, a, b, sections, measures, notCompared } = difference;
  const lines = [`**${cell(headline)}**`, "", `- A: ${cell(aboutSide(a))}`, `- B: ${cell(aboutSide(b))}`];
  for (const { title, changes } of sections) {
    lines.push("", `### ${cell(title)}`, "", "| | name | before | after | layer |", "|---|---|---|---|---|");
    lines.push(...changes.map((each) => row([each.kind, each.name, each.before, each.after, each.layer])));
  }
  if (measures.length > 0) {
    lines.push("", "### measured", "", "| what | before | after |", "|---|---|---|");
    lines.push(...measures.map((each) => row([each.name, amount(each, each.before), amount(each, each.after)])));
  }
  if (notCompared.length > 0) {
    lines.push("", "### not compared", "", ...notCompared.map(({ what, why }) => `- ${cell(what)} (${cell(why)})`));
  }
  return `${lines.join("\n")}\n`;
}

/** An image in a few words: what it is called, its layer, when it was built. */
export function aboutSide({ title, template, fingerprint, built }: Difference["a"]): string {
  const digits = fingerprint && short(fingerprint);
  const layer = template && digits && !title.includes(digits) ? `${template} ${digits}` : "";
  return [title, layer, built && `built ${built.slice(0, 16).replace("T", " ")} UTC`].filter(Boolean).join(", ");
}

function versions({ before, after, kind }: Change): string {
  if (before !== undefined && after !== undefined) return `${before} → ${after}`;
  return (kind === "gone" ? before : after) ?? "";
}

function measured(measure: Measure): string {
  const [before, after] = [amount(measure, measure.before), amount(measure, measure.after)];
  return before === after ? before : `${before} → ${after}`;
}

/** A measure as people say it. */
export function amount({ unit }: Measure, value: number | undefined): string {
  if (value === undefined) return "not known";
  if (unit === "times") return value.toFixed(1);
  return unit === "bytes" ? size(value) : duration(value * 1000);
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((cells) => (cells[i] ?? "").length))) ?? [];
  return rows.map((cells) => `  ${cells.map((text, i) => text.padEnd(widths[i] ?? 0)).join("  ")}`.trimEnd());
}

function row(cells: readonly (string | undefined)[]): string {
  return `| ${cells.map((text) => cell(text ?? "")).join(" | ")} |`;
}

/** What a guest said is no Markdown of ours. */
function cell(text: string): string {
  return text.replace(/[\\|<>[\]*_`]/g, "\\$&").replace(/\s+/g, " ");
}
