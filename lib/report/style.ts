/** The style and the script of a report to look at: whole in its file, allowed there by their digests. */
import { createHash } from "node:crypto";

/** Colours by what they are for; each text has a contrast of at least 4.5 to 1 (a test computes it). */
export const COLOURS = {
  light: {
    ...{ page: "#ffffff", panel: "#f3f5f7", line: "#c9d1d9", text: "#1f2328", soft: "#57606a", accent: "#0a5cb8" },
    ...{ pass: "#116329", fail: "#b3141f" },
  },
  dark: {
    ...{ page: "#14181d", panel: "#1e242b", line: "#3d4650", text: "#e6edf3", soft: "#9da7b3", accent: "#6cb0ff" },
    ...{ pass: "#56d364", fail: "#ff8f87" },
  },
} as const;

const colours = (names: Readonly<Record<string, string>>) =>
  Object.entries(names)
    .map(([name, value]) => `--${name}: ${value};`)
    .join(" ");

export const STYLE = `
:root { color-scheme: light dark; ${colours(COLOURS.light)} }
@media (prefers-color-scheme: dark) { :root { ${colours(COLOURS.dark)} } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 75rem; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 1.75rem; }
h2 { margin: 2.5rem 0 0.75rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--line); font-size: 1.35rem; }
h3 { margin: 1.5rem 0 0.5rem; font-size: 1.05rem; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.top { display: grid; gap: 1rem 2rem; margin-top: 1rem; }
@media (min-width: 56rem) { .top.pictured { grid-template-columns: 1fr 1fr; } }
.verdict { margin: 0.5rem 0 0; padding: 0.5rem 0.75rem; border-left: 0.35rem solid var(--soft); background: var(--panel); font-size: 1.1rem; font-weight: 600; }
.verdict.pass { border-color: var(--pass); }
.verdict.fail { border-color: var(--fail); }
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin: 1rem 0 0; padding: 0; list-style: none; }
nav a { display: inline-block; padding: 0.25rem 0; }
figure { margin: 0; }
img { display: block; max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 0.25rem; }
figcaption, caption { padding: 0.35rem 0; color: var(--soft); font-size: 0.9rem; text-align: left; }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) minmax(0, 1fr); gap: 0.25rem 1rem; margin: 0; align-content: start; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
table { width: 100%; margin: 0 0 1rem; border-collapse: collapse; font-size: 0.95rem; }
th, td { padding: 0.35rem 0.6rem 0.35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: anywhere; }
tbody th { font-weight: 400; }
thead th, th[scope="rowgroup"] { color: var(--soft); font-weight: 600; }
th[scope="rowgroup"] { padding-top: 1rem; }
.word { width: 1%; white-space: nowrap; overflow-wrap: normal; }
.number { text-align: right; }
.detail { display: block; color: var(--soft); font-size: 0.9rem; white-space: pre-line; }
.pass { color: var(--pass); font-weight: 600; }
.fail { color: var(--fail); font-weight: 700; }
p.verdict { color: var(--text); }
.soft { color: var(--soft); }
code, .code { font-family: ui-monospace, monospace; font-size: 0.9em; }
.bar { display: block; width: 100%; min-width: 5rem; height: 0.9rem; margin-top: 0.3rem; fill: var(--accent); background: var(--panel); }
.times tbody th { width: 40%; }
.rows th { width: 38%; }
/* What a search leaves does not move the columns. */
.packages { table-layout: fixed; }
.packages .kind { width: 4rem; }
.words { overflow-wrap: normal; }
.search { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: center; margin: 0.5rem 0; }
.search[hidden] { display: none; }
input { flex: 1 1 14rem; max-width: 30rem; padding: 0.45rem 0.6rem; border: 1px solid var(--soft); border-radius: 0.25rem; background: var(--page); color: var(--text); font: inherit; }
@media (max-width: 40rem) { .wide { display: none; } }
@media print {
  :root { color-scheme: light; ${colours(COLOURS.light)} }
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  nav, .search { display: none; }
  .top.pictured { grid-template-columns: 1fr 1fr; }
  h2, h3 { break-after: avoid; }
  tr, figure { break-inside: avoid; }
  thead { display: table-header-group; }
}
`;

/** Without it, all packages are listed: it adds the search. */
export const SCRIPT = `
(() => {
  const search = document.getElementById("search");
  if (!search) return;
  const found = document.getElementById("found");
  const rows = [...document.querySelectorAll("#packages tbody tr")].map((row) => [
    row,
    [...row.cells].map((cell) => cell.textContent.toLowerCase()).join(" "),
  ]);
  search.closest("[hidden]").hidden = false;
  const show = () => {
    const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, text] of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown++;
    }
    found.textContent = shown + " of " + rows.length;
  };
  search.addEventListener("input", show);
  show();
})();
`;

const digest = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Nothing is loaded from anywhere, nothing is sent anywhere, and only this style and this script count. */
export const POLICY = [
  ...["default-src 'none'", `style-src ${digest(STYLE)}`, `script-src ${digest(SCRIPT)}`, "img-src data:"],
  ...["base-uri 'none'", "form-action 'none'"],
].join("; ");
