/**
 * Looks after a build machine while Packer runs, and lets Packer in. Packer waits for a guest that will never come for as
 * long as it is told to, for a step without any end, and QEMU for room on a full disk for ever.
 */
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, NO_ROOM_FIX } from "../../errors";
import { freeSpace } from "../host/requirements";
import type { GuestConsole } from "../output/console";
import { duration, size } from "../output/progress";
import { isAlive, type ProcessIdentity } from "../processes/processes";
import { Monitor, type MonitorEvent } from "../processes/qemu-monitor";
import type { Trouble, Watch } from "./guest-place";
import { relaySsh, type SshAnswer, type SshRelay } from "./ssh-relay";

/** How often it looks. */
const POLL_MS = 1000;
/** QEMU halts the guest when there is no room at all: what is left then is less than one of its clusters. */
const FULL_BYTES = 16 * 2 ** 20;
/** Packer notices within seconds, where it does, that its QEMU has ended. */
const GONE_MS = 10_000;
const SETTLE_MS = 300;

/** What the console shows of a guest that never comes up. */
const DEAD_GUEST: readonly [RegExp, string][] = [
  [/Kernel panic - not syncing[^\r\n]*/, "the guest's kernel panicked"],
  [/ALERT! [^\r\n]* does not exist[^\r\n]*/, "the guest found no root file system"],
];

/** A QEMU that Packer started. */
export interface RunningGuest {
  readonly qemu: ProcessIdentity;
  /** The port of this machine that leads to its SSH. */
  readonly sshPort: number;
}

/** Options of {@link watchGuest}. */
export interface WatchOptions {
  /** The folder that Packer runs in, on the file system of the layer's disk. */
  readonly folder: string;
  /** The guest's serial console, which is followed from here. */
  readonly console: GuestConsole;
  /** In it, QEMU's monitor: a Unix socket, there once QEMU runs. */
  readonly monitor: string;
  /** Where Packer is let in. */
  readonly relayAddress: string;
  /** How long it may take in all. */
  readonly timeoutMs: number;
  /** Nothing before it runs. */
  readonly findGuest: () => RunningGuest | undefined;
  /** Called once, when it makes no sense to go on. */
  readonly onTrouble: (trouble: Trouble) => void;
}

/** Begins to look. */
export function watchGuest(options: WatchOptions): Watch {
  const started = performance.now();
  const folder = openSync(options.folder, "r");
  let guest: RunningGuest | undefined;
  let goneSince: number | undefined;
  let phase: "starting" | "connected" | "halting" = "starting";
  let dead: Trouble | undefined;
  let answer: SshAnswer | undefined;
  let monitor: Monitor | undefined;
  let connecting = false;
  let switchedOff = false;
  let gaveUp = false;
  let stopped = false;
  let relay: SshRelay | undefined;

  options.console.onLine((line) => {
    dead ??= deadGuest(line);
  });

  const look = (): Trouble | undefined => {
    const free = freeSpace(options.folder);
    if (free < FULL_BYTES) {
      return {
        what: `the disk of "${options.folder}" is full (${size(free)} free)`,
        fix: NO_ROOM_FIX,
        exitCode: ExitCode.FAILURE,
      };
    }
    options.console.look();
    if (dead) return dead;
    const now = performance.now();
    if (now - started > options.timeoutMs) {
      return {
        what: `it took longer than ${duration(options.timeoutMs)}`,
        fix: "if it needs longer: --timeout <minutes> or VISA_BUILD_TIMEOUT (a single step: timeout of the provisioner)",
        exitCode: ExitCode.PACKER,
      };
    }
    guest ??= options.findGuest();
    if (!guest || phase === "halting") return undefined;
    if (!isAlive(guest.qemu)) {
      goneSince ??= now;
      if (now - goneSince < GONE_MS) return undefined;
      return {
        what: "its machine ended by itself: the guest switched it off, or its QEMU was killed",
        fix: "read the end of its console, and look for a lack of memory in the kernel's log (dmesg)",
        console: true,
        exitCode: ExitCode.PACKER,
      };
    }
    relay ??= openRelay(guest);
    return undefined;
  };

  const openRelay = ({ qemu, sshPort }: RunningGuest) =>
    relaySsh(sshPort, {
      address: options.relayAddress,
      onAnswer: async (found) => {
        // The end of QEMU closes a connection too, and says nothing of its guest.
        await sleep(SETTLE_MS);
        if (isAlive(qemu)) answer = found;
      },
      onError: ({ message }) =>
        giveUp({
          what: `Packer cannot be let into the machine: ${message}`,
          fix: "build again",
          exitCode: ExitCode.FAILURE,
        }),
    });

  const onEvent = ({ event, data }: MonitorEvent) => {
    if (event === "SHUTDOWN") switchedOff = data?.guest === true;
    // What the guest has taken in before, it has forgotten: nobody would ever answer it.
    if (event === "RESET") relay?.restarted();
  };

  const listen = async () => {
    if (monitor || connecting) return;
    connecting = true;
    try {
      // The path of a socket may have 107 characters, and that of a cache may be longer.
      const found = await Monitor.connect(`/proc/self/fd/${folder}/${options.monitor}`, onEvent);
      if (stopped) return found.close();
      monitor = found;
      found.onClose(() => {
        monitor = undefined;
      });
    } catch {
      // Not there yet, or not any more.
    } finally {
      connecting = false;
    }
  };

  const timer = setInterval(() => {
    void listen();
    const trouble = look();
    if (trouble) giveUp(trouble);
  }, POLL_MS);
  const giveUp = (trouble: Trouble) => {
    if (gaveUp) return;
    gaveUp = true;
    clearInterval(timer);
    options.onTrouble(trouble);
  };
  return {
    connected() {
      phase = "connected";
    },
    halting() {
      phase = "halting";
    },
    get switchedOff() {
      return switchedOff;
    },
    get unreachable() {
      return phase === "starting" && answer ? UNREACHABLE[answer] : undefined;
    },
    async execute(command, args) {
      if (!monitor) throw new Error("QEMU's monitor does not answer");
      return monitor.execute(command, args);
    },
    stop() {
      stopped = true;
      clearInterval(timer);
      monitor?.close();
      relay?.close();
      closeSync(folder);
      options.console.end();
      if (dead && !gaveUp && phase !== "halting") options.onTrouble(dead);
    },
  };
}

/** What a line of a guest's console says of one that never comes up; undefined for most lines. */
export function deadGuest(line: string): Trouble | undefined {
  for (const [pattern, what] of DEAD_GUEST) {
    const words = pattern.exec(line)?.[0];
    if (!words) continue;
    return {
      what: `${what}: "${words.trim()}"`,
      // Seen: "IO-APIC + timer doesn't work!", from an emulated timer with ten processes for each processor.
      fix: "build again; without KVM it may happen by chance where this machine is very busy",
      console: true,
      exitCode: ExitCode.PACKER,
    };
  }
  return undefined;
}

/** What an answer of SSH, or none, says of a guest that Packer never got into. */
export const UNREACHABLE: Readonly<Record<SshAnswer, string>> = {
  silent: "the guest never answered on its network: it has no address, or did not boot that far",
  refused: "the guest has an address, but nothing answers at its SSH port",
  greets: "the guest's SSH answers, but does not let the build in: it has not taken the build's key",
};
