/** A guest in a QEMU that Packer starts on this machine. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CONSOLE_FILE } from "../../packer/runner-variables";
import { GuestConsole } from "../output/console";
import type { Progress } from "../output/progress";
import { identify, isAlive, processInfo, sessionMembers } from "../processes/processes";
import type { GuestPlace, Trouble, Watch } from "./guest-place";
import type { PackerCall } from "./packer-call";
import { readQemuWords } from "./qemu-words";
import { MONITOR_SOCKET } from "./run-configuration";
import { relayAddress } from "./ssh-relay";
import { type RunningGuest, watchGuest } from "./watch";

/** Options of a {@link QemuPlace}. */
export interface QemuPlaceOptions extends Pick<PackerCall, "layer" | "machine" | "scratch" | "masker"> {
  readonly progress: Progress;
  /** Called with each line of the guest's console. */
  readonly onConsole?: (line: string) => void;
}

/** One of them. */
export class QemuPlace implements GuestPlace {
  readonly onError = "cleanup";
  readonly relayAddress = relayAddress();
  private readonly console: GuestConsole;

  constructor(private readonly options: QemuPlaceOptions) {
    const { scratch, masker, onConsole } = options;
    this.console = new GuestConsole(join(scratch.path, CONSOLE_FILE), masker);
    if (onConsole) this.console.onLine(onConsole);
  }

  watch(onTrouble: (trouble: Trouble) => void): Watch {
    const { scratch, machine } = this.options;
    return watchGuest({
      folder: scratch.path,
      console: this.console,
      monitor: MONITOR_SOCKET,
      relayAddress: this.relayAddress,
      timeoutMs: machine.timeoutMinutes * 60_000,
      findGuest: ownGuest,
      onTrouble,
    });
  }

  async words(): Promise<readonly string[]> {
    const { masker, scratch } = this.options;
    const lines = await readQemuWords(scratch.path);
    return lines.length > 0 ? ["QEMU said:", ...lines.map((line) => masker.mask(line))] : [];
  }

  consoleTail(): readonly string[] {
    return this.console.tail();
  }

  remedy(): undefined {
    return undefined;
  }

  async leaveRunning(): Promise<void> {
    const { layer, scratch, progress } = this.options;
    const machine = ownGuest();
    if (!machine) {
      progress.warn(`the machine of "${layer.name}" does not run any more, so there is nothing to get into`);
      return;
    }
    const key = join(scratch.path, "build-key");
    progress.warn(
      [
        `the build of "${layer.name}" failed, and its machine is left running`,
        `  get in:  ssh -i ${key} -p ${machine.sshPort} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@127.0.0.1`,
        "  end it:  Ctrl-C here, or shut it down in there; what you change in it is not kept",
      ].join("\n"),
    );
    while (isAlive(machine.qemu)) await sleep(500);
  }
}

/** The QEMU that this worker's Packer started, and the port of this machine that leads to its SSH. */
export function ownGuest(): RunningGuest | undefined {
  // Only a worker has a session of its own; in another one there are processes that are none of ours.
  if (processInfo(process.pid)?.session !== process.pid) return undefined;
  for (const { pid } of sessionMembers(process.pid)) {
    const command = readCommandLine(pid);
    const sshPort = /hostfwd=tcp:[^:]*:(\d+)-:22/.exec(command)?.[1];
    const qemu = /^[^\0]*qemu-system/.test(command) && sshPort ? identify(pid) : undefined;
    if (qemu) return { qemu, sshPort: Number(sshPort) };
  }
  return undefined;
}

function readCommandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
