import { renderDifference } from "../../lib/report/difference";
import { difference, HARMLESS, HOSTILE } from "./sample-page";

const { text } = renderDifference(difference(HOSTILE));

test("begins with the one line, and names both", () => {
  expect(text).toMatch(/^<p>1 package up<\/p>\n<dl><dt>before<\/dt><dd>release 1, built 2026-11-01 00:00 UTC<\/dd>/);
});

test("shows changes, measures and what was not compared, all as text", () => {
  expect(text).toContain("<caption>packages of the system: 1</caption>");
  expect(text).toContain(
    `<tr><th scope="row">${HARMLESS}</th><td>up</td><td>1</td><td>${HARMLESS}</td><td>visa-base</td></tr>`,
  );
  expect(text).toContain('<tr><th scope="row">image</th><td>1 MiB</td><td>not known</td></tr>');
  expect(text).toContain(`<tr><th scope="row">users</th><td>${HARMLESS}</td></tr>`);
});
