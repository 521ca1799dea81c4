/** A review's words on a terminal, and as Markdown for a merge request. */
import type { PlanReview } from "./model";
import { type Foreign, type Wording, type Words, wordsOf } from "./words";

/** A value is cut after so many characters: what it is can be seen in the plan. */
const LONGEST_VALUE = 100;

/** GitHub takes 65,536 characters in a comment. */
const LONGEST_COMMENT = 60_000;

/** As text, one thing a line. */
export function printText(review: PlanReview): string {
  return wordingText(wordsOf(review));
}

/** Words as text, one thing a line. */
export function wordingText({ headline, sections }: Wording): string {
  const line = (words: Words) => words.map((each) => (typeof each === "string" ? each : clean(each))).join("");
  return [
    headline,
    ...sections.flatMap(({ title, items }) => [
      "",
      `${title}:`,
      ...items.flatMap(({ words, details }) => [`  ${line(words)}`, ...details.map((each) => `    ${line(each)}`)]),
    ]),
  ]
    .map((each) => `${each}\n`)
    .join("");
}

/** As Markdown. What others wrote stands in code: it makes no link, mentions nobody and is no HTML. */
export function printMarkdown(review: PlanReview): string {
  return wordingMarkdown(wordsOf(review));
}

/** Words as Markdown. */
export function wordingMarkdown({ headline, sections }: Wording): string {
  const line = (words: Words) => words.map((each) => (typeof each === "string" ? each : code(clean(each)))).join("");
  const lines = [
    `**${headline}**`,
    ...sections.flatMap(({ title, items }) => [
      "",
      `#### ${title}`,
      "",
      ...items.flatMap(({ words, details }) => [`- ${line(words)}`, ...details.map((each) => `  - ${line(each)}`)]),
    ]),
  ];
  const kept: string[] = [];
  let length = 0;
  for (const each of lines) {
    length += each.length + 1;
    if (length > LONGEST_COMMENT) {
      kept.push("", `*${lines.length - kept.length} lines more: \`visa-image review --json\` has all.*`);
      break;
    }
    kept.push(each);
  }
  return kept.map((each) => `${each}\n`).join("");
}

/** On one line, and without what a terminal or a reader of right-to-left text takes for an order. */
function clean({ foreign }: Foreign): string {
  const text = foreign.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim();
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE - 1)}…` : text || '""';
}

function code(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  const room = text.startsWith("`") || text.endsWith("`") ? " " : "";
  return fence + room + text + room + fence;
}
