/** Shows that the contract bites: does what a mutation says, and looks whether the assertions catch it. */
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { CONTRACT_PARTS } from "../../../lib/contract";
import type { BootStandard } from "../../../lib/verify/boot-report";
import { BOOT_SECONDS, type BootOptions, startBoot } from "../../../lib/verify/boots";
import { checksOf } from "../../../lib/verify/checks/all-checks";
import type { Check } from "../../../lib/verify/checks/check";
import { mountImage } from "../../../lib/verify/checks/hygiene-checks";
import { BOOTS, type BootName, type Subject } from "../../../lib/verify/checks/subject";
import { lookAt } from "../../../lib/verify/verify";
import {
  assertionsOf,
  type BootMutation,
  type Caught,
  type DiskMutation,
  type GuestChange,
  type GuestMutation,
  KEPT,
  type Mutation,
} from "./mutation";

/** How it went with one assertion and one mutation. */
export interface Outcome {
  readonly assertion: number;
  readonly what: string;
  /** What should not be; undefined where the mutation was caught, and the image passes without it. */
  readonly problem?: string;
  readonly seconds: number;
}

/**
 * Boots once for each boot that the mutations ask for, and once more for each that shows a spoilt disk.
 *
 * @param onOutcome called as things happen
 */
export async function runMutations(
  mutations: readonly Mutation[],
  options: BootOptions,
  onOutcome: (outcome: Outcome) => void = () => {},
): Promise<Outcome[]> {
  const run = new MutationRun(options, onOutcome);
  for (const boot of BOOTS) await run.inGuest(boot, mutations);
  await run.onSpoiltDisk(mutations);
  return run.outcomes;
}

/** One run over the mutations. */
export class MutationRun {
  readonly outcomes: Outcome[] = [];
  private readonly spoilt: string;
  /** The sound image's boot, which the spoilt one is compared with. */
  private standard: BootStandard | undefined;

  constructor(
    private readonly options: BootOptions,
    private readonly onOutcome: (outcome: Outcome) => void,
  ) {
    this.spoilt = resolve(join(options.scratch, "spoilt.qcow2"));
  }

  /** All that one boot of the sound image can show; `main` also makes the disks that are looked at or booted. */
  async inGuest(boot: BootName, mutations: readonly Mutation[]): Promise<void> {
    const guest = mutations.filter((each) => "change" in each && each.boot === boot) as GuestMutation[];
    const disk = boot === "main" ? (mutations.filter((each) => "disk" in each) as DiskMutation[]) : [];
    const booted = boot === "main" ? (mutations.filter((each) => "booted" in each) as BootMutation[]) : [];
    if (guest.length + disk.length + booted.length === 0) return;
    await using subject = await startBoot(boot, this.options);
    await subject.waitForOwner(BOOT_SECONDS);
    await settled(subject, guest);
    if (boot === "main") {
      const inUse = { release: "as it is", accelerator: this.options.accelerator, boot: await subject.measureBoot() };
      this.standard = { budget: { owner: 0.1 }, inUse };
    }
    for (const mutation of guest.filter(({ late }) => !late)) await this.changeAndPutBack(mutation, subject);
    for (const mutation of disk) await this.lookAtDisk(mutation, subject);
    if (booted.length > 0) await spoil(subject, this.spoilt, booted.map((each) => each.booted).join("\n"));
    for (const mutation of guest.filter(({ late }) => late)) await this.changeAndPutBack(mutation, subject);
  }

  /** Boots the disk that all boot mutations were done on. */
  async onSpoiltDisk(mutations: readonly Mutation[]): Promise<void> {
    const booted = mutations.filter((each) => "booted" in each) as BootMutation[];
    for (const boot of BOOTS) {
      const wanted = booted.flatMap(({ what, caughtOn }) =>
        Object.entries(caughtOn[boot] ?? {}).map(([number, says]) => ({ what, assertion: Number(number), says })),
      );
      if (wanted.length === 0) continue;
      const checks = wanted.flatMap(({ assertion }) => checksFor(assertion, boot));
      const began = performance.now();
      const findings = await lookAt(boot, checks, [], {
        ...{ ...this.options, disk: this.spoilt, format: "qcow2", standard: this.standard },
      });
      for (const { what, assertion, says } of wanted) {
        const found = findings.find(({ number }) => number === assertion);
        const answer = found?.verdict === "fail" ? found.detail : undefined;
        this.note({ assertion, what, problem: problemWith(answer, says), seconds: since(began) });
      }
    }
    rmSync(this.spoilt, { force: true });
  }

  async changeAndPutBack(mutation: GuestMutation, subject: Subject): Promise<void> {
    const { change: made, caughtBy, late, lookFirst, patience = 0.1 } = mutation;
    const change: GuestChange = typeof made === "function" ? made(subject) : made;
    const steps = (script: string) =>
      subject.guest.text(`mkdir -p ${KEPT}\nset -euo pipefail\n${script}`, { timeoutSeconds: 300 });
    await this.look(mutation, caughtBy, subject, late, {
      break: async () => {
        if (lookFirst) await pass(Object.keys(caughtBy).map(Number), subject, late);
        await steps(change.break);
        return subject.anew({ patience });
      },
      mend: async () => void (await steps(change.mend)),
    });
  }

  async lookAtDisk(mutation: DiskMutation, subject: Subject): Promise<void> {
    const path = resolve(join(this.options.scratch, "mutated.qcow2"));
    await this.look(mutation, mutation.caughtBy, subject, undefined, {
      break: async () => {
        await spoil(subject, path, mutation.disk);
        return subject.anew({ image: { path, format: "qcow2" } });
      },
      mend: async () => rmSync(path),
    });
  }

  /** Breaks, and expects each assertion to say so; mends, and expects each to pass. */
  private async look(
    { what }: Mutation,
    caughtBy: Caught,
    subject: Subject,
    late: true | undefined,
    how: { break: () => Promise<Subject>; mend: () => Promise<void> },
  ): Promise<void> {
    const began = performance.now();
    const wanted = Object.entries(caughtBy).map(([number, says]) => ({ assertion: Number(number), says }));
    const problems = new Map<number, string>();
    const note = (assertion: number, problem: string | undefined) => {
      if (problem && !problems.has(assertion)) problems.set(assertion, problem);
    };
    try {
      const broken = await how.break();
      for (const { assertion, says } of wanted) {
        note(assertion, problemWith(await answerOf(checksFor(assertion, subject.boot, late), broken), says));
      }
      broken.close();
    } catch (error) {
      for (const { assertion } of wanted) note(assertion, `it could not be done: ${(error as Error).message}`);
    }
    try {
      await how.mend();
      const mended = subject.anew();
      for (const { assertion } of wanted) {
        const answer = await answerOf(checksFor(assertion, subject.boot, late), mended);
        if (answer !== undefined) note(assertion, `put back, it still says: ${answer}`);
      }
      mended.close();
    } catch (error) {
      for (const { assertion } of wanted) note(assertion, `it could not be put back: ${(error as Error).message}`);
    }
    for (const { assertion } of wanted) {
      this.note({ assertion, what, problem: problems.get(assertion), seconds: since(began) / wanted.length });
    }
  }

  private note(outcome: Outcome): void {
    this.outcomes.push(outcome);
    this.onOutcome(outcome);
  }
}

/** Puts a mutation on a new overlay of the image's disk, by a guest that has it as a second disk. */
async function spoil({ instance, guest, image }: Subject, path: string, script: string): Promise<void> {
  if (!image) throw new Error("the image's disk is not here");
  rmSync(path, { force: true });
  await execa("qemu-img", ["create", "-q", "-f", "qcow2", "-F", image.format, "-b", resolve(image.path), path]);
  await instance.plugInDisk({ path, format: "qcow2", writable: true });
  try {
    await guest.text(mountImage("rw"));
    await guest.text(`set -euo pipefail\ncd /run/visa-verify/image\n${script}`);
  } finally {
    await guest.run("umount /run/visa-verify/image");
    await instance.unplugDisk();
  }
}

/** A boot that is still at work would be measured by the mutations. */
async function settled(subject: Subject, mutations: readonly GuestMutation[]): Promise<void> {
  await subject.guest.run("systemctl is-system-running --wait", { timeoutSeconds: BOOT_SECONDS });
  if (!subject.owner) return;
  const port = mutations.flatMap(assertionsOf).some((number) => number >= 37 && number <= 44) ? "8888" : "4822";
  await subject.waitFor(`open port ${port}`, 180, async () => (await subject.guest.events())[port]);
}

function checksFor(assertion: number, boot: BootName, late?: true): readonly Check[] {
  return checksOf(CONTRACT_PARTS, "full").filter(
    (check) => check.assertion === assertion && check.boot === boot && check.late === late,
  );
}

/** @throws where an assertion does not pass */
async function pass(assertions: readonly number[], subject: Subject, late: true | undefined): Promise<void> {
  for (const assertion of assertions) {
    const answer = await answerOf(checksFor(assertion, subject.boot, late), subject);
    if (answer !== undefined) throw new Error(`as it is, it says: ${answer}`);
  }
}

/** What the first check says that does not pass; undefined where all do. */
async function answerOf(checks: readonly Check[], subject: Subject): Promise<string | undefined> {
  if (checks.length === 0) return "no check looks at it";
  for (const check of checks) {
    try {
      await check.run(subject);
    } catch (error) {
      return (error as Error).message;
    }
  }
  return undefined;
}

function problemWith(answer: string | undefined, says: RegExp): string | undefined {
  if (answer === undefined) return "it was not caught";
  return says.test(answer) ? undefined : `it was caught by other words: ${answer}`;
}

function since(began: number): number {
  return Math.round((performance.now() - began) / 100) / 10;
}
