import { PortWatch } from "../../../lib/verify/cloud/port-watch";
import { stateByPorts, type VisaProtocol } from "../../../lib/visa-protocols";

const ALL: readonly VisaProtocol[] = ["GUACD", "RDP", "JUPYTER"];
const state = (protocols: readonly VisaProtocol[], ...open: number[]) =>
  stateByPorts(protocols, (port) => open.includes(port));

test.each<[string, readonly VisaProtocol[], readonly number[]]>([
  ["STARTING", ALL, []],
  ["STARTING", ALL, [4822]],
  ["STARTING", ALL, [4822, 8888]],
  ["PARTIALLY_ACTIVE", ALL, [4822, 3389]],
  ["ACTIVE", ALL, [4822, 3389, 8888]],
  ["ACTIVE", ["GUACD", "RDP"], [4822, 3389]],
  ["STARTING", ["WEBX", "RDP"], [3389]],
  ["PARTIALLY_ACTIVE", ["WEBX", "RDP"], [5555]],
  ["STARTING", [], [4822]],
])("VISA calls it %s: %j, open %j", (wanted, protocols, open) => {
  expect(state(protocols, ...open)).toBe(wanted);
});

test("states as they come, and when each port answered first", async () => {
  const opening = [[], [4822, 3389], [4822, 3389, 8888]];
  let look = 0;
  const watch = new PortWatch("host", ALL, performance.now(), async (_, port) => {
    return (opening[Math.floor(look++ / 3)] ?? []).includes(port);
  });
  while (watch.state !== "ACTIVE") await new Promise((done) => setTimeout(done, 50));
  expect(watch.states.map((each) => each.state)).toEqual(["STARTING", "PARTIALLY_ACTIVE", "ACTIVE"]);
  expect([...watch.opened.keys()].sort()).toEqual([3389, 4822, 8888]);
});
