/** What a release has changed since the one before it, as a report shows it. */
import { type Html, html } from "./html";

/** One thing that differs. */
export interface Change {
  /** `added`, `gone`, `up`, `down`, `changed`. */
  readonly kind: string;
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
}

/** A difference between two images. */
export interface Difference {
  /** What is compared with. */
  readonly before: string;
  /** What differs, by what it is: packages of a layer, units, ports. */
  readonly groups: readonly { readonly title: string; readonly changes: readonly Change[] }[];
}

/** The difference as HTML. */
export function renderDifference({ before, groups }: Difference): Html {
  const shown = groups.filter(({ changes }) => changes.length > 0);
  if (shown.length === 0) return html`<p>Nothing differs from ${before}.</p>`;
  return html`<p>Compared with ${before}.</p>
${shown.map(renderGroup)}`;
}

function renderGroup({ title, changes }: Difference["groups"][number]): Html {
  return html`<table class="difference">
<caption>${title}: ${changes.length}</caption>
<thead><tr><th scope="col">Name</th><th scope="col">Change</th><th scope="col">Before</th><th scope="col">Now</th></tr></thead>
<tbody>
${changes.map(
  ({ kind, name, before, after }) =>
    html`<tr><th scope="row">${name}</th><td>${kind}</td><td>${before}</td><td>${after}</td></tr>
`,
)}</tbody>
</table>
`;
}
