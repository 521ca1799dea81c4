/** minijinja as this package uses it: Jinja2's filters, and an error where it would print otherwise than Jinja2. */
import { Environment } from "minijinja-js";
import { JinjaError } from "./jinja-error";
import { JINJA_FILTERS } from "./jinja-filters";
import { hasExponent } from "./jinja-format";

/** Operations that one value may take: an endless loop ends as an error. */
const FUEL = 100_000;

/** A filter must not throw: minijinja's process would end with it. The first error is kept until it is back. */
let failure: { readonly filter: string; readonly error: unknown } | undefined;

let rendering: Environment | undefined;
let checking: Environment | undefined;

function create(fuel: number): Environment {
  const environment = new Environment();
  environment.undefinedBehavior = "strict";
  environment.keepTrailingNewline = true;
  environment.fuel = fuel;
  // packme's trees are written for Jinja2, where methods of strings are Python's.
  environment.enablePyCompat();
  for (const [name, filter] of Object.entries({ ...JINJA_FILTERS, visa_printed: printed })) {
    environment.addFilter(name, (subject: unknown, ...values: unknown[]) => {
      try {
        return filter(subject, ...values);
      } catch (error) {
        failure ??= { filter: name, error };
        return "";
      }
    });
  }
  return environment;
}

function run(environment: Environment, source: string, values: Readonly<Record<string, unknown>>): string {
  let text: string | undefined;
  let own: unknown;
  try {
    text = environment.renderStr(source, values);
  } catch (error) {
    own = error;
  }
  const failed = takeFailure();
  // What follows a failed filter may fail for it.
  if (failed) throw withLine(source, failed.filter, failed.error);
  if (text === undefined) throw own;
  return text;
}

function takeFailure(): typeof failure {
  const failed = failure;
  failure = undefined;
  return failed;
}

/** Where a filter stands that failed, if it stands in one place. */
function withLine(source: string, filter: string, error: unknown): unknown {
  const [use, ...others] = source.matchAll(new RegExp(`\\|\\s*${filter}\\b`, "g"));
  if (!(error instanceof JinjaError) || error.line !== undefined || !use || others.length > 0) return error;
  return new JinjaError(error.message, error.fix, source.slice(0, use.index).split("\n").length);
}

/** @throws JinjaError of a filter, or minijinja's own error */
export function renderJinja(source: string, values: Readonly<Record<string, unknown>>): string {
  rendering ??= create(FUEL);
  return run(rendering, source, values);
}

/** What the text has where minijinja may have printed a truth value, none, a list, a dict or a very small number. */
const TELLTALE = /true|false|none|[[{](?:["\d\-[\]{}]|$)|\.0000|\d{16}/;

/**
 * What is no text and no usual number is printed by Jinja2 as Python writes it (`True`, `None`, `['a']`), and by minijinja
 * as JSON, more or less. Neither is what a file of Linux wants.
 *
 * @param text what the source is rendered to
 * @throws JinjaError that names the expression, its line and what to write
 */
export function refuseOtherPrinting(source: string, text: string, values: Readonly<Record<string, unknown>>): void {
  if (!source.includes("{{") || !TELLTALE.test(text)) return;
  const watched = source.replaceAll(TAG, (tag, before?: string, expression?: string, after?: string, at?: number) => {
    if (before === undefined || expression === undefined || !expression.trim()) return tag;
    const line = source.slice(0, at).split("\n").length;
    const shown = JSON.stringify(expression.trim().replaceAll(/\s+/g, " "));
    return `{%${before} set visa_value = (${expression}) %}{{ visa_value|visa_printed(visa_value is none, ${line}, ${shown}) }}{{ visa_value ${after}}}`;
  });
  checking ??= create(10 * FUEL);
  try {
    run(checking, watched, values);
  } catch (error) {
    // The source itself was rendered: anything else is of the watching.
    if (error instanceof JinjaError) throw error;
  }
}

const TEXT = `"(?:[^"\\\\]|\\\\.)*"|'(?:[^'\\\\]|\\\\.)*'`;
/** An expression, with dicts in dicts. */
const EXPRESSION = Array.from({ length: 3 }).reduce<string>(
  (inner) => `(?:${TEXT}|[^{}"']|\\{${inner}\\})*?`,
  `(?:${TEXT}|[^{}"'])*?`,
);
/** A comment, text that stays as it is, a statement; or an expression, in parts. */
const TAG = new RegExp(
  `\\{#.*?#\\}|\\{%[-+]?\\s*raw\\s*[-+]?%\\}.*?\\{%[-+]?\\s*endraw\\s*[-+]?%\\}|\\{%(?:${TEXT}|[^"'])*?%\\}|\\{\\{([-+]?)(${EXPRESSION})([-+]?)\\}\\}`,
  "gs",
);

function printed(value: unknown, ...[isNone, line, expression]: unknown[]): string {
  const refuse = (what: string, fix: string) => {
    throw new JinjaError(`{{ ${expression} }} prints ${what}`, fix, Number(line));
  };
  if (isNone === true) refuse("none, which Jinja2 prints as None", '|default("", true), or {% if %} around it');
  if (typeof value === "boolean") {
    refuse("a truth value, which Jinja2 prints as True or False", '{{ "yes" if … else "no" }}');
  }
  if (typeof value === "number" && hasExponent(value)) refuse("a number with an exponent", '{{ "%.9f"|format(…) }}');
  if (Array.isArray(value)) refuse("a list, which Jinja2 prints as Python writes it", '|join(" "), or |tojson');
  if (value instanceof Map) refuse("a dict, which Jinja2 prints as Python writes it", "|tojson, or its parts");
  return "";
}

const NAMESPACE = "{% set all = namespace(list=[]) %} before, then {% set all.list = all.list + [item] %}";

/** What to write where minijinja fails and Jinja2 does not: by its message, and by the source. */
const FIXES: readonly (readonly [message: RegExp, fix: string, source?: RegExp])[] = [
  [/tried to use % operator on unsupported types string/, `"…%s…"|format(value) for "…%s…" % value`],
  [/no method named format\b/, `"%s-%s"|format(a, b) for "{}-{}".format(a, b)`],
  [/no method named zfill\b/, `"%05d"|format(value|int), or "%s" with zeros before it`],
  [/no method named (?:center|ljust|rjust)\b/, `"%-20s"|format(value), "%20s"|format(value), or |center(20)`],
  [/no method named r?partition\b/, `.split("-", 1), which gives what is before and after`],
  [/no method named rsplit\b/, `.split("-"), then [-1] for the last and [:-1]|join("-") for the rest`],
  [/no method named remove(?:prefix|suffix)\b/, `.replace("visa-", "", 1), or a part: value[5:]`],
  [/no method named (?:append|extend|insert)\b/, NAMESPACE],
  [/no method named (?:pop|remove|clear|sort|reverse)\b/, "|sort, |reverse, |reject, or a part: value[1:]"],
  [/no method named (?:update|setdefault)\b/, "write the dict with all that it has: a template does not change it"],
  [/no method named/, "a filter of Jinja2: value|upper, value|trim, value|replace(a, b)"],
  [/not iterable/, `cycler(["a", "b"]), with a list`, /\bcycler\s*\(/],
  [/filter random is unknown/, "name what is wanted: the same inputs have to make the same image"],
  [/(?:filter|test|function): /, "see docs/migrating.md for those of Jinja2 that do not work here"],
  [/unknown method/, "a filter of Jinja2, or a part of it: value.name, value[0]"],
  [/unexpected float, expected identifier/, "value[0][1] for value.0.1"],
  [/value is not a string/, `an attribute by its name: |groupby("name")`, /\|\s*(?:groupby|sort|sum|min|max)\b/],
  [/too many arguments/, "value.replace(old, new, count) is a method", /\|\s*replace\b/],
  [/too many arguments/, `name the arguments: |dictsort(by="value")`],
  [/cannot convert map to/, "give the arguments by their place, not by their name"],
  [/invalid (?:float|integer) literal|invalid digit/, `digits alone: value|replace("G", "")|int`],
  [/unexpected `,`, expected assignment/, "{% set (a, b) = … %}"],
  [/bad string escape/, String.raw`"\\" for a backslash`],
  [/template not found|unknown statement/, "write its text here"],
];

/** What to write instead, where it is known. */
export function fixOf(message: string, source: string): string | undefined {
  return FIXES.find(([pattern, , within]) => pattern.test(message) && (within?.test(source) ?? true))?.[1];
}
