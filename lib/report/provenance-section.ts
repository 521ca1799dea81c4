/** Where an image came from, as a report shows it. */
import { commitWords } from "../runner/host/git";
import { duration } from "../runner/output/progress";
import { type Html, html, moment } from "./html";
import type { Page, PageLayer } from "./page";

type Row = readonly [name: string, value: string];

/** Digests, and each layer with its inputs, the image's own first; nothing where nothing is known. */
export function renderProvenance({ layers, digests, release }: Page): Html | undefined {
  const rows: Row[] = [
    ...(release ? [["the image in Glance, sha512", release.sha512] as const] : []),
    ...Object.entries(digests).map(([name, value]): Row => [`${name}, sha256`, value]),
  ];
  if (!layers?.length && rows.length === 0) return undefined;
  return html`${rows.length > 0 && renderRows("Digests of what speaks for it", ["What", "Digest"], rows)}${[
    ...(layers ?? []),
  ]
    .reverse()
    .map(renderLayer)}`;
}

function renderLayer(layer: PageLayer): Html {
  const { template, fingerprint, inputs, createdAt, durationSeconds, disk, tools, accelerator, git, source } = layer;
  const facts: Row[] = [
    ["fingerprint", fingerprint],
    source
      ? ["downloaded", moment(createdAt)]
      : ["built", `${moment(createdAt)}, in ${duration(durationSeconds * 1000)}`],
    ...(source ? ([["source", `image ${source.imageId} in Glance at ${source.glance}`]] as const) : []),
    ...(source ? ([["source's sha512", source.sha512]] as const) : []),
    ...Object.entries(source?.properties ?? {}).map(([name, value]): Row => [`source's ${name}`, value]),
    ...(git ? ([["commit", commitWords(git)]] as const) : []),
    ["disk, sha256", disk.sha256],
    ["version", `cdktf-visa-images ${layer.packageVersion}`],
    ...Object.entries(tools).map(([tool, version]): Row => [tool, version]),
    ...(accelerator ? ([["accelerator", accelerator]] as const) : []),
  ];
  const given = Object.entries(inputs);
  return html`<h3>Layer ${template}</h3>
${renderRows("How it was made", ["What", "Value"], facts)}${given.length > 0 && renderRows(`Inputs: ${given.length}`, ["Input", "Value"], given)}`;
}

function renderRows(caption: string, [name, value]: Row, rows: readonly Row[]): Html {
  return html`<table class="rows">
<caption>${caption}</caption>
<thead><tr><th scope="col">${name}</th><th scope="col">${value}</th></tr></thead>
<tbody>
${rows.map(([key, text]) => html`<tr><th scope="row">${key}</th><td class="code">${text}</td></tr>\n`)}</tbody>
</table>
`;
}
