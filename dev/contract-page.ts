/**
 * Of docs/contract.md the last column, the mutations that each assertion has to catch, from the table that the tests do;
 * the one before it, what `verify --on-cloud` looks at; and what shows those that no image alone can show. `npm run docs` writes both, and a test fails where they are out of
 * date. The rest is what `visa-image verify --profile full --markdown` prints.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type Assertion, CONTRACT, CONTRACT_PARTS, shownWhere } from "../lib/contract";
import { type CloudCheckOptions, cloudChecks, SOURCES } from "../lib/verify/checks/cloud-checks";
import { MUTATIONS } from "../test/verify/mutations/all-mutations";
import { assertionsOf } from "../test/verify/mutations/mutation";

const PAGE = "docs/contract.md";
const COLUMNS = ["#", "part", "assertion", "state", "detail"];

/** Where the page goes on with Debian 13, whose table is as it was printed, without what no image shows. */
const DEBIAN_13 = "\n## Debian 13\n";

/** The page's tables, each as its part of the page. */
export function partsOf(page: string): { readonly debian12: string; readonly debian13: string } {
  const at = page.indexOf(DEBIAN_13);
  if (at === -1) throw new Error(`${PAGE} has no heading "${DEBIAN_13.trim()}"`);
  return { debian12: page.slice(0, at), debian13: page.slice(at) };
}

/** The page with the column made anew, be it there or not. */
export function withMutations(page: string): string {
  const { debian12, debian13 } = partsOf(page);
  return `${ofDebian12(debian12)}${debian13}`;
}

function ofDebian12(page: string): string {
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
    if (cells[0] === "#") return line([...COLUMNS, "on a cloud", "caught, when"]);
    if (/^-+$/.test(cells[0] ?? "")) return `${"|---".repeat(COLUMNS.length + 2)}|`;
    const assertion = CONTRACT.get(Number(cells[0]));
    if (assertion?.part === "cloud") cells.splice(1, 4, ...ofCloud(assertion));
    return line([...cells, onCloud(Number(cells[0])), caught.get(Number(cells[0]))?.join("; ") ?? "–"]);
  });
}

/** The profile in which an instance on a cloud is looked at for an assertion; a dash where it is not. */
function onCloud(number: number): string {
  // Of the image in Glance, and of what is left in the end.
  if (number === 51 || number === 56) return "gate";
  return (["gate", "full"] as const).find((profile) => lookedAt(profile).has(number)) ?? "–";
}

function lookedAt(profile: "gate" | "full"): ReadonlySet<number> {
  const checks = SOURCES.flatMap((source) =>
    cloudChecks({ parts: CONTRACT_PARTS, profile, source } as unknown as CloudCheckOptions, true),
  );
  return new Set(checks.flatMap(({ assertion, needs }) => (needs ? [] : [assertion])));
}

/** The columns of an assertion that no image alone can show, from the second on. */
function ofCloud(assertion: Assertion): string[] {
  return [assertion.part, assertion.name, assertion.tests ? "by test" : "not run", shownWhere(assertion)];
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

if (require.main === module) writeFileSync(PAGE, withMutations(readFileSync(PAGE, "utf8")));
