import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeExit, type ProcessState, Service } from "../../dev/embedded-cloud/service";

const environment = { PATH: process.env.PATH ?? "" };
const folder = mkdtempSync(join(tmpdir(), "service "));
let count = 0;
const services: Service[] = [];

function make(): Service {
  const service = new Service(`unit${count++}`, folder);
  services.push(service);
  return service;
}

function running(state: ProcessState): Extract<ProcessState, { state: "running" }> {
  if (state.state !== "running") throw new Error(`it is ${state.state}`);
  return state;
}

/** Whether it runs; one that has ended and that nobody has asked about yet (a zombie) doesn't. */
function alive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Waits until the service is in a state that satisfies. */
async function until(service: Service, wanted: (state: ProcessState) => boolean): Promise<ProcessState> {
  for (let tries = 0; tries < 200; tries++) {
    const state = await service.inspect();
    if (wanted(state)) return state;
    await sleep(25);
  }
  throw new Error(`never: ${JSON.stringify(await service.inspect())}`);
}

beforeAll(() => {
  for (const name of ["log", "run"]) mkdirSync(join(folder, name));
});

afterAll(async () => {
  for (const service of services) await service.stop(100);
  rmSync(folder, { recursive: true, force: true });
});

describe("a service", () => {
  it("runs, and leaves nothing when stopped", async () => {
    const service = make();
    await service.start(["sh", "-c", "sleep 1000 & sleep 1000"], environment);
    const { pids } = running(await until(service, (state) => state.state === "running" && state.pids.length >= 4));
    expect(await service.stop()).toBe(true);
    expect(pids.filter(alive)).toEqual([]);
    expect((await service.inspect()).state).toBe("stopped");
    expect(await service.stop()).toBe(false);
  });

  it("is ended by force when it ignores the request", async () => {
    const service = make();
    await service.start(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"], environment);
    await until(service, () => readFileSync(service.log, "utf8").includes("ready"));
    const { pids } = running(await service.inspect());
    await service.stop(300);
    expect(pids.filter(alive)).toEqual([]);
  });

  it("takes what its main process left behind with it", async () => {
    const service = make();
    await service.start(["sh", "-c", "sleep 1000 & echo $!; exit 3"], environment);
    const state = await until(service, (one) => one.state === "crashed" && one.pids.length === 0);
    expect(state).toMatchObject({ message: expect.stringContaining("(exit status 3)") });
    expect(alive(Number(readFileSync(service.log, "utf8").trim()))).toBe(false);
  });

  it("counts one that is ending until it is gone", async () => {
    // Its environment goes at once, its memory takes a while.
    const large = "import time; x = bytearray([7]) * (500 << 20); print('ready', flush=True); time.sleep(1000)";
    const service = make();
    const end = join(folder, "end");
    const command = `python3 -c "${large}" & echo $!; until [ -e '${end}' ]; do sleep 0.01; done; exit 3`;
    await service.start(["sh", "-c", command], environment);
    await until(service, () => readFileSync(service.log, "utf8").includes("ready"));
    const pid = Number.parseInt(readFileSync(service.log, "utf8"), 10);
    expect(alive(pid)).toBe(true);
    writeFileSync(end, "");
    let state = await service.inspect();
    while (state.state !== "crashed" || state.pids.length > 0) state = await service.inspect();
    expect(alive(pid)).toBe(false);
  });

  it("says by which signal it was ended", async () => {
    const service = make();
    await service.start(["sleep", "1000"], environment);
    const { pid } = running(await until(service, (one) => one.state === "running" && one.pids.length === 2));
    process.kill(pid, "SIGSEGV");
    const state = await until(service, (one) => one.state === "crashed");
    expect(state).toMatchObject({ message: expect.stringContaining("killed by SIGSEGV") });
  });

  it("never touches a process that has got its number since", async () => {
    const service = make();
    await service.start(["sleep", "1000"], environment);
    const stranger = make();
    // A record as it would be after the number has been given to another session.
    const record = JSON.parse(readFileSync(join(folder, `run/${service.name}.json`), "utf8"));
    writeFileSync(join(folder, `run/${stranger.name}.json`), JSON.stringify({ ...record, token: "another" }));
    expect((await stranger.inspect()).state).toBe("crashed");
    expect(await stranger.stop()).toBe(false);
    expect((await service.inspect()).state).toBe("running");
  });

  it("counts as stopped after a restart of the machine", async () => {
    const service = make();
    const record = { pid: 999_999_999, startTime: "1", bootId: "another boot", token: "t" };
    writeFileSync(join(folder, `run/${service.name}.json`), JSON.stringify(record));
    expect((await service.inspect()).state).toBe("stopped");
  });

  it("keeps the log of the run before", async () => {
    const service = make();
    for (const word of ["first", "second"]) {
      await service.start(["echo", word], environment);
      await until(service, (state) => state.state === "crashed");
    }
    // bash may add a line about a job that ended at once.
    expect(await service.lastLines()).toMatch(/^second/);
    expect(readFileSync(`${service.log}.1`, "utf8")).toMatch(/^first\n/);
  });
});

test("an exit status is put into words", () => {
  expect(describeExit(1)).toBe("exit status 1");
  expect(describeExit(137)).toBe("killed by SIGKILL; out of memory?");
  expect(describeExit(143)).toBe("killed by SIGTERM");
});
