/** `visa-image build --parallel` on real Packer and QEMU: two machines at the same time. */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BuildSpecification } from "../../lib/specification";
import { type TinyLayer, writeTinySpecification } from "../support/tiny-guest/tiny-guest";
import { type Ended, startProcess, type Workspace, workspaces } from "./runner-support";

jest.setTimeout(300_000);

const current = workspaces();
let workspace: Workspace;
beforeEach(() => {
  workspace = current();
});

const shell = (name: string, ...inline: string[]): TinyLayer => ({ name, provisioners: [{ shell: { inline } }] });
const SHARED = shell("shared", "echo shared > /mnt/shared");

/** Starts the builds of these layers, each on the shared one; the tiny guest is in no catalog, so not by their names. */
function start(...layers: TinyLayer[]) {
  const jobs = layers.map((layer): { specification: BuildSpecification; directory: string } => ({
    specification: writeTinySpecification(workspace.folder, [SHARED, layer]).specification,
    directory: workspace.folder,
  }));
  const [program, main = ""] = workspace.commandLine();
  const file = join(workspace.folder, "build.js");
  writeFileSync(
    file,
    `process.argv[1] = ${JSON.stringify(main)};
    const { buildJobs } = require(${JSON.stringify(join(dirname(main), "build-command.js"))});
    buildJobs(${JSON.stringify(jobs)}, { variable: [], parallel: 2, json: true }, process.env).then(
      (reports) => console.log(JSON.stringify(reports)),
      (error) => {
        console.error(error.message);
        process.exit(error.exitCode ?? 1);
      },
    );`,
  );
  return startProcess(program, [file], workspace.environment);
}

function actions({ stdout }: Ended): string[][] {
  const reports = JSON.parse(stdout) as { layers: { name: string; action: string }[] }[];
  return reports.map(({ layers }) => layers.map(({ name, action }) => `${name} ${action}`));
}

test("layers on the same parent run at the same time, and one that fails lets the other finish", async () => {
  const ended = await start(shell("left", "cat /mnt/shared"), shell("right", "cat /mnt/shared")).ended;
  expect({ ...ended, code: ended.code }).toMatchObject({ code: 0 });
  expect(actions(ended)).toEqual([
    ["base built", "shared built", "left built"],
    ["base cached", "shared cached", "right built"],
  ]);
  const lines = ended.stderr.trim().split("\n");
  expect(lines.filter((line) => !/^\[(base|shared|left|right)\] /.test(line))).toEqual([]);
  const at = (pattern: RegExp) => lines.findIndex((line) => pattern.test(line));
  expect(at(/^\[shared\] built in/)).toBeLessThan(Math.min(at(/^\[left\] building/), at(/^\[right\] building/)));
  expect(Math.max(at(/^\[left\] building/), at(/^\[right\] building/))).toBeLessThan(
    Math.min(at(/^\[left\] built in/), at(/^\[right\] built in/)),
  );

  const failing = await start(
    // Long enough that the other fails first, however late its machine starts.
    shell("slow", "sleep 25", "echo done"),
    shell("bad", "exit 7"),
    shell("never", "echo never"),
  ).ended;
  expect(failing.code).toBe(3);
  expect(failing.stderr).toMatch(/^\[bad\] failed; the others that run are finished, and nothing new is started$/m);
  expect(failing.stderr).toMatch(/^\[slow\] built in/m);
  expect(failing.stderr).not.toContain("[never]");
  expect(failing.stderr.trimEnd().split("\n").slice(-8).join("\n")).toContain("packer failed with exit code");
  expect(workspace.leftovers()).toEqual([]);
});

test("one Ctrl-C ends all of them, and leaves nothing", async () => {
  const child = start(shell("left", "echo left-is-in", "sleep 60"), shell("right", "echo right-is-in", "sleep 60"));
  await workspace.untilGuestPrints("left-is-in");
  await workspace.untilGuestPrints("right-is-in");
  child.kill("SIGINT");
  const { code, stderr } = await child.ended;
  expect(stderr).toContain("stopped by SIGINT; nothing of it is left running");
  expect(code).toBe(130);
  await workspace.untilNothingRuns();
  expect(workspace.leftovers()).toEqual([]);
});
