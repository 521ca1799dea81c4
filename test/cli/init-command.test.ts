import { commandLine } from "../../lib/cli/init-command";

test.each([
  ["20.19.0", "cdktf", "0.21.0", "cdktf-cli"],
  ["22.18.9", "cdktf", "0.21.0", "cdktf-cli"],
  ["22.19.0", "cdktn", "npm:cdktn@0.24.0", "cdktn-cli"],
  ["24.21.0", "cdktn", "npm:cdktn@0.24.0", "cdktn-cli"],
  ["26.12.1", "cdktn", "npm:cdktn@0.24.0", "cdktn-cli"],
])("a project made with Node.js %s has a command line that runs on it", (node, program, cdktf, cli) => {
  expect(commandLine(node)).toEqual({ program, dependencies: { cdktf, [cli]: expect.stringMatching(/^\d/) } });
});
