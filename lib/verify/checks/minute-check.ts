/**
 * VISA's look at an instance, once a minute for as long as it lives: its API server connects to each port of the image's
 * entry, and leaves again without a word. 1,440 of them a day must leave nothing.
 */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { PROMISED_PORTS } from "../../visa-protocols";
import type { Endpoint } from "../instance/instance";
import { expect } from "./check";
import type { Subject } from "./subject";

/** How often each port is looked at. */
const ROUNDS = 20;

/** In KiB of anonymous memory: what one that leaks takes in as many rounds, at 200 KiB each; others vary by less. */
const MOST_GROWTH_KIB = 4096;

/** Whose a listening port is. */
export interface PortState {
  readonly port: number;
  readonly unit: string;
  readonly tasks: number;
  readonly memoryKib: number;
}

/** Asks the kernel who listens on ports, and what the control group of each has: JSON, one object a port. */
const STATES = (ports: readonly number[]) => `python3 - <<'END'
import glob, json, os, re
wanted, inodes, found = ${JSON.stringify(ports)}, {}, {}
for table in ("tcp", "tcp6"):
    for line in list(open("/proc/net/" + table))[1:]:
        fields = line.split()
        port = int(fields[1].rsplit(":", 1)[1], 16)
        if fields[3] == "0A" and port in wanted: inodes[fields[9]] = port
for link in glob.glob("/proc/[0-9]*/fd/*"):
    try: socket = re.fullmatch(r"socket:\\[(\\d+)\\]", os.readlink(link))
    except OSError: continue
    if not socket or socket.group(1) not in inodes: continue
    try: group = open("/proc/%s/cgroup" % link.split("/")[2]).read().split("::")[1].strip()
    except OSError: continue
    found[inodes[socket.group(1)]] = group
def read(group, name): return open("/sys/fs/cgroup" + group + "/" + name).read()
print(json.dumps([{
    "port": port,
    "unit": os.path.basename(group),
    "tasks": int(read(group, "pids.current")),
    "memoryKib": int(re.search(r"^anon (\\d+)", read(group, "memory.stat"), re.M).group(1)) // 1024,
} for port, group in sorted(found.items())]))
END`;

/** How many TCP connections the guest has taken since its boot. */
const TAKEN = "awk '$1 == \"Tcp:\" && $7 ~ /^[0-9]/ { print $7 }' /proc/net/snmp";

/** Connects to a port, and leaves. QEMU takes the connection at once, and then opens the guest's. */
function lookAt(where: Endpoint): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect(where);
    socket.once("error", fail);
    socket.once("connect", () => setTimeout(() => socket.destroy(), 200));
    socket.once("close", () => done());
  });
}

/** Looks at the ports as VISA does, and then at what that left. */
export async function leavesNothing(subject: Subject): Promise<string> {
  const { guest, instance } = subject;
  const states = async () => JSON.parse(await guest.text(STATES(PROMISED_PORTS))) as PortState[];
  const before = await states();
  const ports = before.map(({ port }) => port);
  for (const port of [3389, 4822]) expect(ports.includes(port), `nothing listens on ${port}`);
  const cursor = /^-- cursor: (.*)$/m.exec(await guest.text("journalctl --sync; journalctl --lines=1 --show-cursor"));
  const taken = Number(await guest.text(TAKEN));
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(ports.map((port) => lookAt(instance.endpoint(port))));
  }
  const wanted = ROUNDS * ports.length;
  await subject.waitFor(`end of ${wanted} connections to the guest`, 60, async () => {
    return Number(await guest.text(TAKEN)) >= taken + wanted;
  });
  const units = [...new Set(before.map(({ unit }) => unit))];
  const errors = await errorsOf(subject, units, cursor?.[1] ?? "");
  expect(errors === "", errors);
  // Whoever was asked may still be putting things away.
  let after = await states();
  for (const end = performance.now() + subject.seconds(15) * 1000; performance.now() < end; ) {
    if (problemOf(before, after) === undefined) break;
    await sleep(1000);
    after = await states();
  }
  const problem = problemOf(before, after);
  expect(problem === undefined, problem ?? "");
  return `${ROUNDS} times ${ports.join(", ")}; ${units.join(", ")} as before`;
}

/** What the units have told as errors since then: one line, with the first of them. */
async function errorsOf({ guest }: Subject, units: readonly string[], cursor: string): Promise<string> {
  const of = units.map((unit) => `--unit='${unit}'`).join(" ");
  const { stdout } = await guest.run(
    `journalctl --sync; journalctl --quiet --after-cursor='${cursor}' --priority=err --output=short-monotonic ${of}`,
  );
  const lines = stdout.trim().split("\n").filter(Boolean);
  return lines.length > 0 ? `${lines.length} errors in the journal: ${lines[0]}` : "";
}

/** What is not as it was; undefined where all is. */
export function problemOf(before: readonly PortState[], after: readonly PortState[]): string | undefined {
  for (const { port, unit, tasks, memoryKib } of before) {
    const now = after.find((each) => each.port === port);
    if (!now) return `nothing listens on ${port} any more (${unit})`;
    if (now.tasks > tasks) return `${unit} has ${now.tasks} tasks, before it had ${tasks}`;
    const more = now.memoryKib - memoryKib;
    if (more > MOST_GROWTH_KIB) return `${unit} has ${more} KiB of memory more than before`;
  }
  return undefined;
}
