/** What a release has changed since the one before it, as a report shows it. */
import type { Difference } from "../diff/compare";
import { aboutSide, amount } from "../diff/render";
import { type Html, html } from "./html";

/** The difference as HTML: its one line first. */
export function renderDifference({ headline, a, b, sections, measures, notCompared }: Difference): Html {
  return html`<p>${headline}</p>
<dl><dt>before</dt><dd>${aboutSide(a)}</dd><dt>now</dt><dd>${aboutSide(b)}</dd></dl>
${sections.map(({ title, changes }) =>
  renderRows(
    `${title}: ${changes.length}`,
    ["Name", "Change", "Before", "Now", "Layer"],
    changes.map(({ name, kind, before, after, layer }) => [name, kind, before, after, layer]),
  ),
)}${
  measures.length > 0 &&
  renderRows(
    "Measured",
    ["What", "Before", "Now"],
    measures.map((each) => [each.name, amount(each, each.before), amount(each, each.after)]),
  )
}${
  notCompared.length > 0 &&
  renderRows(
    "Not compared",
    ["What", "Why"],
    notCompared.map(({ what, why }) => [what, why]),
  )
}`;
}

function renderRows(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly [string, ...(string | undefined)[]])[],
): Html {
  return html`<table>
<caption>${caption}</caption>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>
${rows.map(([name, ...cells]) => html`<tr><th scope="row">${name}</th>${cells.map((text) => html`<td>${text}</td>`)}</tr>\n`)}</tbody>
</table>
`;
}
