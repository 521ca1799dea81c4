import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { faultsIn, withTables } from "../../dev/reliability";
import { scratchFolder } from "../support/scratch";

const page = "docs/reliability.md";
const comment = (...lines: string[]) => `/**\n${lines.map((line) => ` * ${line}\n`).join("")} */\n`;

function tests(files: Readonly<Record<string, string>>): string {
  const folder = scratchFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

test("docs/reliability.md is what the tests say (npm run docs)", () => {
  const text = readFileSync(page, "utf8");
  const tables = faultsIn("test");
  expect([...tables.values()].reduce((sum, rows) => sum + rows.size, 0)).toBeGreaterThan(60);
  expect(text).toBe(withTables(text, tables));
});

test("a fault goes over lines, several stand at one test, and one at several", () => {
  const folder = tests({
    "faults/a.test.ts": `${comment("@fault guests: one", "  goes on", "@then 3, and", "  ends", "@fault guests: two", "@then 2")}test("x", () => {});`,
    "runner/b.test.ts": `  ${comment("@fault guests: two")}  describe("y", () => {});`,
  });
  expect(withTables("<!-- faults: guests -->\n<!-- end -->\n", faultsIn(folder))).toBe(`<!-- faults: guests -->

| fault | what happens | test |
| --- | --- | --- |
| one goes on | 3, and ends | [faults/a](../test/faults/a.test.ts) |
| two | 2 | [faults/a](../test/faults/a.test.ts), [runner/b](../test/runner/b.test.ts) |

<!-- end -->
`);
});

test("fails for a fault without a table, without an explanation, and for a table without faults", () => {
  const at = (...lines: string[]) => faultsIn(tests({ "a.test.ts": `${comment(...lines)}test("x", () => {});` }));
  expect(() => at("@fault nowhere")).toThrow('names no table: "@fault guests: nowhere"');
  expect(() => withTables("", at("@fault cloud: x", "@then y"))).toThrow("no table for the faults of: cloud");
  expect(() => withTables("<!-- faults: cloud -->\n<!-- end -->", at("@fault cloud: x"))).toThrow("no @then in a");
  expect(() => withTables("<!-- faults: cloud -->\n<!-- end -->", new Map())).toThrow("no test has a fault of it");
});
