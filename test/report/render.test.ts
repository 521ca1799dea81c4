import { createHash } from "node:crypto";
import type { Page } from "../../lib/report/page";
import { renderPage } from "../../lib/report/render";
import { difference, HARMLESS, HOSTILE, layer, page, verification } from "./sample-page";

const text = renderPage(page);

test("its policy allows this style, this script and no other, and nothing from outside", () => {
  const policy = /Content-Security-Policy" content="([^"]+)"/.exec(text)?.[1]?.replaceAll("&#39;", "'");
  const digest = (element: string) => {
    const [, content = ""] = new RegExp(`<${element}>([^]*?)</${element}>`).exec(text) ?? [];
    return createHash("sha256").update(content).digest("base64");
  };
  expect(policy?.split("; ")).toEqual([
    ...["default-src 'none'", `style-src 'sha256-${digest("style")}'`, `script-src 'sha256-${digest("script")}'`],
    ...["img-src data:", "base-uri 'none'", "form-action 'none'"],
  ]);
});

test("nothing is loaded from an address, and no style or script stands in an attribute", () => {
  expect([...text.matchAll(/(?:src|href)="(#|data:)?/g)].filter(([, inside]) => !inside)).toEqual([]);
  expect(text).not.toMatch(/url\(|@import| style="| on\w+="/);
});

test("whatever others wrote is text", () => {
  const all = renderPage({
    ...{ template: HOSTILE, fingerprint: HOSTILE },
    release: { ...(page.release as Required<Page>["release"]), image: HOSTILE, name: HOSTILE, imageId: HOSTILE },
    verification: {
      ...{ ...verification, accelerator: HOSTILE, startedAt: HOSTILE, warnings: [HOSTILE] },
      findings: [{ name: HOSTILE, verdict: HOSTILE as "fail", detail: HOSTILE, seconds: 0 }],
    },
    layers: [
      {
        ...{ ...layer, template: HOSTILE, inputs: { [HOSTILE]: HOSTILE }, tools: { [HOSTILE]: HOSTILE } },
        source: {
          glance: HOSTILE,
          imageId: HOSTILE,
          imageName: HOSTILE,
          sha512: "",
          properties: { [HOSTILE]: HOSTILE },
        },
      },
    ],
    packages: [{ name: HOSTILE, version: HOSTILE, kind: HOSTILE, layer: HOSTILE, place: HOSTILE, licence: HOSTILE }],
    difference: difference(HOSTILE),
    digests: { [HOSTILE]: HOSTILE },
  });
  expect(all.split(HARMLESS).length).toBeGreaterThan(34);
  // Ours alone: one script, no picture.
  expect(all.match(/<script/g)).toHaveLength(1);
  expect(all.match(/<\/script/g)).toHaveLength(1);
  for (const raw of ["<img", "<!--", "\u202e", "\u0007"]) expect(all).not.toContain(raw);
});

test("what the templates warn of stands at the top, also where everything holds", () => {
  const warned = renderPage({ ...page, verification: { ...verification, warnings: ['old & "odd"'] } });
  expect(warned).toMatch(
    /<p class="verdict pass">[^<]*<\/p>\n<p class="verdict unknown">Warning: old &amp; &quot;odd&quot;<\/p>\n/,
  );
  expect(text).not.toContain("Warning:");
});

test("each section has a heading and a link to it, each picture words, each table a caption and headed columns", () => {
  const links = [...text.matchAll(/<a href="#([^"]+)"/g)].map(([, id]) => id);
  const headings = [...text.matchAll(/<section id="([^"]+)" aria-labelledby="\1-title">\n<h2 id="\1-title">/g)];
  expect(links).toEqual(["contract", "times", "difference", "packages", "provenance"]);
  expect(headings.map(([, id]) => id)).toEqual(links);
  expect(text.match(/<h1>/g)).toHaveLength(1);
  expect(text).toMatch(/<img alt="[^"]+" src="data:image\/png;base64,cGljdHVyZQ=="/);
  expect(text.match(/<table[^>]*>\n<caption>[^<]+<\/caption>\n<thead><tr><th scope="col"/g)).toHaveLength(
    text.match(/<table/g)?.length ?? 0,
  );
  expect(text).toContain('<label for="search">');
});

test("the search is shown by the script alone; all packages are there without it", () => {
  expect(text).toContain('<div class="search" role="search" hidden>');
  expect(text).toContain('<th scope="row">xrdp</th><td>0.9.21.1-1</td>');
});

test("what is not known is said, section by section", () => {
  const bare = renderPage({ template: "old.raw", fingerprint: "ab".repeat(32), digests: {} });
  expect(bare.match(/<p class="soft">/g)).toHaveLength(5);
  expect(bare).toContain("Not verified on this machine.");
  expect(bare).toContain("<h1>old.raw abababababab</h1>");
});

test("says where it came from: digests, commit, tools, inputs", () => {
  for (const known of [
    "ef".repeat(64),
    "12".repeat(32),
    "c0ffee, modified",
    "1.6.6",
    "77b2 0755",
    "desktops/general",
  ]) {
    expect(text).toContain(known);
  }
});

test("the same page is the same text", () => {
  expect(renderPage(page)).toBe(text);
});
