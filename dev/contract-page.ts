/**
 * The last column of docs/contract.md: the mutations that each assertion has to catch, from the table that the tests
 * do. `npm run docs` writes it, and a test fails where it is out of date. The other columns are those of
 * `visa-image verify --profile full --markdown`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { MUTATIONS } from "../test/verify/mutations/all-mutations";
import { assertionsOf } from "../test/verify/mutations/mutation";

const COLUMNS = ["#", "part", "assertion", "state", "detail"];

/** The page with the column made anew, be it there or not. */
export function withMutations(page: string): string {
  const caught = new Map<number, string[]>();
  for (const mutation of MUTATIONS) {
    for (const number of assertionsOf(mutation)) {
      caught.set(number, [...new Set([...(caught.get(number) ?? []), mutation.what])]);
    }
  }
  return page.replaceAll(/^\|.*\|$/gm, (row) => {
    const cells = row
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .slice(0, COLUMNS.length)
      .map((cell) => cell.trim());
    if (cells[0] === "#") return line([...COLUMNS, "caught, when"]);
    if (/^-+$/.test(cells[0] ?? "")) return `${"|---".repeat(COLUMNS.length + 1)}|`;
    return line([...cells, caught.get(Number(cells[0]))?.join("; ") ?? "–"]);
  });
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

const PAGE = "docs/contract.md";

if (require.main === module) writeFileSync(PAGE, withMutations(readFileSync(PAGE, "utf8")));
