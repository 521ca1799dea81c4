/**
 * Manifests whose block tags (`{% if %}`, `{% for %}`) stand around lines or items rather than inside one value: these are
 * rendered as text before they are read as YAML.
 *
 * Only the blocks are: `{{ variable }}` stays for later, so that a quote or a line break in a value does no harm to the
 * YAML, unless it names something that a block binds (the `x` of `{% for x in … %}`). Lines are marked, so that errors
 * name those of the file.
 */
import { isMap, isScalar, isSeq } from "yaml";

/** Private use characters that mark a piece set aside, and the number of a line. */
const PIECE = ["\uE004", "\uE005"] as const;
const LINE = ["\uE006", "\uE007"] as const;

const STATEMENT = /\{%[-+]?\s*(\w+).*?[-+]?%\}/gs;
const RAW = /\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}/gs;

/** Whether a text has any block tag other than `raw`. */
export function hasBlocks(text: string): boolean {
  return [...text.replaceAll(RAW, "").matchAll(STATEMENT)].length > 0;
}

/** Whether a scalar below a node of a document opens a block that it does not close, or the other way round. */
export function hasOpenBlocks(node: unknown): boolean {
  if (isMap(node)) return node.items.some(({ key, value }) => hasOpenBlocks(key) || hasOpenBlocks(value));
  if (isSeq(node)) return node.items.some(hasOpenBlocks);
  return isScalar(node) && typeof node.value === "string" && isOpen(node.value);
}

function isOpen(text: string): boolean {
  if (!text.includes("{%")) return false;
  const open: string[] = [];
  for (const [, word = ""] of text.replaceAll(RAW, "").matchAll(STATEMENT)) {
    if (/^(if|for|macro|call|filter|with|autoescape|block)$/.test(word)) open.push(word);
    else if (word.startsWith("end") && open.pop() !== word.slice(3)) return true;
    else if (/^(elif|else)$/.test(word) && open.length === 0) return true;
  }
  return open.length > 0;
}

/** A text whose blocks are rendered, and for each of its lines the line of the file, counted from 1. */
export interface RenderedBlocks {
  readonly text: string;
  readonly lines: readonly number[];
}

/**
 * Renders the blocks of a text.
 *
 * @param isVariable whether a name is a variable of the template, which is rendered later
 * @param render renders Jinja
 */
export function renderBlocks(
  source: string,
  isVariable: (name: string) => boolean,
  render: (text: string) => string,
): RenderedBlocks {
  const pieces: string[] = [];
  const aside = (piece: string) => `${PIECE[0]}${pieces.push(piece) - 1}${PIECE[1]}`;
  const clean = source.replaceAll(/[\uE004-\uE007]/g, "\uFFFD");
  const whole = clean.replaceAll(RAW, aside).replaceAll(/\{\{(.*?)\}\}/gs, (expression, inner: string) => {
    const name = /^[-+]?\s*([A-Za-z_]\w*)/.exec(inner)?.[1];
    return name !== undefined && isVariable(name) ? aside(expression) : expression;
  });
  const restore = (text: string) =>
    text.replaceAll(/\uE004(\d+)\uE005/g, (_, index: string) => pieces[Number(index)] ?? "");
  const text = restore(render(whole));
  // Marks stand in the way of tags that trim blanks (`{%-`), so the text itself is rendered without them.
  let line = 0;
  const lines = restore(render(markLines(whole, pieces)))
    .split("\n")
    .map((each) => {
      const mark = [...each.matchAll(/\uE006(\d+)\uE007/g)].at(-1);
      // A piece of several lines has no marks inside.
      line = mark ? Number(mark[1]) : line + 1;
      return line;
    });
  const count = text.split("\n").length;
  return { text, lines: lines.length === count ? lines : Array.from({ length: count }, (_, i) => i + 1) };
}

/** Puts the number of each line at its beginning, but for those that begin inside a tag. */
function markLines(text: string, pieces: readonly string[]): string {
  let number = 1;
  let inTag = false;
  return text
    .split("\n")
    .map((line) => {
      const mark = inTag ? "" : `${LINE[0]}${number}${LINE[1]}`;
      for (const [tag] of line.matchAll(/\{[%{#]|[%}#]\}/g)) inTag = tag.startsWith("{");
      const inside = [...line.matchAll(/\uE004(\d+)\uE005/g)];
      number += inside.reduce((sum, [, index]) => sum + (pieces[Number(index)]?.split("\n").length ?? 1) - 1, 1);
      return mark + line;
    })
    .join("\n");
}
