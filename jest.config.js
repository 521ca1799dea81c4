// execa and what it imports are ES modules only: they are transformed, everything else in node_modules is not.
const esm = [
  "execa", "@sindresorhus/merge-streams", "figures", "get-stream", "human-signals", "is-plain-obj", "is-stream",
  "npm-run-path", "path-key", "parse-ms", "pretty-ms", "strip-final-newline", "unicorn-magic", "yoctocolors",
  "is-unicode-supported", "@sec-ant/readable-stream",
].join("|");

/** @type {import("jest").Config} */
module.exports = {
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  transform: { "\\.[jt]s$": ["@swc/jest", { jsc: { target: "es2022", parser: { syntax: "typescript" } }, module: { type: "commonjs" } }] },
  transformIgnorePatterns: [`/node_modules/(?!(${esm})/)`],
  moduleNameMapper: { "^@cdktf/provider-openstack/lib/([^/]+)$": "<rootDir>/providers/openstack/src/$1" },
};
