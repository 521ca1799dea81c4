import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { temporaryCatalog } from "../fixtures/temporary-catalog";
import { scratchFolder } from "../support/scratch";
import { runCommand } from "./run-command";

// The first of them loads all that a command needs.
jest.setTimeout(60_000);

const TREE = resolve("test/fixtures/catalogs/to-migrate");

test("the first line says whether anything is left to do; then come the changes with their places", async () => {
  const folder = scratchFolder();
  const { status, stdout } = await runCommand(["migrate", TREE, "--output", "new"], folder);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^nothing is left for you to do: \d+ things put right, and the tree can be built\n/);
  expect(stdout).toContain(
    '  templates/system-base/manifest.yml:14: removed "boot_command"\n    since it is the installer\'s\n',
  );
  expect(stdout).toMatch(/\n {2}npx visa-image build --catalog new\n$/);
  const again = await runCommand(["migrate", TREE, "--output", "new"], folder);
  expect(again).toMatchObject({ status: 2, stderr: expect.stringContaining('"new" is there already') });
});

test("fails with exit code 1 where something is left, which comes first; the new tree lies beside the old one", async () => {
  const folder = temporaryCatalog({
    "tree/config.yml": "templates: {one: {}}\nmore: 1\n",
    "tree/one/manifest.yml": "packer:\n  provisioners:\n    - {type: shell, script: missing.sh}\n",
  });
  const { status, stdout } = await runCommand(["migrate", "tree"], folder);
  expect(status).toBe(1);
  expect(stdout).toMatch(/^1 thing left for you to do; 1 thing put right\n/);
  expect(stdout).toMatch(
    /for you to do:\n {2}one\/manifest\.yml:3: there is no script "missing\.sh" in one\n {4}fix: /,
  );
  expect(existsSync(join(folder, "tree-visa-images/config.yml"))).toBe(true);
});
