/** The same expressions by Jinja2 of PyPI, which packme renders by, and by us. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { VisaImageError } from "../../lib/errors";
import { Renderer } from "../../lib/template/render";
import { packmePrograms } from "../support/packme";

jest.setTimeout(180_000);

const FIXTURES = join(__dirname, "..", "fixtures", "jinja");
const VALUES = {
  apps: "silx mantid  nexpy",
  codename: "jammy",
  empty: "",
  flag: "true",
  memory: "4096",
  name: "visa-apps",
  path: "/opt/a b/c.txt",
  text: `héllo 'q' "d" $x {y}`,
};

const rows = (file: string) => readFileSync(join(FIXTURES, file), "utf8").trimEnd().split("\n---\n");

/** What is printed otherwise and not refused, in the words of docs/migrating.md, with what shows it. */
const DIFFERENT: Readonly<Record<string, readonly string[]>> = {
  "`|tojson`": [
    "{{ text|tojson }}",
    '{{ {"a": [1, 2.5, none, true], "b": "x"}|tojson }} {{ [1,2]|tojson(indent=2) }} {{ {"b":1,"a":2}|tojson }}',
    '{{ "<p>a  <b>b</b></p><!-- c -->"|striptags }} {{ 5|tojson }} {{ "é\\n"|tojson }} {{ {"a": {}, "b": []}|tojson(2) }} {{ none|tojson }} {{ 1.0|tojson }} {{ "</script>&"|tojson }}',
  ],
  "`~`, `|join` and `|string` of a truth value, none or a list": [
    '{{ "a" "b" }} {{ "a" ~ 1 ~ none ~ true }} {{ 1 + 1.0 }} {{ 10 / 4 }} {{ 10 // 4 }} {{ 1e3 }} {{ 1_000 }} {{ 0.1 + 0.2 }} {{ 1.0 }} {{ 100000000000000000000 }}',
    '{{ [true, none]|join(" ") }}',
    "{{ true|string }}",
    '{{ ["a"]|string }}',
  ],
  "the order of a dict": ['{% for k in {"b": 1, "a": 2} %}{{ k }}{% endfor %}', '{{ {"b": 1, "a": 2}|urlencode }}'],
  "a whole number with a point, in a filter of text": ['{{ "%s"|format(1.0) }}', "{{ 1.0|center(5) }}"],
  "`|round` of what lies in the middle": ["{{ 2.5|round }}", "{{ 2.675|round(2) }}"],
  "`%` of a negative number": ["{{ -5.5 % 2 }}"],
  "comparisons in a row, with `==`": ['{{ "yes" if 1 < 2 == true else "no" }}'],
  "`is number` of a truth value, `|attr` of text": [
    '{{ "yes" if true is number else "no" }}',
    '{{ "yes" if name|attr("upper") is defined else "no" }}',
  ],
};

type Outcome = { readonly text: string } | { readonly error: string; readonly fix?: string };

function byJinja2(all: readonly string[]): Outcome[] {
  const { stdout, stderr, status } = spawnSync(join(packmePrograms(), "python"), [join(FIXTURES, "render.py")], {
    input: JSON.stringify([all, VALUES]),
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

const renderer = new Renderer(new Map(Object.entries(VALUES)), "keep");

function byUs(source: string): Outcome {
  try {
    return { text: renderer.render(source, { file: "a.yml", line: 7 }).real };
  } catch (error) {
    if (!(error instanceof VisaImageError)) throw error;
    expect(error.message).toMatch(/^a\.yml:7: /);
    return { error: error.message, fix: error.fix };
  }
}

/** The fix for what is not meant for Jinja2 at all. */
const RAW = "{% raw %}";

test.each([
  ["from-the-field.txt", { same: 26, refused: 9, different: 1 }],
  ["more.txt", { same: 38, refused: 60, different: 3 }],
  ["filters.txt", { same: 14, refused: 0, different: 0 }],
])("%s: the same, or refused with what to write, or listed", (file, counts) => {
  const sources = rows(file);
  const theirs = byJinja2(sources);
  const listed = Object.values(DIFFERENT).flat();
  const found = { same: 0, refused: 0, different: 0 };
  sources.forEach((source, i) => {
    const their = theirs[i] as Outcome;
    const our = byUs(source);
    expect(their).toEqual({ text: expect.any(String) });
    if ("error" in our) {
      found.refused++;
      expect({ source, fix: our.fix }).toEqual({ source, fix: expect.not.stringContaining(RAW) });
    } else if (listed.includes(source)) {
      found.different++;
      expect({ source, our }).not.toEqual({ source, our: their });
    } else {
      found.same++;
      expect({ source, our }).toEqual({ source, our: their });
    }
  });
  expect(found).toEqual(counts);
});

test("the differences that are listed are there, and docs/migrating.md has each", () => {
  const sources = Object.values(DIFFERENT).flat();
  const theirs = byJinja2(sources);
  const same = sources.filter((source, i) => {
    const our = byUs(source);
    return "error" in our || our.text === (theirs[i] as { text?: string }).text;
  });
  expect(same).toEqual([]);
  const guide = readFileSync(join(__dirname, "../../docs/migrating.md"), "utf8");
  const section = /### What differs from Jinja2\n(.*?)\n##/s.exec(guide)?.[1] ?? "";
  const documented = [...section.matchAll(/^\| (.*?) \| .* \| no error \|/gm)].map(([, what]) =>
    what?.replaceAll("\\|", "|"),
  );
  expect(documented).toEqual(Object.keys(DIFFERENT));
});
