/**
 * Arrows between folders point one way: whatever stands here imports only what stands before it, or beside it in its own
 * folder. docs/architecture.md says what each of them is.
 */
const order = [
  ["lib/errors.ts", "lib/problems.ts", "lib/package-root.ts", "lib/nearest.ts", "lib/project-folder.ts", "lib/presence.ts", "lib/replace-file.ts", "lib/mebibytes.ts", "lib/shell-word.ts", "lib/exclusion.ts", "lib/owner-script.ts", "lib/debian-version.ts", "lib/framework.ts"],
  ["lib/contract.ts", "lib/visa-protocols.ts", "lib/boot-budget.ts"],
  ["lib/specification.ts"],
  ["lib/build-machine.ts"],
  ["lib/fingerprint/"],
  ["lib/template/"],
  ["lib/packer/"],
  ["lib/specify/"],
  ["lib/migrate/"],
  ["lib/cloud/"],
  ["lib/runner/"],
  ["lib/bundle/"],
  ["lib/verify/"],
  ["lib/releases/"],
  ["lib/stale/"],
  ["lib/visa/"],
  ["lib/fleet/"],
  ["lib/review/"],
  ["lib/diff/"],
  ["lib/report/"],
  ["lib/constructs/", "lib/index.ts", "lib/advanced.ts"],
  ["lib/cli/"],
  ["stacks/"],
  ["dev/", "bench/"],
];

const pattern = (paths) => `^(${paths.map((path) => path.replaceAll(".", "\\.")).join("|")})`;

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    { name: "nothing-unresolved", severity: "error", from: {}, to: { couldNotResolve: true } },
    ...order.slice(0, -1).map((paths, index) => ({
      name: `${paths[0]} imports what stands before it`,
      severity: "error",
      from: { path: pattern(paths) },
      to: { path: pattern(order.slice(index + 1).flat()) },
    })),
    {
      name: "in-the-order",
      comment: "a new folder takes its place in the order above",
      severity: "error",
      from: { path: "^lib/", pathNot: pattern(order.flat()) },
      to: {},
    },
    {
      name: "synth-runs-nothing",
      comment: "constructs describe; the runner, the cloud and the gate act, at apply",
      severity: "error",
      from: { path: "^lib/constructs/" },
      to: { path: ["^lib/(runner|cloud|verify)/", "^(node:)?child_process$"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    exclude: "^(providers|dist|test)/",
  },
};
