/** The order of the test files: what takes minutes first, so that the quick ones fill the time beside it. */
const { default: Sequencer } = require("@jest/test-sequencer");

const slowFirst = [/e2e\//, /integration\/(cloud-full|ldap|runner)/, /faults\//, /integration\//, /makers\/base-disk/, /templates\//, /package\//];

const rank = ({ path }) => {
  const index = slowFirst.findIndex((pattern) => pattern.test(path));
  return index === -1 ? slowFirst.length : index;
};

module.exports = class extends Sequencer {
  sort(tests) {
    return [...tests].sort((a, b) => rank(a) - rank(b) || a.path.localeCompare(b.path));
  }
};
