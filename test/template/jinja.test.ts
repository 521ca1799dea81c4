/** What Jinja2 can and templates here cannot: an error with its line and what to write. test/packme/jinja.test.ts compares. */
import { VisaImageError } from "../../lib/errors";
import { Renderer } from "../../lib/template/render";

const VALUES = { name: "visa-apps", flag: "true", memory: "4096", empty: "", password: "\uE000root_password\uE001" };

function render(source: string): string {
  return new Renderer(new Map(Object.entries(VALUES)), "keep").render(source, { file: "preseed.cfg.j2" }).real;
}

function failure(source: string): string {
  try {
    return `no error: ${render(source)}`;
  } catch (error) {
    if (error instanceof VisaImageError) return error.message;
    throw error;
  }
}

test.each([
  ["a\n{{ name == 'x' }}", ":2: {{ name == 'x' }} prints a truth value", "yes"],
  ["a\n\n{{- none }}", ":3: {{ none }} prints none", "|default"],
  ["{{ name.split('-') }}", ":1: {{ name.split('-') }} prints a list", '|join(" ")'],
  ["{{ {'a': {'b': 1}} }}", ":1: {{ {'a': {'b': 1}} }} prints a dict", "|tojson"],
  ["{{ 1e-5 }} {{ 1e16 }}", "{{ 1e-5 }} prints a number with an exponent", '"%.9f"|format'],
  ["{% macro m() %}\n{{ true }}{% endmacro %}{{ m() }}", ":2: {{ true }} prints a truth value", "yes"],
  ["{% for a in [1] %}\n{{ loop.first }}{% endfor %}", ":2: {{ loop.first }} prints a truth value", "yes"],
  ["{% set x %}{{ name in 'x' }}{% endset %}{{ x }}", "prints a truth value", "yes"],
  ["a\n{{ '%s' % name }}", ":2: ", "|format(value)"],
  ["{{ '{}'.format(name) }}", "format", '"%s-%s"|format(a, b)'],
  ["{{ name.zfill(3) }}", "zfill", '"%05d"|format'],
  ["{{ name.ljust(3) }}", "ljust", '"%-20s"|format'],
  ["{{ name.partition('-') }}", "partition", '.split("-", 1)'],
  ["{{ name.rsplit('-', 1) }}", "rsplit", "[-1]"],
  ["{% set x = [] %}{% set y = x.append(1) %}", "append", "namespace(list=[])"],
  ["{{ cycler('a', 'b').next() }}", "not iterable", 'cycler(["a", "b"])'],
  ["{{ [1, 2]|random }}", "random", "the same inputs"],
  ["{{ name|urlize }}", "urlize", "docs/migrating.md"],
  ["{{ ['ab']|groupby(0) }}", "not a string", "by its name"],
  ["{{ name|replace('a', 'b', 1) }}", "too many arguments", "value.replace(old, new, count)"],
  ["{% set a, b = 1, 2 %}", "unexpected", "{% set (a, b)"],
  ["{{ '4G'|int }}", "invalid float literal", "digits alone"],
  ["{{ name|pprint }}", ":1: pprint does not work here", "|tojson"],
  ["\n{{ '%d'|format(name) }}", ':2: format: "%d" wants a number', "|int"],
  ["{{ '%r'|format(name) }}", '"%r" does not work here', '"%s"'],
  ["{{ '%s %s'|format(name) }}", "more places than there are values", "a value for each place"],
  ["{{ '%s'|format(name, name) }}", "fewer places than there are values", "a place for each value"],
  ["{{ '50%'|format() }}", "ends within a place", "%%"],
  ["{{ '%9999d'|format(1) }}", "more than 1000 characters", "a smaller width"],
  ["{{ '%(a)s'|format(memory=1) }}", 'no value "a"', "|format(a=…)"],
  ["{{ '%x'|format(1.5) }}", "wants a whole number", "|int"],
  ["{{ name|truncate(1) }}", "its end has more than 1 characters", "a greater length"],
  ["{{ name|center(999999999) }}", "center wants a whole number up to 100000", "|int"],
  ["{{ name|center(8, 9) }}", "center takes width, not 2 values", "leave it out"],
  ["{{ [1]|center }}", "center: a value is no text", "|join"],
  ["{{ name|filesizeformat }}", "filesizeformat wants a number", "|int"],
  ["{{ nobody|center(5) }}", 'the variable "nobody" is not defined', "environment.yml"],
  ["{{ name|center(nobody) }}", 'the variable "nobody" is not defined', "environment.yml"],
])("fails for %j and names what to write", (source, message, fix) => {
  const told = failure(source);
  expect(told).toContain("preseed.cfg.j2");
  expect(told).toContain(message);
  expect(told.split("fix: ")[1]).toContain(fix);
});

test.each([
  ["a text that looks like what is refused", `{{ flag }} {{ 'none' }} {{ '["a"]' }} {{ '{"a": 1}' }}`],
  ["text beside tags", "true none [1, 2] {\"a\": 1} {% raw %}{{ true }}{% endraw %}{# {{ true }} #}{{ '{{ true }}' }}"],
  ["a condition without else", "{{ 'x' if empty }} none"],
  ["a truth value that only decides", "{% set x = name == 'a' %}{{ 'true' if not x else 'false' }}"],
])("prints %s", (_, source) => expect(failure(source)).toMatch(/^no error: /));

test("renders the next value after a filter that failed", () => {
  expect(failure("{{ '%d'|format(name) }}")).toContain("wants a number");
  expect(render("{{ name|center(11) }}")).toBe(" visa-apps ");
});

test("a secret passes through |format as it is, and through nothing that looks into it", () => {
  expect(render("{{ 'a:%s'|format(password) }}")).toBe(`a:${VALUES.password}`);
  for (const filter of ["center(80)", "urlencode", "truncate(5)", "truncate(25)", "wordwrap(4)", "e|upper"]) {
    expect(failure(`{{ password|${filter} }}`)).toMatch(/secret cannot be changed|cannot be changed or looked into/);
  }
});
