/**
 * A build never outlives the one who asked for it: real Packer and QEMU on the tiny guest, stopped in every way that
 * there is, looked at through /proc.
 */
import { type ChildProcess, execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeTinySpecification } from "../support/tiny-guest/tiny-guest";
import { type Ended, startProcess, type Workspace, workspaces } from "./runner-support";

jest.setTimeout(300_000);

const current = workspaces();
let workspace: Workspace;
beforeEach(() => {
  workspace = current();
});

/** A layer that is done in no time, and one on it that hangs in its provisioner. */
function hangingSpecification(): string {
  return writeTinySpecification(workspace.folder, [
    { name: "hanging", provisioners: [{ shell: { inline: ["echo now-hanging", "sleep 1000"] } }] },
  ]).file;
}

async function startHanging(): Promise<ChildProcess & { ended: Promise<Ended> }> {
  const child = workspace.start(["build", "--specification", hangingSpecification()]);
  await workspace.untilGuestPrints("now-hanging");
  expect(workspace.processes().map(({ name }) => name)).toEqual(expect.arrayContaining(["packer", "qemu-system-x86"]));
  return child;
}

/** The worker is the one of the command's processes that is not its front. */
function workerOf(front: ChildProcess): number {
  const worker = workspace.processes().find(({ pid, name }) => pid !== front.pid && /^(node|MainThread)$/.test(name));
  if (!worker) throw new Error("no worker");
  return worker.pid;
}

async function expectNothingLeft(): Promise<void> {
  await workspace.untilNothingRuns();
  expect(workspace.leftovers()).toEqual([]);
  expect(workspace.names("artifacts").filter((name) => !/^[0-9a-f]{64}$/.test(name))).toEqual([]);
}

describe("a person", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("stops a build by %s", async (name, code) => {
    const child = await startHanging();
    child.kill(name);
    const { code: exitCode, stderr, ...rest } = await child.ended;
    expect({ exitCode, signal: rest.signal }).toEqual({ exitCode: code, signal: null });
    expect(stderr).toContain(`stopped by ${name}`);
    await expectNothingLeft();
  });
});

describe("the two processes watch each other", () => {
  test("the worker cleans up when the front is killed", async () => {
    const child = await startHanging();
    child.kill("SIGKILL");
    await expectNothingLeft();
  });

  test("the front cleans up when the worker is killed", async () => {
    const child = await startHanging();
    process.kill(workerOf(child), "SIGKILL");
    const { code, stderr } = await child.ended;
    expect(code).toBe(1);
    expect(stderr).toContain("ended by SIGKILL");
    await expectNothingLeft();
  });

  test("the kernel ends the tools when both are killed, and the next build removes what is left", async () => {
    const child = await startHanging();
    const worker = workerOf(child);
    process.kill(child.pid as number, "SIGSTOP");
    process.kill(worker, "SIGKILL");
    process.kill(child.pid as number, "SIGKILL");
    await workspace.untilNothingRuns();
    expect(workspace.names("scratch")).toHaveLength(1);
    const next = await workspace.run([
      "build",
      "--specification",
      writeTinySpecification(workspace.folder, [{ name: "quick", provisioners: [{ shell: { inline: ["true"] } }] }])
        .file,
    ]);
    expect(next.stderr).toContain("removed what an interrupted build left behind");
    expect(next.code).toBe(0);
    await expectNothingLeft();
  });

  test("the next build ends a QEMU that outlived everything else", async () => {
    const child = await startHanging();
    const worker = workerOf(child);
    for (const pid of [child.pid as number, worker]) process.kill(pid, "SIGSTOP");
    for (const { pid, name } of workspace.processes()) if (name === "packer") process.kill(pid, "SIGKILL");
    for (const pid of [worker, child.pid as number]) process.kill(pid, "SIGKILL");
    await workspace.until("only QEMU is left", () => workspace.processes().length === 1, 10);
    expect(workspace.processes().map(({ name }) => name)).toEqual(["qemu-system-x86"]);
    const next = await workspace.run([
      "build",
      "--specification",
      writeTinySpecification(workspace.folder, [{ name: "quick", provisioners: [{ shell: { inline: ["true"] } }] }])
        .file,
    ]);
    expect(next.stderr).toContain("ended 1 of its processes");
    expect(next.code).toBe(0);
    await expectNothingLeft();
  });

  test("fails with exit code 3 when Packer is killed, and ends its QEMU", async () => {
    const child = await startHanging();
    for (const { pid, name } of workspace.processes()) if (name === "packer") process.kill(pid, "SIGKILL");
    const { code, stderr } = await child.ended;
    expect(code).toBe(3);
    expect(stderr).toContain("was ended by SIGKILL");
    await expectNothingLeft();
  });
});

describe("a bootstrap of the base", () => {
  test.each(["SIGTERM", "SIGKILL"] as const)("ends with all its namespaces by %s", async (name) => {
    const { file, specification } = writeTinySpecification(workspace.folder, [
      { name: "quick", provisioners: [{ shell: { inline: ["true"] } }] },
    ]);
    const base = { kind: "bootstrap", suite: "bookworm", packages: [], diskSizeGb: 4 };
    const layers = specification.layers.map((layer) => ({ ...layer, base }));
    writeFileSync(file, JSON.stringify({ ...specification, layers }));
    const child = workspace.start(["build", "--specification", file]);
    const unpacks = () => workspace.processes().some((process) => /^(apt-get|dpkg|dpkg-deb|http)$/.test(process.name));
    await workspace.until("mmdebstrap works inside its namespaces", unpacks, 120);
    child.kill(name);
    await child.ended;
    await expectNothingLeft();
  });
});

describe("Terraform", () => {
  async function startTerraform(): Promise<ChildProcess & { ended: Promise<Ended> }> {
    const folder = join(workspace.folder, "terraform");
    mkdirSync(folder);
    const line = workspace.commandLine("build", "--specification", hangingSpecification()).map((word) => `'${word}'`);
    writeFileSync(
      join(folder, "main.tf.json"),
      JSON.stringify({
        resource: { terraform_data: { build: { provisioner: { "local-exec": { command: line.join(" ") } } } } },
      }),
    );
    const environment = { ...workspace.environment, CHECKPOINT_DISABLE: "1" };
    execFileSync("terraform", ["init", "-no-color"], { cwd: folder, env: environment, stdio: "ignore" });
    const child = startProcess("terraform", ["apply", "-auto-approve", "-no-color"], environment, {
      detached: true,
      directory: folder,
    });
    await workspace.untilGuestPrints("now-hanging");
    return child;
  }

  test.each(["SIGINT", "SIGTERM"] as const)("%s to Terraform alone ends the build", async (name) => {
    const terraform = await startTerraform();
    terraform.kill(name);
    expect((await terraform.ended).code).not.toBe(0);
    await expectNothingLeft();
  });

  test.each(["SIGINT", "SIGTERM"] as const)("%s to Terraform's process group ends the build", async (name) => {
    const terraform = await startTerraform();
    process.kill(-(terraform.pid as number), name);
    expect((await terraform.ended).code).not.toBe(0);
    await expectNothingLeft();
  });

  test("SIGKILL of Terraform ends the build", async () => {
    const terraform = await startTerraform();
    terraform.kill("SIGKILL");
    await terraform.ended;
    await expectNothingLeft();
  });
});
