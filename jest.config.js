// execa and what it imports are ES modules only: they are transformed, everything else in node_modules is not.
const esm = [
  "execa",
  "@sindresorhus/merge-streams",
  "figures",
  "get-stream",
  "human-signals",
  "is-plain-obj",
  "is-stream",
  "npm-run-path",
  "path-key",
  "parse-ms",
  "pretty-ms",
  "strip-final-newline",
  "unicorn-magic",
  "yoctocolors",
  "is-unicode-supported",
  "@sec-ant/readable-stream",
].join("|");

const bindings = {
  "^#cdktf$": "cdktf",
  "^@cdktf/provider-openstack/lib/([^/]+)$": "<rootDir>/providers/openstack/src/$1",
  // As the examples import them.
  "^cdktf-visa-images$": "<rootDir>/lib",
  "^cdktf-visa-images/advanced$": "<rootDir>/lib/advanced",
  "^cdktf-visa-images/openstack/([^/]+)$": "<rootDir>/providers/openstack/src/$1",
  // It exports only a condition "import", and jest requires.
  "^unicorn-magic$": "<rootDir>/node_modules/unicorn-magic/node.js",
};

const common = {
  testEnvironment: "node",
  // Each file with its time: CI has an hour.
  slowTestThreshold: 0,
  roots: ["<rootDir>/test"],
  transform: {
    "\\.[jt]s$": [
      "@swc/jest",
      { jsc: { target: "es2022", parser: { syntax: "typescript" } }, module: { type: "commonjs" } },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esm})/)`],
  setupFilesAfterEnv: ["<rootDir>/test/support/priority.js"],
};

/** @type {import("jest").Config} */
module.exports = {
  // One builds images, and goes first; two, which wait for clouds most of the time, use what it leaves of two cores.
  maxWorkers: 3,
  // In milliseconds: a machine that is busy with a guest is no failure.
  testTimeout: 30_000,
  testSequencer: "<rootDir>/dev/test-sequencer.js",
  projects: [
    { ...common, displayName: "cdktf", testMatch: ["**/*.test.ts"], moduleNameMapper: bindings },
    {
      ...common,
      displayName: "cdktn",
      testMatch: ["<rootDir>/test/{constructs,stacks}/**/*.test.ts"],
      moduleNameMapper: { ...bindings, "^#cdktf$": "cdktn", "^cdktf(/.*)?$": "cdktn$1" },
      globals: { CDKTF_PACKAGE: "cdktn" },
    },
  ],
};
