/** Checkpoints in a layer, on real parts: Packer and QEMU build a layer of three steps on the tiny guest. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ArtifactManifest } from "../../lib/runner/cache/cache";
import type { BuildSpecification } from "../../lib/specification";
import { writeTinySpecification } from "../support/tiny-guest/tiny-guest";
import { type Workspace, workspaces } from "./runner-support";

jest.setTimeout(300_000);

const current = workspaces();
let workspace: Workspace;

beforeEach(() => {
  workspace = current();
});

afterEach(() => {
  expect(workspace.leftovers()).toEqual([]);
  expect(workspace.processes()).toEqual([]);
});

const FIRST = "#!/bin/sh\necho the first step runs\ndd if=/dev/urandom of=/mnt/first bs=1M count=4 2>/dev/null\n";
const SECOND = "#!/bin/sh\necho the second step runs\nsha256sum /mnt/first | cut -d ' ' -f 1 >/mnt/second\n";
const THIRD = "#!/bin/sh\necho the third step runs\nrm /mnt/first\necho third >/mnt/third\n";

/** A layer of three scripts, flattened. */
function specify(scripts: readonly string[], files: Readonly<Record<string, string>> = {}) {
  const names = scripts.map((_, i) => `scripts/${i + 1}.sh`);
  const layer = {
    name: "stepped",
    files: { ...Object.fromEntries(names.map((name, i) => [name, scripts[i] as string])), ...files },
    provisioners: names.map((script) => ({ shell: { script } })),
  };
  const output = { format: "raw", path: "out/stepped.raw", minDiskGb: 1 } as const;
  return writeTinySpecification(workspace.folder, [layer], output);
}

function build(file: string, ...args: string[]) {
  return workspace.run(["build", "--specification", file, ...args]);
}

function manifestOf({ layers }: BuildSpecification): ArtifactManifest {
  const file = join(workspace.cache, "artifacts", layers.at(-1)?.fingerprint as string, "manifest.json");
  return JSON.parse(readFileSync(file, "utf8")) as ArtifactManifest;
}

/** Reads a file from the file system on the raw disk. */
function fromDisk(path: string): string {
  const disk = join(workspace.folder, "out/stepped.raw");
  return execFileSync("/sbin/debugfs", ["-R", `cat ${path}`, disk], { stdio: ["ignore", "pipe", "ignore"] }).toString();
}

/** How often a step has printed its line, in all builds. */
function runs(step: string): number {
  return workspace.log().split(`the ${step} step runs`).length - 1;
}

/**
 * @fault guests: a step fails, and is mended
 * @then the next build starts at the checkpoint before it: the steps before are not run again
 */
test("starts at the checkpoint before the step that failed, and makes the disk of an unbroken build", async () => {
  const failed = await build(specify([FIRST, SECOND, "#!/bin/sh\nexit 1\n"]).file);
  expect(failed.code).toBe(3);
  expect(failed.stderr).toContain("the next build starts at checkpoint 2, after scripts/2.sh");
  const mended = specify([FIRST, SECOND, THIRD]);
  const { code, stderr } = await build(mended.file);
  expect(code).toBe(0);
  expect(stderr).toContain("starts at checkpoint 2, after scripts/2.sh");
  expect([runs("first"), runs("second"), runs("third")]).toEqual([1, 1, 1]);
  expect(manifestOf(mended.specification).resumedAt).toMatchObject({ step: 2, label: "scripts/2.sh" });
  expect(fromDisk("/second")).toMatch(/^[0-9a-f]{64}\n$/);
  expect(fromDisk("/third")).toBe("third\n");
  expect(fromDisk("/first")).toBe("");
});
