import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import {
  ancestors,
  endAbandonedSession,
  endSession,
  identify,
  isAlive,
  type ProcessIdentity,
  processInfo,
  sessionMembers,
} from "../../../lib/runner/processes/processes";

let leader: ChildProcess | undefined;
afterEach(() => {
  if (leader?.pid) {
    try {
      process.kill(-leader.pid, "SIGKILL");
    } catch {
      // Ended by the test.
    }
  }
});

/** A session whose leader has children of the shell commands. */
async function session(script: string, environment: NodeJS.ProcessEnv = {}): Promise<number> {
  leader = spawn("bash", ["-c", `${script}\necho ready\nwait`], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...environment },
  });
  await new Promise((resolve) => leader?.stdout?.once("data", resolve));
  return leader.pid as number;
}

test("knows this process and its ancestors", () => {
  expect(processInfo(process.pid)).toMatchObject({ parent: process.ppid });
  expect(ancestors()[0]?.pid).toBe(process.ppid);
  expect(ancestors().at(-1)?.pid).toBe(1);
});

test("reads a name with spaces and parentheses", async () => {
  const pid = await session(`exec -a x bash -c 'printf "a) S 1 (b" > /proc/$$/comm; echo ready; sleep 100; true'`);
  expect(processInfo(pid)).toMatchObject({ name: "a) S 1 (b", session: pid, parent: process.pid });
});

test("takes no other process for one that has ended", () => {
  const self = identify() as ProcessIdentity;
  expect(isAlive(self)).toBe(true);
  expect(isAlive({ ...self, startTime: "1" })).toBe(false);
  expect(isAlive({ ...self, boot: "another" })).toBe(false);
});

test("ends a whole session: those in other process groups, and those that ignore SIGTERM or are stopped", async () => {
  const pid = await session(`set -m
    sleep 100 &
    bash -c 'trap "" TERM; while :; do sleep 0.1; done' &
    sleep 100 & kill -STOP $!`);
  expect(sessionMembers(pid).length).toBeGreaterThanOrEqual(4);
  await endSession(pid, { graceMs: 500 });
  expect(sessionMembers(pid)).toEqual([]);
});

test("leaves alone what it is told to", async () => {
  const pid = await session("sleep 100 & sleep 101 &");
  const [, kept, ended] = sessionMembers(pid).map((member) => member.pid) as [number, number, number];
  await endSession(pid, { except: new Set([pid, kept]), graceMs: 500 });
  expect(sessionMembers(pid).map((member) => member.pid)).toEqual([pid, kept]);
  expect(processInfo(ended)?.state ?? "Z").toBe("Z");
});

test("of an abandoned session ends only what carries its mark", async () => {
  const pid = await session("MARK=run-1 sleep 100 & sleep 101 &");
  // A child carries its mark once the shell has become it, which may be after the shell says that it is ready.
  while (sessionMembers(pid).filter((member) => processInfo(member.pid)?.name === "sleep").length < 2) await sleep(10);
  const dead = { ...(identify(pid) as ProcessIdentity), startTime: "1" };
  await expect(endAbandonedSession(dead, "MARK=run-1")).resolves.toBe(1);
  expect(sessionMembers(pid)).toHaveLength(2);
  // One that lives is not abandoned, whatever it carries.
  await expect(endAbandonedSession(identify(pid) as ProcessIdentity, "MARK=run-1")).resolves.toBe(0);
});
