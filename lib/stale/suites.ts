/** The suites of a Debian, of which its packages come. */
import type { SuiteIndex } from "./package-indexes";

/** Debian's names by VERSION_ID. */
const CODENAMES: Readonly<Record<string, string>> = { 11: "bullseye", 12: "bookworm", 13: "trixie", 14: "forky" };

/** A suite, and where it is. */
export interface Suite {
  readonly name: string;
  readonly kind: "main" | "updates" | "security";
}

/** The suites of a Debian by its VERSION_ID; none of one that is not known here. */
export function suitesOf(release: string): Suite[] {
  const codename = CODENAMES[release];
  if (!codename) return [];
  return [
    { name: codename, kind: "main" },
    { name: `${codename}-updates`, kind: "updates" },
    { name: `${codename}-security`, kind: "security" },
  ];
}

/** The indexes of one Debian. */
export interface DebianIndexes {
  readonly suites: readonly (Suite & { readonly index: SuiteIndex })[];
}
