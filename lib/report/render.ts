/** A report to look at, as one file of HTML that needs nothing from outside, and no script to be read. */
import { short } from "../fingerprint/digest";
import { commitWords } from "../runner/host/git";
import { size } from "../runner/output/progress";
import { renderContract, verdictOf } from "./contract-section";
import { renderDifference } from "./difference";
import { type Html, html, moment, trusted } from "./html";
import { renderPackages } from "./packages-section";
import type { Page } from "./page";
import { renderProvenance } from "./provenance-section";
import { POLICY, SCRIPT, STYLE } from "./style";
import { renderTimes } from "./times-section";

/** A heading, what stands below it, and what is said where nothing is known. */
interface Section {
  readonly id: string;
  readonly title: string;
  readonly content?: Html;
  readonly unknown: string;
}

/** The file's text: the same for the same page. */
export function renderPage(page: Page): string {
  const title = `${page.template} ${page.release?.release ?? short(page.fingerprint)}`;
  const sections: Section[] = [
    {
      ...{ id: "contract", title: "VISA's contract", content: renderContract(page.verification) },
      unknown: `No disk of it was verified on this machine: visa-image verify ${page.template}.`,
    },
    {
      ...{ id: "times", title: "Times", content: renderTimes(page) },
      unknown: "No build or boot of it is known on this machine.",
    },
    {
      ...{ id: "difference", title: "Difference to the release before" },
      content: page.difference && renderDifference(page.difference),
      unknown: "There is no release before it, or this machine does not know what was in that.",
    },
    {
      ...{ id: "packages", title: "Bill of materials", content: page.packages && renderPackages(page.packages) },
      unknown: "This machine has no bill of materials of it.",
    },
    {
      ...{ id: "provenance", title: "Provenance", content: renderProvenance(page) },
      unknown: "This machine did not build it, and knows nothing of how it was.",
    },
  ];
  const { kind, text } = verdictOf(page.verification);
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${title} – VISA desktop</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="verdict ${kind}">${text}</p>
${(page.verification?.warnings ?? []).map((warning) => html`<p class="verdict unknown">Warning: ${warning}</p>\n`)}<nav aria-label="Sections"><ul>
${sections.map(({ id, title: name }) => html`<li><a href="#${id}">${name}</a></li>\n`)}</ul></nav>
</header>
<main>
<div class="top${page.picture && " pictured"}">
${renderFacts(page)}
${page.picture && renderPicture(page.picture)}</div>
${sections.map(
  ({ id, title: name, content, unknown }) => html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${name}</h2>
${content ?? html`<p class="soft">${unknown}</p>`}
</section>
`,
)}</main>
<script>${trusted(SCRIPT)}</script>
</body>
</html>
`.text;
}

function renderFacts({ template, fingerprint, release, layers, packages }: Page): Html {
  const top = layers?.at(-1);
  const facts: (readonly [string, string | undefined])[] = [
    ["template", template],
    ["fingerprint", fingerprint],
    ["image", release && `${release.name} (${release.image})`],
    ["id in Glance", release?.imageId],
    ["registered", release && moment(release.registered)],
    ["registered size", release && `${size(release.sizeBytes)}, ${release.diskFormat}`],
    ["built", top && moment(top.createdAt)],
    ["size of its layer", top && `${size(top.disk.bytes)}, on a disk of ${top.disk.virtualSizeGb} GiB`],
    ["layers", layers?.map((layer) => layer.template).join(" → ")],
    ["packages", packages && String(packages.length)],
    ["commit", top?.git && commitWords(top.git)],
  ];
  const known = facts.filter(([, value]) => value !== undefined);
  return html`<dl>
${known.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>`;
}

function renderPicture(picture: Buffer): Html {
  return html`<figure>
<img alt="The owner's desktop: what guacd showed after the log-in with a token" src="data:image/png;base64,${picture.toString("base64")}">
<figcaption>The owner's desktop, as the gate saw it through guacd.</figcaption>
</figure>
`;
}
