/**
 * The tables of docs/reliability.md, made from the tests that inject the faults: `npm run docs` writes them, and a test
 * fails where they are out of date.
 *
 * A comment right before a test says what it shows:
 *
 *     /**
 *      * @fault guests: the kernel panics while it boots
 *      * @then 3 at once, with the panic's line
 *      * @says `Kernel panic`        (in the table of the cloud: what is printed)
 *      *\/
 *
 * The word before the colon is the table's. Several faults of one test, and one fault of several tests, are all right; in
 * the latter case one of them has the rest.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A row of a table. */
interface Fault {
  happens?: string;
  says?: string;
  /** Paths of the tests, below the folder of tests and without `.test.ts`. */
  readonly tests: Set<string>;
}

/** The faults of a folder of tests, by table and by what they are, in the order in which they are found. */
export function faultsIn(folder: string): Map<string, Map<string, Fault>> {
  const tables = new Map<string, Map<string, Fault>>();
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".test.ts"));
  for (const file of files.sort()) {
    const test = file.replace(/\.test\.ts$/, "");
    const text = readFileSync(join(folder, file), "utf8");
    for (const [, comment = ""] of text.matchAll(
      /^[ \t]*\/\*\*\n((?:[ \t]*\*(?!\/).*\n)+)[ \t]*\*\/\n[ \t]*(?:test|describe)\b/gm,
    )) {
      let fault: Fault | undefined;
      for (const [tag, value] of tagsOf(comment)) {
        if (tag === "fault") {
          const [, table = "", what = ""] = /^(\w+): (.*)$/.exec(value) ?? [];
          if (!table)
            throw new Error(`${join(folder, file)}: "@fault ${value}" names no table: "@fault guests: ${value}"`);
          const rows = tables.get(table) ?? new Map<string, Fault>();
          fault = rows.get(what) ?? { tests: new Set() };
          tables.set(table, rows.set(what, fault));
          fault.tests.add(test);
        } else if (fault && tag === "then") fault.happens = value;
        else if (fault && tag === "says") fault.says = value;
      }
    }
  }
  return tables;
}

function* tagsOf(comment: string): Generator<[string, string]> {
  const text = comment.replaceAll(/^[ \t]*\* ?/gm, "").replaceAll(/\n\s+/g, " ");
  for (const [, tag = "", value = ""] of text.matchAll(/^@(\w+) (.*)$/gm)) yield [tag, value.trim()];
}

/**
 * The page with its tables made anew: each stands between `<!-- faults: NAME -->` and `<!-- end -->`.
 *
 * @throws Error for a fault without a table on the page, a table without faults, and a fault that no test explains
 */
export function withTables(page: string, tables: ReadonlyMap<string, ReadonlyMap<string, Fault>>): string {
  const left = new Set(tables.keys());
  const made = page.replaceAll(/(<!-- faults: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g, (_, start, name: string, end) => {
    const rows = tables.get(name);
    if (!rows) throw new Error(`docs/reliability.md has a table "${name}", and no test has a fault of it`);
    left.delete(name);
    return `${start}\n${tableOf(rows)}\n\n${end}`;
  });
  if (left.size > 0) throw new Error(`docs/reliability.md has no table for the faults of: ${[...left].join(", ")}`);
  return made;
}

function tableOf(rows: ReadonlyMap<string, Fault>): string {
  const said = [...rows.values()].some(({ says }) => says);
  const head = ["fault", "what happens", ...(said ? ["what is said"] : []), "test"];
  const lines = [...rows].map(([what, { happens, says, tests }]) => {
    if (!happens) throw new Error(`the fault "${what}" has no @then in ${[...tests].join(", ")}`);
    const links = [...tests].map((test) => `[${test}](../test/${test}.test.ts)`).join(", ");
    return [what, happens, ...(said ? [says ?? "–"] : []), links];
  });
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const PAGE = "docs/reliability.md";

if (require.main === module) writeFileSync(PAGE, withTables(readFileSync(PAGE, "utf8"), faultsIn("test")));
