import { createMasker } from "../../../lib/runner/output/masking";
import { type RunningTool, readTool, refuseTools, runTool, runToolOrFail } from "../../../lib/runner/processes/tools";

/** Runs a script of bash; returns how it ended, and what it printed. */
async function script(text: string, options: Partial<Parameters<typeof runTool>[2]> = {}) {
  const lines: string[] = [];
  const onLine = (line: string, stream: string) => lines.push(`${stream}: ${line}`);
  return { ...(await runTool("bash", ["-c", text], { onLine, ...options })), lines };
}

test("a tool's lines are handed over, masked, and how it ended", async () => {
  const masker = createMasker(["canary"]);
  await expect(script("echo a canary; echo b >&2; printf last; exit 3", { masker })).resolves.toEqual({
    code: 3,
    signal: null,
    lines: expect.arrayContaining(["stdout: a ****", "stderr: b", "stdout: last"]),
  });
});

test("a tool that is signalled gets the signal once, and may take its time", async () => {
  let tool: RunningTool | undefined;
  const ended = script("trap 'echo asked' TERM; echo ready; for i in $(seq 70); do sleep 0.1; done; echo done", {
    onStart: (started) => {
      tool = started;
    },
    onLine: (line) => {
      seen.push(line);
      if (line === "ready") tool?.kill("SIGTERM");
    },
  });
  const seen: string[] = [];
  await expect(ended).resolves.toMatchObject({ code: 0, signal: null });
  expect(seen).toEqual(["ready", "asked", "done"]);
}, 30_000);

test("one that is ended by a signal says by which", async () => {
  await expect(script("kill -KILL $$")).resolves.toMatchObject({ code: null, signal: "SIGKILL" });
});

test("what it leaves running does not hold up the build", async () => {
  const start = performance.now();
  await expect(script("sleep 8 & echo done")).resolves.toEqual({ code: 0, signal: null, lines: ["stdout: done"] });
  expect(performance.now() - start).toBeLessThan(7000);
}, 30_000);

test("it reads what it is given, else nothing, and sees no secret", async () => {
  process.env.VISA_ROOT_PASSWORD = "canary";
  await expect(readTool("cat", [], { input: "one\ntwo" })).resolves.toBe("one\ntwo");
  await expect(readTool("cat", [])).resolves.toBe("");
  await expect(readTool("env", [])).resolves.not.toContain("canary");
  delete process.env.VISA_ROOT_PASSWORD;
});

test("one that fails is an error with its last words", async () => {
  const onLine = () => {};
  await expect(runToolOrFail("bash", ["-c", "echo why; exit 2"], { onLine })).rejects.toThrow(
    '"bash" failed with exit code 2:\n  why',
  );
  await expect(readTool("bash", ["-c", "echo why >&2; exit 2"])).rejects.toThrow('"bash -c" failed (2): why');
});

test("fails where it cannot be started: there is no folder to run it in", async () => {
  await expect(script("true", { directory: "/nowhere" })).rejects.toThrow('cannot run "bash": ');
});

test("from then on none is started where the build is being stopped", async () => {
  refuseTools();
  await expect(script("true")).rejects.toThrow('"bash" was not started: the build is being stopped');
});
