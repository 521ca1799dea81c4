import { join } from "node:path";
import { cdktfCli } from "../../lib/cli/cdktf-cli";
import { type Files, temporaryCatalog } from "../fixtures/temporary-catalog";

const installed: Files = { "node_modules/cdktf-cli/package.json": '{"version": "0.21.0"}' };
const project = (files: Files) => temporaryCatalog({ "cdktf.json": "{}", ...files });
const asking = (dependencies: object) => ({ "package.json": JSON.stringify({ dependencies }) });

test("cdktf-cli runs on Node.js 22", () => {
  expect(cdktfCli(project(installed), "22.20.0")).toEqual([{ name: "cdktf-cli", status: "ok", found: "0.21.0" }]);
});

test.each<[string, Files]>([
  ["that is installed", installed],
  ["that is installed in a folder above", { ...installed, "below/cdktf.json": "{}" }],
  ["that is asked for", asking({ "cdktf-cli": "0.21.0" })],
])("fails for one %s on Node.js 24, with what to install", (_, files) => {
  const folder = "below/cdktf.json" in files ? join(project(files), "below") : project(files);
  expect(cdktfCli(folder, "24.1.0")).toEqual([
    {
      name: "cdktf-cli",
      status: "missing",
      found: "0.21.0, which does not start on Node.js 24.1.0: it has a binary for 22 at most",
      fix: expect.stringMatching(
        /^npm uninstall cdktf-cli && npm install cdktf@npm:cdktn@0\.\d+\.\d+ cdktn-cli@0\.\d+\.\d+, and call npx cdktn; or/,
      ),
    },
  ]);
});

test("there is nothing to say of a project with another command line, or of no project", () => {
  expect(cdktfCli(project(asking({ "cdktn-cli": "0.24.0" })), "24.1.0")).toEqual([]);
  expect(cdktfCli(project({}), "24.1.0")).toEqual([]);
  expect(cdktfCli(temporaryCatalog(installed), "24.1.0")).toEqual([]);
});
