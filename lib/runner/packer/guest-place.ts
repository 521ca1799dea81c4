/** Where a run of Packer has its guest, and how the runner looks after it there: QEMU on this machine, or a cloud's server. */

/** Why a build machine was given up. */
export interface Trouble {
  readonly what: string;
  readonly fix?: string;
  /** Whether the guest's console may tell more. */
  readonly console?: true;
  readonly exitCode: number;
}

/** A watch over one build machine. */
export interface Watch {
  /** Packer is inside the guest. */
  connected(): void;
  /** The guest has been told to shut down. */
  halting(): void;
  /** Whether the guest was shut down: whatever else ends its machine may leave half a disk. */
  readonly switchedOff: boolean;
  /** What was found out about a guest that Packer never got into: one sentence. */
  readonly unreachable: string | undefined;
  /** Has the guest's QEMU do something, in the words of its monitor. @default - its machine is not ours to command */
  execute?(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** Ends it; the console is looked at once more, since Packer may have noticed first that the guest is gone. */
  stop(): void | Promise<void>;
}

/** One place. */
export interface GuestPlace {
  /** What Packer does with its machine where it fails; after "abort" whoever made this place removes it. */
  readonly onError: "cleanup" | "abort";
  /** Address of this machine at which Packer is let in; empty where it goes to the guest's own. */
  readonly relayAddress: string;
  /** Begins to look. @param onTrouble called once, when it makes no sense to go on */
  watch(onTrouble: (trouble: Trouble) => void): Watch;
  /** What runs the guest has said of why it ended, with who says it in the first line; nothing for nothing. */
  words(): Promise<readonly string[]>;
  /** The last lines of the guest's console, oldest first. */
  consoleTail(): readonly string[];
  /** What to do about what Packer said; nothing where it is the guest's own affair. */
  remedy(lines: readonly string[]): string | undefined;
  /** Says how to get into the machine of a failed build, and waits until it has ended. */
  leaveRunning(): Promise<void>;
}
