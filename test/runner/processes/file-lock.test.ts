import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acquireLock, type LockOwner } from "../../../lib/runner/processes/file-lock";

let folder: string;
let other: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "visa-image-lock-"));
});
afterEach(() => {
  other?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

test("a lock that is free is had at once, and names who holds it", async () => {
  const waited = jest.fn();
  const lock = await acquireLock(folder, "a", waited);
  expect(waited).not.toHaveBeenCalled();
  expect(readdirSync(folder)).toContain("a.owner");
  await lock.release();
  expect(readdirSync(folder)).toEqual(["a.lock"]);
});

test("who comes second waits, is told for whom, and has it afterwards", async () => {
  const first = await acquireLock(folder, "a", jest.fn());
  const owners: (LockOwner | undefined)[] = [];
  let second = false;
  const waiting = acquireLock(folder, "a", (owner) => owners.push(owner)).then((lock) => {
    second = true;
    return lock;
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(second).toBe(false);
  expect(owners).toMatchObject([{ pid: process.pid }]);
  await first.release();
  await (await waiting).release();
});

test("two locks of different names do not meet", async () => {
  const a = await acquireLock(folder, "a", jest.fn());
  const b = await acquireLock(folder, "b", () => {
    throw new Error("waits");
  });
  await Promise.all([a.release(), b.release()]);
});

/**
 * @fault cache: the lock of a dead process
 */
test("the kernel frees the lock of a process that was killed", async () => {
  // The helper as acquireLock starts it, under another process than this one.
  const script = `
    const { spawn } = require("node:child_process");
    const child = spawn("flock", ["--exclusive", "--no-fork", ${JSON.stringify(join(folder, "a.lock"))}, "sh", "-c",
      "echo held; exec cat >/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdout.once("data", () => console.log("held"));`;
  other = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => other?.stdout?.once("data", resolve));
  let waited = false;
  const lock = acquireLock(folder, "a", () => {
    waited = true;
    other?.kill("SIGKILL");
  });
  await (await lock).release();
  expect(waited).toBe(true);
});

test("fails with a message where the folder cannot be written", async () => {
  await expect(acquireLock("/dev/null/nowhere", "a", jest.fn())).rejects.toThrow("ENOTDIR");
});
