/** The agent on a test instance: what it says came first. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { assetFolder } from "../../../lib/package-root";
import { GuestAgent } from "../../../lib/verify/instance/guest-agent";
import { scratchFolder } from "../../support/scratch";

const AGENT = join(assetFolder(join("verify", "guest")), "agent.py");

/** Plays looks of the agent, a second each: the open ports, and whether the owner is there. */
function eventsOf(looks: readonly (readonly [ports: number[], owner: boolean])[]): Record<string, number> {
  const script = `
import json, sys
sys.path.insert(0, ${JSON.stringify(dirname(AGENT))})
sys.dont_write_bytecode = True
import agent
looks, now = json.loads(sys.argv[1]), [0]
agent.listening = lambda: set(looks[now[0]][0])
agent.since_boot = lambda: now[0]
agent.os.path.exists = lambda path: looks[now[0]][1]
def sleep(_):
    now[0] += 1
    if now[0] == len(looks):
        print(json.dumps(agent.events))
        sys.exit()
agent.time.sleep = sleep
agent.watch()
`;
  return JSON.parse(execFileSync("python3", ["-c", script, JSON.stringify(looks)], { encoding: "utf8" }));
}

test("a port that opens before the owner exists is before it, however long that takes", () => {
  const looks = [
    [[], false],
    [[4822], false],
    [[4822], false],
    [[4822, 3389], true],
  ] as [number[], boolean][];
  expect(eventsOf(looks)).toEqual({ "4822": 1, "3389": 3, owner: 3 });
});

test("an owner who is first seen with an open port was there before it", () => {
  expect(
    eventsOf([
      [[], false],
      [[4822], true],
    ] as [number[], boolean][]),
  ).toEqual({ "4822": 1, owner: 1 });
});

describe("on a cloud", () => {
  let server: ChildProcess | undefined;
  afterEach(() => void server?.kill("SIGKILL"));

  /** Runs the agent as an instance on a cloud does, but for its words on the console. */
  async function served(): Promise<string> {
    const path = join(scratchFolder(), "agent.sock");
    const script = `import sys
sys.path.insert(0, ${JSON.stringify(dirname(AGENT))})
sys.dont_write_bytecode = True
import agent
agent.tell_host_key = lambda: None
agent.main("--serve", ${JSON.stringify(path)})`;
    server = spawn("python3", ["-c", script], { stdio: "ignore" });
    for (let i = 0; i < 200 && !existsSync(path); i++) await sleep(50);
    return path;
  }

  const agentAt = (path: string) =>
    new GuestAgent(async () => {
      const relay = spawn("python3", ["-B", AGENT, "--relay", path], { stdio: ["pipe", "pipe", "inherit"] });
      return { input: relay.stdin, output: relay.stdout, close: () => relay.kill("SIGKILL") };
    }, "the way is closed");

  test("it answers by a relay, again by another one, and a reboot is another boot", async () => {
    const path = await served();
    const first = agentAt(path);
    await first.open();
    expect(await first.text("echo one; cat", {})).toBe("one");
    expect(first.alive).toBe(true);
    // Not before a reboot has come.
    first.expectHello();
    expect(first.alive).toBe(false);
    first.close();
    const second = agentAt(path);
    await second.open();
    const long = await second.text("head -c 3000000 /dev/zero | tr '\\0' x");
    expect(long).toHaveLength(3_000_000);
    second.close();
  });

  test("fails for what is asked after the way was closed from the other end", async () => {
    const agent = agentAt(await served());
    await agent.open();
    await agent.text("true");
    server?.kill("SIGKILL");
    for (let i = 0; i < 100 && agent.connected; i++) await sleep(50);
    await expect(agent.run("true")).rejects.toThrow("the way is closed");
    expect(agent.alive).toBe(false);
  });
});
