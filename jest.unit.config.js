// The tests that need no guest, no cloud and no set-up but `npm ci`: `npm run test:unit`, with `-- --watch` while working.
// With cdktf alone; `npm test` has cdktn in its place once more.
const { projects, maxWorkers, testTimeout } = require("./jest.config.js");

// What boots a guest, starts a cloud, makes a disk, runs as another root, or installs something; and what goes through all
// values that an input can have, a third of the time by itself. `npm test` runs these too, `npm run check` the latter.
const elsewhere = [
  "/node_modules/",
  "<rootDir>/test/(integration|faults|e2e|packme|package)/",
  "<rootDir>/test/docs/api",
  "<rootDir>/test/template/(bad-input|robustness)",
  "<rootDir>/test/runner/makers/base-disk",
  "<rootDir>/test/templates/(desktop|login|login-pam|visa-features|system-features)\\.",
];

/** @type {import("jest").Config} */
module.exports = {
  maxWorkers,
  testTimeout,
  projects: projects.slice(0, 1).map((project) => ({ ...project, testPathIgnorePatterns: elsewhere })),
};
