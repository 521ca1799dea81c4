import { ExitCode, type Location, VisaImageError, type VisaImageErrorOptions } from "../errors";
import { suggestion } from "../nearest";
import { fixOf, refuseOtherPrinting, renderJinja } from "./jinja";
import { JinjaError } from "./jinja-error";
import { packerVariable, packerVariablesIn, VARIABLE } from "./marks";

const RESERVED = /[\uE000-\uE003]/;

/** `{{ name | filter | … }}`, where the filters take no arguments. */
const FILTERED = /\{\{\s*([A-Za-z_]\w*)((?:\s*\|\s*[A-Za-z_]\w*)+)\s*\}\}/g;

/** A name that a template uses and does not declare. */
export class UndefinedVariable extends VisaImageError {
  constructor(
    readonly variable: string,
    options: VisaImageErrorOptions,
  ) {
    super(`the variable "${variable}" is not defined`, options);
  }
}

/** A rendered value of a template. */
export class Text {
  constructor(
    /** What it is, but for {@link packerVariable}s. */
    readonly real: string,
    /** The same with marks for the template's variables: what stays when only their values change. */
    readonly structure: string,
    /** How it is written in the configuration. */
    readonly kind: "text" | "integer" | "flag" = "text",
  ) {}

  /** Names of the template's variables that it shows, filtered or not. */
  variables(): string[] {
    return [...this.structure.matchAll(/\uE002(\w+)[^\uE003]*\uE003/g)].map((match) => match[1] as string);
  }

  /** Names of the Packer variables that it refers to. */
  packerVariables(): string[] {
    return packerVariablesIn(this.real);
  }
}

/** Renders the values of one template, each for itself: a quote or a newline in a value changes nothing else. */
export class Renderer {
  private readonly cache = new Map<string, Text>();

  /**
   * @param values the template's variables; a value may be a {@link packerVariable}
   * @param packerVariables Packer's own variables with their defaults, unrendered: what `{{user `name`}}` stands for;
   *   "keep" leaves these as they are
   */
  constructor(
    private readonly values: ReadonlyMap<string, string>,
    private readonly packerVariables: ReadonlyMap<string, string> | "keep" = new Map(),
  ) {
    for (const [name, value] of values) {
      if (RESERVED.test(value.replaceAll(/\uE000[A-Za-z_][A-Za-z0-9_]*\uE001/g, "")))
        throw reserved(`variable "${name}"`);
    }
  }

  /** @throws VisaImageError for an undefined variable, a syntax error, an endless loop, a secret in a filter */
  render(source: string, location?: Location): Text {
    const cached = this.cache.get(source);
    if (cached) return cached;
    const text = this.user(this.plain(source, location), location);
    this.cache.set(source, text);
    return text;
  }

  private plain(source: string, location: Location | undefined): Text {
    if (RESERVED.test(source)) throw reserved("the value", location);
    return isTemplate(source) ? this.expand(source, location) : new Text(source, source);
  }

  private expand(source: string, location: Location | undefined): Text {
    const used = identifiers(source).filter((name) => this.values.has(name));
    const unknown = conditionNames(source).find((name) => !this.values.has(name));
    // Compared with something, an undefined name is only false: a misspelled one would go unseen.
    if (unknown !== undefined) throw this.undefinedVariable(unknown, lineOf(unknown, source, location));
    const real = this.run(source, Object.fromEntries(used.map((name) => [name, this.values.get(name)])), location);
    if (RESERVED.test(real.replaceAll(/\uE000[A-Za-z_][A-Za-z0-9_]*\uE001/g, ""))) throw changedSecret(location);
    const variables = used.filter((name) => !RESERVED.test(this.values.get(name) ?? ""));
    return new Text(real, this.structure(source, real, used, variables));
  }

  /**
   * A variable is shown by name where the text is the same with its value put in afterwards, through filters that take no
   * arguments at most; where a condition or another filter looks into it, the text as a whole is what changes.
   */
  private structure(source: string, real: string, used: readonly string[], variables: readonly string[]): string {
    const mark = (expression: string) => VARIABLE[0] + expression + VARIABLE[1];
    const marks = Object.fromEntries(
      used.map((name) => [name, variables.includes(name) ? mark(name) : this.values.get(name)]),
    );
    const filtered = source.replaceAll(FILTERED, (whole, name: string, filters: string) =>
      variables.includes(name) ? mark(name + filters.replaceAll(/\s/g, "")) : whole,
    );
    for (const candidate of new Set([source, filtered])) {
      try {
        const marked = renderJinja(candidate, marks);
        const filled = marked.replaceAll(/\uE002([^\uE003]*)\uE003/g, (_, expression: string) =>
          expression.includes("|")
            ? renderJinja(`{{${expression}}}`, Object.fromEntries(this.values))
            : (this.values.get(expression) ?? ""),
        );
        if (filled === real) return marked;
      } catch {
        // A filter that cannot work on the mark.
      }
    }
    return real;
  }

  private run(source: string, values: Record<string, unknown>, location: Location | undefined): string {
    try {
      const text = renderJinja(source, values);
      // Whatever a filter does to a mark (other than leaving it alone) would put the mark into the image.
      for (const [name, value] of Object.entries(values)) {
        if (typeof value !== "string" || !RESERVED.test(value)) continue;
        // Long, for filters that count.
        const longer = packerVariable(`other_${name}_${"x".repeat(200)}`);
        const other = renderJinja(source, { ...values, [name]: longer });
        if (other.replaceAll(longer, value) !== text) throw changedSecret(location, name);
      }
      refuseOtherPrinting(source, text, values);
      return text;
    } catch (cause) {
      if (cause instanceof VisaImageError) throw cause;
      throw this.explain(source, cause, location);
    }
  }

  private explain(source: string, cause: unknown, place: Location | undefined): VisaImageError {
    const message = cause instanceof Error ? cause.message : String(cause);
    // A whole file has no line of its own.
    const line = cause instanceof JinjaError ? cause.line : /\(in <string>:(\d+)\)/.exec(message)?.[1];
    const location = place && place.line === undefined && line ? { ...place, line: Number(line) } : place;
    const short = (message.split("\n")[0] ?? message).replace(/ \(in <string>:\d+\)$/, "");
    const excerpt = JSON.stringify(source.length > 80 ? `${source.slice(0, 77)}…` : source);
    const usage = (what: string, fix: string) =>
      new VisaImageError(what, { location, fix, exitCode: ExitCode.USAGE, cause });
    if (short.startsWith("undefined value")) {
      const name = identifiers(source).find((candidate) => !this.values.has(candidate));
      if (name !== undefined) return this.undefinedVariable(name, location, cause);
      return usage(`something is not defined in ${excerpt}`, "declare it in environment.yml");
    }
    if (short.includes("fuel") || short.includes("recursion")) {
      return usage(`rendering ${excerpt} takes too long: ${short}`, "remove the loop");
    }
    return usage(
      `${short}, in ${excerpt}`,
      (cause instanceof JinjaError ? cause.fix : fixOf(short, source)) ??
        "put {% raw %}…{% endraw %} around what is meant for Packer or for the shell, such as {{ .Vars }}",
    );
  }

  private undefinedVariable(name: string, location: Location | undefined, cause?: unknown): VisaImageError {
    return new UndefinedVariable(name, {
      location,
      fix: `declare it in environment.yml (a parent's variables are not inherited); ${suggestion(name, this.values.keys(), "variables")}`,
      exitCode: ExitCode.USAGE,
      cause,
    });
  }

  /**
   * The trees of packme call Packer's own variables `{{user `name`}}`, which HCL2 does not know. Nothing sets them but
   * their defaults, so these are put in.
   */
  private user(text: Text, location: Location | undefined): Text {
    const { packerVariables } = this;
    if (packerVariables === "keep" || !text.real.includes("{{")) return text;
    const convert = (value: string, mode: "real" | "structure") =>
      value.replaceAll(/\{\{\s*user\s+[`"']([^`"'}]*)[`"']\s*\}\}/g, (_, name: string) => {
        const value = packerVariables.get(name);
        if (value !== undefined) return this.plain(value, location)[mode];
        throw new VisaImageError(`Packer's variable "${name}" is not defined`, {
          location,
          fix: `declare it in the manifest under packer.variables; ${suggestion(name, packerVariables.keys(), "variables")}`,
          exitCode: ExitCode.USAGE,
        });
      });
    return new Text(convert(text.real, "real"), convert(text.structure, "structure"), text.kind);
  }
}

/** Whether Jinja has anything to do; a lone `{#` is the shell's `${#name}`, not a comment. */
function isTemplate(source: string): boolean {
  return source.includes("{{") || source.includes("{%") || /\{#.*#\}/s.test(source);
}

const JINJA_WORDS = new Set(
  `and as autoescape block call continue break do elif else endautoescape endblock endcall endfilter endfor endif
  endmacro endraw endset endwith extends false False filter for from if import in include is loop macro none None not or
  range raw recursive set true True with dict namespace debug self super defined undefined`.split(/\s+/),
);

/** Where a name stands in the tags of a source, where that is a whole file. */
function lineOf(name: string, source: string, location: Location | undefined): Location | undefined {
  if (!location || location.line !== undefined) return location;
  const index = new RegExp(`\\{%[^%]*\\b${name}\\b`).exec(source)?.index ?? 0;
  return { ...location, line: source.slice(0, index).split("\n").length };
}

/** Names that conditions look up and that the template does not bind itself; none of a condition on what is defined. */
function conditionNames(source: string): string[] {
  const bound = new Set<string>();
  for (const [, names = ""] of source.matchAll(/\{%[-+]?\s*(?:for|set|macro|call|with|import|from)\b(.*?)%\}/gs)) {
    for (const [name] of names.matchAll(/[A-Za-z_]\w*/g)) bound.add(name);
  }
  const code = source
    .replaceAll(/\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}/gs, "")
    .replaceAll(/\{#.*?#\}/gs, "");
  const tags = [...code.matchAll(/\{%[-+]?\s*(?:if|elif)\s(.*?)%\}/gs)].map(([, condition = ""]) => condition);
  // {{ 'a' if condition else 'b' }}
  const inline = [...code.matchAll(/\{\{(.*?)\}\}/gs)].flatMap(([, expression = ""]) =>
    [...withoutStrings(expression).matchAll(/\bif\b(.*?)(?=\belse\b|\bif\b|$)/gs)].map(
      ([, condition = ""]) => condition,
    ),
  );
  return [...tags, ...inline]
    .filter((condition) => !/\bdefined\b|\bdefault\b/.test(condition))
    .flatMap((condition) => identifiers(`{{${condition.replaceAll(/\bis\s+(not\s+)?\w+|\b\w+\s*=(?!=)/g, "")}}}`))
    .filter((name) => !bound.has(name));
}

/** Names that a template may look up; more than it does where it binds names of its own. */
function identifiers(source: string): string[] {
  const code = source
    .replaceAll(/\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}/gs, "")
    .replaceAll(/\{#.*?#\}/gs, "");
  const names = new Set<string>();
  for (const [, expression, statement] of code.matchAll(/\{\{(.*?)\}\}|\{%(.*?)%\}/gs)) {
    const words = withoutStrings(expression ?? statement ?? "");
    // Attributes (.x) and filters (|x) are no variables.
    for (const [, name] of words.matchAll(/(?<![.|\w]|\|\s+)([A-Za-z_]\w*)/g)) {
      if (name !== undefined && !JINJA_WORDS.has(name)) names.add(name);
    }
  }
  return [...names];
}

function withoutStrings(code: string): string {
  return code.replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, "''");
}

function changedSecret(location: Location | undefined, name?: string): VisaImageError {
  return new VisaImageError(
    name === undefined ? "a secret cannot be changed by a filter" : `"${name}" cannot be changed or looked into here`,
    {
      location,
      fix: "use it as it is; only the build knows its value",
      exitCode: ExitCode.USAGE,
    },
  );
}

function reserved(what: string, location?: Location): VisaImageError {
  return new VisaImageError(`${what} holds a character between U+E000 and U+E003, which is reserved`, {
    location,
    fix: "remove it",
    exitCode: ExitCode.USAGE,
  });
}
