/** The bill of materials, as a report shows it. */
import { type Html, html } from "./html";
import type { PackageRow } from "./packages";

/** All packages; a script adds a search. */
export function renderPackages(packages: readonly PackageRow[]): Html {
  const licensed = packages.some(({ licence }) => licence);
  return html`<div class="search" role="search" hidden>
<label for="search">Search packages</label>
<input id="search" type="search" autocomplete="off" spellcheck="false" aria-describedby="search-help">
<output id="found" for="search"></output>
<span id="search-help" class="soft">Words of a name, version, layer or environment.</span>
</div>
<table class="packages">
<caption>${packages.length} packages. The layer is the lowest that has the package in this version; what came with the base goes by the first layer's name.</caption>
<thead><tr><th scope="col">Package</th><th scope="col">Version</th><th scope="col" class="wide kind">Kind</th><th scope="col">Layer</th>${licensed && html`<th scope="col" class="wide">Licence</th>`}</tr></thead>
<tbody>
${packages.map(
  ({ name, version, kind, layer, place, licence }) =>
    html`<tr><th scope="row">${name}${place && html` <span class="detail">${place}</span>`}</th><td>${version}</td><td class="wide">${kind}</td><td class="words">${layer}</td>${licensed && html`<td class="wide">${licence}</td>`}</tr>
`,
)}</tbody>
</table>
`;
}
