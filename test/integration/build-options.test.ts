/** Options of `visa-image build` that change what happens to the machine and the cache: on real Packer and QEMU. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { writeTinySpecification } from "../support/tiny-guest/tiny-guest";
import { type Workspace, workspaces } from "./runner-support";

jest.setTimeout(300_000);

const current = workspaces();
let workspace: Workspace;
beforeEach(() => {
  workspace = current();
});

test("--keep-on-failure leaves the machine up, says how to get in, and ends it with Ctrl-C", async () => {
  const { file } = writeTinySpecification(workspace.folder, [
    { name: "failing", provisioners: [{ shell: { inline: ["echo evidence > /mnt/evidence", "exit 7"] } }] },
  ]);
  const child = workspace.start(["build", "--specification", file, "--keep-on-failure"]);
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  await workspace.until("it says how to get in", () => said.includes("end it:"), 120);
  const [, ssh = ""] = /get in: {2}(ssh .*)/.exec(said) ?? [];
  const [program = "", ...args] = ssh.split(" ");
  const options = ["-o", "LogLevel=ERROR", "-o", "BatchMode=yes"];
  expect(execFileSync(program, [...options, ...args, "cat /mnt/evidence"], { encoding: "utf8" })).toBe("evidence\n");
  child.kill("SIGINT");
  const { code, stderr } = await child.ended;
  expect(code).toBe(130);
  expect(stderr).toContain("nothing of it is left running");
  await workspace.untilNothingRuns();
  expect(workspace.leftovers()).toEqual([]);
});

test("--no-cache builds anew and replaces, on the machine that was asked for; --json says what was done", async () => {
  const tell = "grep -e ^processor -e 'model name' /proc/cpuinfo; grep MemTotal /proc/meminfo";
  const inline = ["dd if=/dev/urandom of=/mnt/random bs=1k count=4 2>&1", tell];
  const { file, specification } = writeTinySpecification(workspace.folder, [
    { name: "layer", provisioners: [{ shell: { inline } }] },
  ]);
  let said = "";
  const build = async (...options: string[]) => {
    const { code, stdout, stderr } = await workspace.run(["build", "--specification", file, "--json", ...options]);
    if (code !== 0) throw new Error(stderr);
    said = stderr;
    const [report] = JSON.parse(stdout) as [{ layers: { name: string; action: string; reason?: string }[] }];
    return report.layers.map(({ name, action }) => `${name} ${action}`);
  };
  const artifact = async () => {
    const { stdout } = await workspace.run(["show", specification.layers[0]?.fingerprint ?? "", "--json"]);
    return JSON.parse(stdout) as { createdAt: string; disk: { sha256: string } };
  };
  expect(await build()).toEqual(["base built", "layer built"]);
  const before = await artifact();
  const logged = workspace.log();
  const machine = ["--preset", "production", "--memory", "300", "--cpu-model", "EPYC", "--vnc", "127.0.0.1:6123"];
  expect(await build("--no-cache", "--format", "raw", ...machine)).toEqual(["base built", "layer built"]);
  const log = workspace.log().slice(logged.length);
  expect(log.match(/processor\s*: \d/g)).toHaveLength(2);
  expect(log).toMatch(/model name\s*: AMD EPYC/);
  const [, memory] = /MemTotal: +(\d+) kB/.exec(log) ?? [];
  expect(Number(memory) / 1024).toBeGreaterThan(200);
  expect(Number(memory) / 1024).toBeLessThan(300);
  expect(said).toMatch(/screen of the build machine: vnc:\/\/127\.0\.0\.1:6123, password \w{8}\n/);
  const after = await artifact();
  expect(after.createdAt > before.createdAt).toBe(true);
  expect(after.disk.sha256).not.toBe(before.disk.sha256);
  expect(workspace.names("artifacts").filter((name) => !/^[0-9a-f]{64}$/.test(name))).toEqual([]);
  expect(await build()).toEqual(["base cached", "layer cached"]);
  expect(workspace.names(join("artifacts", specification.layers[0]?.fingerprint ?? ""))).toContain("disk.raw");
});
