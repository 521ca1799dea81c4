import { html, moment, trusted } from "../../lib/report/html";
import { HARMLESS, HOSTILE } from "./sample-page";

test("what is put in is text, also in an attribute", () => {
  expect(html`<td title="${HOSTILE}">${HOSTILE}</td>`.text).toBe(`<td title="${HARMLESS}">${HARMLESS}</td>`);
});

test("HTML, lists and numbers are shown, undefined and false are not", () => {
  const items = ["<a>", html`<b>${1}</b>`];
  expect(html`${items}${undefined}${false}${0}${""}`.text).toBe("&lt;a&gt;<b>1</b>0");
});

test("trusted text stays as it is", () => {
  expect(html`${trusted("a > b")}`.text).toBe("a > b");
});

test("a time is shown to the second, in UTC; what is none as it is", () => {
  expect(moment("2026-11-28T18:18:38.984+01:00")).toBe("2026-11-28 17:18:38 UTC");
  expect(moment("yesterday")).toBe("yesterday");
});
