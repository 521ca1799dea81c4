/** HTML from template literals: what is put in is text, and escaped, unless it is HTML already. */

/** A piece of HTML. Only {@link html} and {@link trusted} make one. */
export class Html {
  constructor(readonly text: string) {}
}

/** What a template takes: nothing is shown of undefined and false; a list is shown one after the other. */
export type Part = Html | string | number | undefined | false | readonly Part[];

/** A tag of template literals: ``html`<td>${name}</td>` ``. Values of attributes have to stand in double quotes. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.reduce((text, string, index) => `${text}${show(parts[index - 1])}${string}`));
}

/** Text of this package's own as it is: a style sheet, a script. Never what a package, a guest or a person wrote. */
export function trusted(text: string): Html {
  return new Html(text);
}

function show(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(show).join("");
  return escapeHtml(String(part));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return (
    text
      .replace(/[&<>"']/g, (sign) => ENTITIES[sign] as string)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: HTML has no place for them, and they may steer a terminal
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd")
  );
}

/** A time as people read it: `2026-11-28 18:18:38 UTC`; what is none as it is. */
export function moment(iso: string): string {
  const time = Date.parse(iso);
  return Number.isNaN(time) ? iso : `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
