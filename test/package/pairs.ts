/** What the package is tested with: by pairs.test.ts, and told in docs/dependencies.md. */

/** A framework and its constructs, as they are installed beside the package. */
export interface Pair {
  /** What the app imports from. */
  readonly framework: "cdktf" | "cdktn";
  readonly version: string;
  readonly constructs: string;
  /** What is installed beside these. */
  readonly also?: string;
  readonly what: string;
  /** Whether the examples are compiled with its types: package.test.ts does so with cdktf's. */
  readonly types?: true;
  /** Whether all other tests are of it. */
  readonly elsewhere?: true;
  /** Whether npm's registry had it when this was written; the test asks again. */
  readonly absent?: true;
}

const ALSO = "synth, validate";

export const PAIRS: readonly Pair[] = [
  { framework: "cdktf", version: "0.21.0", constructs: "10.4.2", what: `${ALSO}: the oldest constructs` },
  {
    ...{ framework: "cdktf", version: "0.21.0", constructs: "10.7.2", elsewhere: true },
    what: "everything: synth, plans, deploys, types",
  },
  { framework: "cdktf", version: "0.21.0", constructs: "10.8.1", what: `${ALSO}: the newest constructs` },
  { framework: "cdktn", version: "0.24.0", constructs: "10.6.0", what: `${ALSO}: the oldest constructs` },
  {
    ...{ framework: "cdktn", version: "0.24.0", constructs: "10.7.2", types: true },
    what: `${ALSO}, types; the tests of the constructs`,
  },
  {
    ...{ framework: "cdktn", version: "0.24.0", constructs: "10.7.2", also: "cdktf@npm:cdktn@0.24.0" },
    what: `${ALSO}; a project of \`visa-image init\` on Node.js 24: plan`,
  },
  { framework: "cdktn", version: "0.25.0", constructs: "10.8.1", what: ALSO, absent: true },
];

/** Who takes what is synthesized. */
export interface Product {
  readonly name: "Terraform" | "OpenTofu";
  readonly version: string;
  readonly what: string;
}

export const PRODUCTS: readonly Product[] = [
  { name: "Terraform", version: "1.11.4", what: "everything: validate, plans, deploys" },
  { name: "OpenTofu", version: "1.12.6", what: "validate" },
];

/** The tables of docs/dependencies.md. */
export function tables(): string {
  const pairs = PAIRS.map(({ framework, version, constructs, also, what, absent }) => {
    const beside = also ? ` beside \`${also}\`` : "";
    return `| \`${framework}\` ${version}${beside} | ${constructs} | ${absent ? `not run: in no registry here` : what} |`;
  });
  const products = PRODUCTS.map(({ name, version, what }) => `| ${name} ${version} | ${what} |`);
  return [
    "| framework | constructs | what runs with it |",
    "|---|---|---|",
    ...pairs,
    "",
    "| | what it does with all of these |",
    "|---|---|",
    ...products,
  ].join("\n");
}
