/** Filters that Jinja2 has and minijinja lacks or does otherwise. They give text. */
import { JinjaError } from "./jinja-error";
import { fixed, formatPercent, notDefined, textOf } from "./jinja-format";

/** What stands before a filter, then its arguments; those given by name as a Map at the end. */
type Filter = (subject: unknown, ...given: unknown[]) => string;

/** Characters that a filter may add. */
const MOST = 100_000;

const ENTITIES: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", "'": "#39", '"': "#34" };

const escapeHtml: Filter = (subject) =>
  textOf(subject, "escape").replaceAll(/[&<>'"]/g, (character) => `&${ENTITIES[character]};`);

export const JINJA_FILTERS: Readonly<Record<string, Filter>> = {
  b64encode: (subject) => Buffer.from(String(subject), "utf8").toString("base64"),
  center: (subject, ...given) => {
    const [width] = bind("center", given, ["width"]);
    const text = textOf(subject, "center");
    const columns = whole("center", width, 80);
    const missing = Math.max(0, columns - [...text].length);
    // Python's way with an odd rest.
    const left = Math.floor(missing / 2) + (missing & columns & 1);
    return " ".repeat(left) + text + " ".repeat(missing - left);
  },
  filesizeformat: (subject, ...given) => {
    const [binary] = bind("filesizeformat", given, ["binary"]);
    return fileSize(subject, binary === true);
  },
  e: escapeHtml,
  escape: escapeHtml,
  forceescape: escapeHtml,
  format: (subject, ...given) => {
    const named = given.at(-1);
    if (!(named instanceof Map)) return formatPercent(textOf(subject, "format"), given);
    if (given.length > 1)
      throw new JinjaError("format takes values by their place or by their name, not both", "|format(a, b)");
    return formatPercent(textOf(subject, "format"), named);
  },
  pprint: () => {
    throw new JinjaError("pprint does not work here", "|tojson, or |join for a list");
  },
  truncate: (subject, ...given) => {
    const [length, killwords, end, leeway] = bind("truncate", given, ["length", "killwords", "end", "leeway"]);
    const mark = end === undefined ? "..." : textOf(end, "truncate");
    return truncate(textOf(subject, "truncate"), whole("truncate", length, 255), killwords === true, mark, leeway);
  },
  urlencode: (subject) => {
    if (!Array.isArray(subject) && !(subject instanceof Map)) return percentEncode(textOf(subject, "urlencode"), "/");
    return [...(subject as Iterable<unknown>)].map(pair).join("&");
  },
  wordcount: (subject) => String(textOf(subject, "wordcount").match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  wordwrap: (subject, ...given) => {
    const [width, long, wrapstring, hyphens] = bind(
      ...(["wordwrap", given, ["width", "break_long_words", "wrapstring", "break_on_hyphens"]] as const),
    );
    const columns = Math.max(1, whole("wordwrap", width, 79));
    const end = wrapstring === undefined ? "\n" : textOf(wrapstring, "wordwrap");
    const lines = textOf(subject, "wordwrap").split(/\r\n|\r|\n/);
    return lines.map((line) => wrap(line, columns, long !== false, hyphens !== false).join(end)).join(end);
  },
};

/** The arguments in the order of their names. */
function bind(filter: string, given: readonly unknown[], names: readonly string[]): unknown[] {
  const last = given.at(-1);
  const byPlace = last instanceof Map ? given.slice(0, -1) : given;
  const byName: ReadonlyMap<string, unknown> = last instanceof Map ? last : new Map();
  const unknown = [...byName.keys()].find((name) => names.indexOf(name) < byPlace.length);
  if (unknown !== undefined || byPlace.length > names.length) {
    throw new JinjaError(
      `${filter} takes ${names.join(", ")}, not ${unknown ?? `${byPlace.length} values`}`,
      "leave it out",
    );
  }
  if ([...byPlace, ...byName.values()].some((value) => value === undefined || value === null)) throw notDefined();
  return names.map((name, i) => (i < byPlace.length ? byPlace[i] : byName.get(name)));
}

function whole(filter: string, value: unknown, otherwise: number): number {
  const number = Number(value ?? otherwise);
  if ((value === undefined || /number|bigint/.test(typeof value)) && Number.isInteger(number) && number <= MOST) {
    return number;
  }
  throw new JinjaError(`${filter} wants a whole number up to ${MOST}`, "|int before it");
}

/** Python's `quote()`. */
function percentEncode(value: string, safe: string): string {
  return encodeURIComponent(value.replaceAll(/\p{Cs}/gu, "\uFFFD")).replaceAll(/[!'()*]|%2F/g, (character) =>
    character === "%2F" ? safe || character : `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function pair(item: unknown): string {
  if (!Array.isArray(item) || item.length !== 2)
    throw new JinjaError("urlencode wants text, a dict, or pairs", "|join");
  return item.map((part) => percentEncode(textOf(part, "urlencode"), "").replaceAll("%20", "+")).join("=");
}

function fileSize(subject: unknown, binary: boolean): string {
  const bytes = Number(textOf(subject, "filesizeformat").trim() || Number.NaN);
  if (!Number.isFinite(bytes)) throw new JinjaError("filesizeformat wants a number", "|int before it");
  const base = binary ? 1024 : 1000;
  if (bytes === 1) return "1 Byte";
  if (bytes < base) return `${Math.trunc(bytes)} Bytes`;
  const prefixes = [..."kMGTPEZY"].map((prefix) => (binary ? `${prefix.toUpperCase()}iB` : `${prefix}B`));
  const found = prefixes.findIndex((_, i) => bytes < base ** (i + 2));
  const index = found < 0 ? prefixes.length - 1 : found;
  return `${fixed((base * bytes) / base ** (index + 2), 1)} ${prefixes[index]}`;
}

/** @param leeway characters by which a text may be longer and stays; 5 */
function truncate(text: string, length: number, killwords: boolean, end: string, leeway: unknown): string {
  const all = [...text];
  const room = length - [...end].length;
  if (room < 0) throw new JinjaError(`truncate: its end has more than ${length} characters`, "a greater length");
  if (all.length <= length + whole("truncate", leeway, 5)) return text;
  const short = all.slice(0, room).join("");
  return (killwords || !short.includes(" ") ? short : short.slice(0, short.lastIndexOf(" "))) + end;
}

const BLANK = "[\\t\\n\\v\\f\\r ]";
const WORD = "[\\p{L}\\p{N}_!\"'&.,?]";
const LETTER = "[\\p{L}_]";
/** Blanks; dashes between words; words, up to a hyphen in them: where Python's textwrap may break a line. */
const CHUNK = new RegExp(
  `(${BLANK}+|(?<=${WORD})-{2,}(?=[\\p{L}\\p{N}_])|[^\\t\\n\\v\\f\\r ]+?(?:-(?:(?<=${LETTER}{2}-)|(?<=${LETTER}-${LETTER}-))(?=${LETTER}-?${LETTER})|(?=${BLANK}|$)|(?<=${WORD})(?=-{2,}[\\p{L}\\p{N}_])))`,
  "u",
);
const BLANKS = new RegExp(`(${BLANK}+)`);

/** The lines that one line becomes. */
function wrap(text: string, width: number, breakWords: boolean, hyphens: boolean): string[] {
  const chunks = text
    .split(hyphens ? CHUNK : BLANKS)
    .filter((chunk) => chunk)
    .reverse();
  const size = (chunk: string | undefined) => [...(chunk ?? "")].length;
  const lines: string[] = [];
  while (chunks.length > 0) {
    const line: string[] = [];
    let used = 0;
    if (lines.length > 0 && chunks.at(-1)?.trim() === "") chunks.pop();
    while (chunks.length > 0 && used + size(chunks.at(-1)) <= width) {
      line.push(chunks.pop() as string);
      used += size(line.at(-1));
    }
    const long = [...(chunks.at(-1) ?? "")];
    if (long.length > width && breakWords) {
      const room = width - used;
      const hyphen = hyphens ? long.lastIndexOf("-", room - 1) : -1;
      const at = hyphen > 0 && long.slice(0, hyphen).some((each) => each !== "-") ? hyphen + 1 : room;
      line.push(long.slice(0, at).join(""));
      chunks[chunks.length - 1] = long.slice(at).join("");
    } else if (long.length > width && line.length === 0) line.push(chunks.pop() as string);
    if (line.at(-1)?.trim() === "") line.pop();
    if (line.length > 0) lines.push(line.join(""));
  }
  return lines;
}
