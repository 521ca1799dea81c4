import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chooseAccelerator, kvmObstacle, PROBE_CODE, runProbe } from "../../../lib/runner/host/accelerator";
import { remember, stateOf } from "../../../lib/runner/host/memory";
import { findTool } from "../../../lib/runner/host/requirements";

test("the probe runs to its end where code runs", async () => {
  await expect(runProbe("tcg", tmpdir(), 60_000)).resolves.toMatchObject({ code: 43 });
}, 70_000);

test("the probe is what its source says", () => {
  if (!findTool("as")) return;
  const folder = mkdtempSync(join(tmpdir(), "visa-image-probe-"));
  try {
    const source = resolve(__dirname, "../../../lib/runner/host/kvm-probe.S");
    execFileSync("as", ["--64", "-o", join(folder, "probe.o"), source]);
    execFileSync("ld", [
      "-Ttext=0",
      "--oformat",
      "binary",
      "-e",
      "0",
      "-o",
      join(folder, "probe"),
      join(folder, "probe.o"),
    ]);
    expect(readFileSync(join(folder, "probe")).subarray(0xff00).equals(PROBE_CODE)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("says why KVM cannot be used", async () => {
  await expect(kvmObstacle("/nonexistent/kvm")).resolves.toContain("it does not exist");
  await expect(kvmObstacle("/proc")).resolves.toContain("cannot be opened (EISDIR)");
});

test("takes TCG where it is asked for, and says so", async () => {
  await expect(chooseAccelerator("tcg")).resolves.toEqual({ name: "tcg", reason: "asked for" });
});

test("a guest that spins is ended by the processor time it took, not only by the clock", async () => {
  // kvm-probe.S with a jump to itself at the reset vector: what KVM does where it runs nothing.
  const spinning = Buffer.from(PROBE_CODE);
  spinning.set([0xeb, 0xfe], 0xf0);
  const start = performance.now();
  await expect(runProbe("tcg", tmpdir(), 60_000, spinning)).resolves.toMatchObject({ code: null });
  expect(performance.now() - start).toBeLessThan(50_000);
}, 70_000);

test("remembers for an hour that the probe ran no code, where KVM is not insisted on", async () => {
  const folder = mkdtempSync(join(tmpdir(), "visa-image-probe-"));
  const memory = join(folder, "accelerator.json");
  try {
    const forgotten = expect.not.stringContaining("as remembered");
    // As it is written where /dev/kvm is there and runs nothing.
    if (existsSync("/dev/kvm")) {
      remember(memory, stateOf("/dev/kvm"), "as remembered");
      const { reason } = await chooseAccelerator("auto", folder, folder);
      expect(reason).toBe("KVM cannot be used: as remembered");
    }
    writeFileSync(memory, "no JSON");
    const { name, reason } = await chooseAccelerator("auto", folder, folder);
    expect(reason).toEqual(forgotten);
    const written = readFileSync(memory, "utf8");
    expect(written === "no JSON" || name === "tcg").toBe(true);
    if (reason.includes("ran no code")) expect(reason).toContain(JSON.parse(written).finding);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);

test("auto agrees with what the probe finds", async () => {
  const obstacle = await kvmObstacle();
  const { name, reason } = await chooseAccelerator("auto");
  expect(name).toBe(obstacle === undefined ? "kvm" : "tcg");
  if (obstacle) expect(reason).toContain("KVM cannot be used");
  if (obstacle) await expect(chooseAccelerator("kvm")).rejects.toMatchObject({ exitCode: 2 });
}, 30_000);
