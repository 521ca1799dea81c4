/** The agent on a test instance: what it says came first. */
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { assetFolder } from "../../../lib/package-root";

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
