/**
 * Everything that can be killed, killed: the command, its worker, Packer, QEMU and qemu-img, at every stage of a build.
 * A build never outlives the one who asked for it, and leaves nothing that the next one stumbles over.
 */
import type { ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { FULL } from "../support/full";
import { writeTinySpecification } from "../support/tiny-guest/tiny-guest";
import { FaultWorkspace, STAGES, type Stage } from "./support";

jest.setTimeout(300_000);

let workspace: FaultWorkspace;
beforeAll(async () => {
  workspace = await FaultWorkspace.create();
});
afterAll(() => workspace.remove());
afterEach(() => workspace.release());

type Victim = "front" | "worker" | "packer" | "qemu" | "qemu-img";

/** The worker is the one of the command's processes that is not its front. */
function workerOf(front: ChildProcess): number {
  const worker = workspace.processes().find(({ pid, name }) => pid !== front.pid && /^(node|MainThread)$/.test(name));
  if (!worker) throw new Error("no worker");
  return worker.pid;
}

function pidOf(victim: Victim, front: ChildProcess): number {
  if (victim === "front") return front.pid as number;
  if (victim === "worker") return workerOf(front);
  const [pid] = workspace.named({ packer: "packer", qemu: "qemu-system-x86", "qemu-img": "qemu-img" }[victim]);
  if (pid === undefined) throw new Error(`no ${victim}`);
  return pid;
}

/** How the command ends, and what it says. */
function outcome(victim: Victim, signal: NodeJS.Signals, stage: Stage): { code: number | null; says: RegExp } {
  switch (victim) {
    case "front": {
      const code = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal as string];
      // Killed it says nothing more.
      return code
        ? { code, says: new RegExp(`stopped by ${signal}; nothing of it is left running`) }
        : { code: null, says: /^/ };
    }
    case "worker":
      return {
        code: 1,
        says: signal === "SIGKILL" ? /ended by SIGKILL[\s\S]*fix: .*memory/ : /ended by exit code 143/,
      };
    case "packer":
      return {
        code: 3,
        says:
          signal === "SIGKILL"
            ? /packer was ended by SIGKILL[\s\S]*fix: /i
            : /packer failed with exit code 1[\s\S]*fix: /,
      };
    case "qemu":
      return {
        code: 3,
        says: {
          starting: /its machine ended by itself[\s\S]*fix: /,
          provisioning: /(packer failed with exit code 1|its machine ended by itself)[\s\S]*fix: /,
          shutdown: /ended before it had shut down: its disk may lack data[\s\S]*fix: build again/,
        }[stage as string] as RegExp,
      };
    case "qemu-img":
      return { code: 1, says: new RegExp(`"qemu-img" was ended by ${signal}[\\s\\S]*fix: start it again`) };
  }
}

type Case = readonly [victim: Victim, signal: NodeJS.Signals, stage: Stage];

/** In continuous integration one stage for each process and signal. */
const CASES: readonly Case[] = [
  ["front", "SIGTERM", "base"],
  ["qemu", "SIGKILL", "starting"],
  ["front", "SIGINT", "provisioning"],
  ["worker", "SIGKILL", "provisioning"],
  ["packer", "SIGKILL", "provisioning"],
  ["qemu", "SIGKILL", "shutdown"],
  ["front", "SIGKILL", "finishing"],
  ["front", "SIGHUP", "flattening"],
  ["qemu-img", "SIGKILL", "flattening"],
];

function allCases(): Case[] {
  const inGuest = (stage: Stage) => ["starting", "provisioning", "shutdown"].includes(stage);
  return STAGES.flatMap((stage) => [
    ...(["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const).map((signal): Case => ["front", signal, stage]),
    ...(["SIGTERM", "SIGKILL"] as const).flatMap((signal): Case[] => [
      ["worker", signal, stage],
      ...(inGuest(stage)
        ? ([
            ["packer", signal, stage],
            ["qemu", signal, stage],
          ] as const)
        : ([["qemu-img", signal, stage]] as const)),
    ]),
  ]);
}

describe("a build leaves nothing behind, and the next one succeeds", () => {
  let args: string[];
  beforeAll(() => {
    args = workspace.specify(workspace.layer("held"));
  });

  /**
   * @fault stopped: SIGINT, SIGTERM or SIGHUP of `visa-image`: while the base is made, the guest starts, is
   *   provisioned, shuts down, the disk is checked and published, or flattened
   * @then 130, 143, 129: `stopped by SIGINT; nothing of it is left running`. The cache is as before
   * @fault stopped: SIGKILL of `visa-image`, at the same stages
   * @then its worker notices, ends the tools and cleans up
   * @fault stopped: SIGKILL or SIGTERM of its worker
   * @then 1: `the build's own process was ended by SIGKILL`; the front ends the tools and cleans up
   * @fault stopped: SIGKILL or SIGTERM of Packer
   * @then 3: `packer was ended by SIGKILL`; its QEMU is ended
   * @fault stopped: SIGKILL or SIGTERM of QEMU while the guest starts
   * @then 3 within 15 s: `its machine ended by itself` (Packer alone waits for its whole `ssh_timeout`)
   * @fault stopped: the same while a step runs
   * @then 3, with the step's last lines
   * @fault stopped: the same while the guest shuts down
   * @then 3: `ended before it had shut down: its disk may lack data`. Packer alone takes this for a good end
   * @fault stopped: SIGKILL or SIGTERM of qemu-img: base, check, flattening
   * @then 1: `"qemu-img" was ended by SIGKILL`, start it again
   */
  test.each(FULL ? allCases() : CASES)("when its %s gets %s at the stage: %s", async (victim, signal, stage) => {
    // Of an earlier case: a stage is passed only where there is something to do.
    workspace.forget("held", stage);
    workspace.hold(stage);
    const child = workspace.start(args);
    await workspace.untilHeld(stage);
    process.kill(pidOf(victim, child), signal);
    const { code, stderr } = await child.ended;
    const expected = outcome(victim, signal, stage);
    expect({ code, stderr }).toEqual({ code: expected.code, stderr });
    expect(stderr).toMatch(expected.says);
    expect(stderr).not.toMatch(/^ {4}at /m);
    await workspace.expectNothingLeft();
    workspace.release();
    if (FULL) await workspace.expectNextBuildSucceeds(args);
  });

  // Each case above has gone on from what the one before had left; this one goes to the end.
  test("after all of them", () => workspace.expectNextBuildSucceeds(args));
});

describe("the command and its worker are killed at once", () => {
  /**
   * @fault stopped: SIGKILL of `visa-image` and its worker at once
   * @then the kernel ends the tools; the next build removes the scratch folder (`removed what an interrupted build
   *   left behind`), and waits for nobody's lock
   */
  test("the kernel ends the tools, and the next build removes what is left", async () => {
    const args = workspace.specify(workspace.layer("both"));
    workspace.hold("provisioning");
    const child = workspace.start(args);
    await workspace.untilHeld("provisioning");
    const worker = workerOf(child);
    process.kill(child.pid as number, "SIGSTOP");
    process.kill(worker, "SIGKILL");
    process.kill(child.pid as number, "SIGKILL");
    await workspace.untilNothingRuns();
    expect(workspace.names("scratch")).toHaveLength(1);
    // The name on the lock is still that of a dead process: nobody waits for it.
    expect(workspace.leftovers()).toHaveLength(2);
    workspace.release();
    const next = await workspace.run(args);
    expect(next.stderr).toContain("removed what an interrupted build left behind");
    expect(next.stderr).not.toContain("waiting for");
    expect(next.code).toBe(0);
    await workspace.expectNothingLeft();
  });

  /**
   * @fault stopped: the same, with Packer killed just before, so that QEMU lives on
   * @then the next build ends that QEMU
   */
  test("the next build ends a QEMU that outlived everything else", async () => {
    const args = workspace.specify(workspace.layer("outlived"));
    workspace.hold("provisioning");
    const child = workspace.start(args);
    await workspace.untilHeld("provisioning");
    const worker = workerOf(child);
    for (const pid of [child.pid as number, worker]) process.kill(pid, "SIGSTOP");
    for (const pid of workspace.named("packer")) process.kill(pid, "SIGKILL");
    for (const pid of [worker, child.pid as number]) process.kill(pid, "SIGKILL");
    await workspace.until("only QEMU is left", () => workspace.processes().length === 1, 10);
    expect(workspace.processes().map(({ name }) => name)).toEqual(["qemu-system-x86"]);
    workspace.release();
    const next = await workspace.run(args);
    expect(next.stderr).toContain("ended 1 of its processes");
    expect(next.code).toBe(0);
    await workspace.expectNothingLeft();
  });
});

describe("a bootstrap of the base", () => {
  /**
   * @fault stopped: a signal while Debian is bootstrapped
   * @then all namespaces and mounts of mmdebstrap are gone
   */
  test.each(FULL ? (["SIGINT", "SIGTERM", "SIGKILL"] as const) : (["SIGKILL"] as const))(
    "ends with all its namespaces by %s",
    async (name) => {
      const { file, specification } = writeTinySpecification(workspace.folder, [workspace.layer("bootstrapped")]);
      const base = { kind: "bootstrap", suite: "bookworm", packages: [], diskSizeGb: 4 };
      const layers = specification.layers.map((layer) => ({ ...layer, base, parent: "b".repeat(64) }));
      writeFileSync(file, JSON.stringify({ ...specification, layers }));
      const child = workspace.start(["build", "--specification", file]);
      const unpacks = () =>
        workspace.processes().some((process) => /^(apt-get|dpkg|dpkg-deb|http)$/.test(process.name));
      await workspace.until("mmdebstrap works inside its namespaces", unpacks, 120);
      child.kill(name);
      await child.ended;
      await workspace.expectNothingLeft();
    },
  );
});

describe("a verification", () => {
  /**
   * @fault stopped: a signal while an image is verified
   * @then QEMU ends with it; after SIGKILL the next command removes the scratch folder
   */
  test.each(FULL ? (["SIGINT", "SIGTERM", "SIGKILL"] as const) : (["SIGTERM", "SIGKILL"] as const))(
    "that gets %s leaves no machine, and what it leaves goes with the next build",
    async (name) => {
      const args = workspace.specify(workspace.layer("held"));
      await workspace.run(args);
      const child = workspace.start([
        "verify",
        "--disk",
        `${workspace.folder}/out/disk.raw`,
        "--contract",
        "boot",
        "--accelerator",
        "tcg",
      ]);
      await workspace.until("its machine runs", () => workspace.runs("qemu-system-x86"), 60);
      child.kill(name);
      const { code } = await child.ended;
      expect(code).toBe({ SIGINT: 130, SIGTERM: 143, SIGKILL: null }[name]);
      await workspace.untilNothingRuns();
      if (name === "SIGKILL") await workspace.run(args);
      await workspace.expectNothingLeft();
    },
  );
});
