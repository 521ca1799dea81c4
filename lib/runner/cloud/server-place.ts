/** A guest in a server of a cloud's Nova, which Packer starts: Nova says how it is, and what its console shows. */
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cloud } from "../../cloud/cloud";
import type { Server } from "../../cloud/compute";
import type { Glance } from "../../cloud/glance";
import { ExitCode } from "../../errors";
import { plainText } from "../output/console";
import { duration, type Progress } from "../output/progress";
import type { GuestPlace, Trouble, Watch } from "../packer/guest-place";
import type { PackerCall } from "../packer/packer-call";
import { deadGuest, UNREACHABLE } from "../packer/watch";
import { MARK_PROPERTY } from "./build-mark";

const POLL_MS = 3000;
/** Nova gives a server its address before it starts it. */
const ADDRESS_MS = 60_000;
const GREETING_MS = 2000;
/** So much of a console is asked for, in lines. */
const CONSOLE_LINES = 200;

type Answer = keyof typeof UNREACHABLE;

/** Options of a {@link ServerPlace}. */
export interface ServerPlaceOptions extends Pick<PackerCall, "layer" | "machine" | "scratch" | "masker"> {
  readonly cloud: Cloud;
  /** The server's name. */
  readonly name: string;
  /** The mark on it, as text. */
  readonly mark: string;
  /** Whether Packer gets in by a floating address. */
  readonly floating: boolean;
  readonly progress: Progress;
  /** How often Nova is asked. @default 3000 in milliseconds */
  readonly pollMs?: number;
  /** How long a server that runs may be without an address. @default 60000 in milliseconds */
  readonly addressMs?: number;
}

/** One of them. */
export class ServerPlace implements GuestPlace {
  /** What Nova says of the server is asked for after Packer has ended; then it is removed with all else of this build. */
  readonly onError = "abort";
  readonly relayAddress = "";
  private server: Server | undefined;
  private console: readonly string[] = [];
  private answer: Answer | undefined;
  private glance: Glance | undefined;
  private hidden = false;

  constructor(private readonly options: ServerPlaceOptions) {}

  watch(onTrouble: (trouble: Trouble) => void): Watch {
    const { machine, pollMs = POLL_MS, addressMs = ADDRESS_MS } = this.options;
    const started = performance.now();
    const timeoutMs = machine.timeoutMinutes * 60_000;
    const state = { phase: "starting" as "starting" | "connected" | "halting", ended: false, activeSince: 0 };
    const look = async (): Promise<Trouble | undefined> => {
      if (performance.now() - started > timeoutMs) {
        return {
          what: `it took longer than ${duration(timeoutMs)}`,
          fix: "if it needs longer: --timeout <minutes> or VISA_BUILD_TIMEOUT (a single step: timeout of the provisioner)",
          exitCode: ExitCode.PACKER,
        };
      }
      // VISA's own list breaks on an image that is not active yet (contract 52).
      if (state.phase === "halting") await this.hideImage().catch(() => {});
      const before = this.server;
      // A Nova that is away for a while says nothing of the guest.
      if (!(await this.look()) || state.phase === "halting") return undefined;
      if (!this.server) return before && GONE;
      const { status } = this.server;
      if (status === "ERROR") return this.inError();
      if (status === "SHUTOFF" && state.phase === "connected") return SWITCHED_OFF;
      if (state.phase === "connected") return undefined;
      await this.readConsole().catch(() => {});
      const dead = this.console.map(deadGuest).find(Boolean);
      if (dead) return dead;
      if (status !== "ACTIVE") return undefined;
      state.activeSince ||= performance.now();
      const address = this.address();
      if (address) await this.probe(address);
      return !address && performance.now() - state.activeSince > addressMs ? WITHOUT_ADDRESS : undefined;
    };
    const run = async () => {
      while (!state.ended) {
        const trouble = await look();
        if (trouble && !state.ended) {
          state.ended = true;
          onTrouble(trouble);
        }
        for (const end = performance.now() + pollMs; !state.ended && performance.now() < end; ) await sleep(100);
      }
    };
    const running = run();
    const unreachable = () => (state.phase === "starting" && this.answer ? UNREACHABLE[this.answer] : undefined);
    return {
      connected() {
        state.phase = "connected";
      },
      halting() {
        state.phase = "halting";
      },
      // Nova shuts it down, before it makes an image of it.
      switchedOff: true,
      get unreachable() {
        return unreachable();
      },
      async stop() {
        state.ended = true;
        await running;
      },
    };
  }

  async words(): Promise<readonly string[]> {
    await this.look();
    await this.readConsole().catch(() => {});
    const fault = this.fault();
    return fault ? [`Nova said: ${fault}`] : [];
  }

  consoleTail(): readonly string[] {
    return this.console;
  }

  remedy(lines: readonly string[]): string | undefined {
    return remedyFor(lines.filter((line) => CLOUDS_WORDS.test(line)).join("\n"));
  }

  async leaveRunning(): Promise<void> {
    const { layer, scratch, progress } = this.options;
    await this.look();
    const address = this.address();
    if (!this.server || !address) {
      progress.warn(`the machine of "${layer.name}" does not run any more, so there is nothing to get into`);
      return;
    }
    const key = join(scratch.path, "build-key");
    progress.warn(
      [
        `the build of "${layer.name}" failed, and its server ${this.server.id} is left running`,
        `  get in:  ssh -i ${key} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@${address}`,
        "  end it:  Ctrl-C here, or shut it down in there; what you change in it is not kept",
      ].join("\n"),
    );
    while (this.server?.status === "ACTIVE") {
      await sleep(POLL_MS);
      await this.look();
    }
  }

  /** Asks Nova for the server. @returns whether Nova answered */
  private async look(): Promise<boolean> {
    const { cloud, name, mark } = this.options;
    try {
      const all = this.server ? [await cloud.nova.server(this.server.id)] : await cloud.nova.servers(`^${name}$`);
      this.server = all.find((each) => each?.metadata[MARK_PROPERTY] === mark);
      return true;
    } catch {
      return false;
    }
  }

  /** Nova makes its image for all of the project to see. */
  private async hideImage(): Promise<void> {
    if (this.hidden) return;
    this.glance ??= await this.options.cloud.glance();
    const [image] = await this.glance.images({ [MARK_PROPERTY]: this.options.mark });
    if (!image) return;
    await this.glance.update(image.id, { os_hidden: true });
    this.hidden = true;
  }

  private async readConsole(): Promise<void> {
    const { cloud, masker } = this.options;
    if (!this.server) return;
    const text = await cloud.nova.console(this.server.id, CONSOLE_LINES);
    this.console = text
      .split("\n")
      .map((line) => masker.mask(plainText(line).trimEnd()))
      .filter(Boolean);
  }

  private address(): string | undefined {
    const { floating } = this.options;
    const wanted = (this.server?.addresses ?? []).filter(({ kind }) => !floating || kind === "floating");
    return (wanted.find(({ version }) => version === 4) ?? wanted[0])?.address;
  }

  private async probe(address: string): Promise<void> {
    this.answer = await new Promise<Answer>((done) => {
      const socket = connect({ host: address, port: 22 });
      const end = (answer: Answer) => {
        socket.destroy();
        done(answer);
      };
      socket.setTimeout(GREETING_MS, () => end("silent"));
      socket.once("data", () => end("greets"));
      socket.once("error", (error: NodeJS.ErrnoException) => end(error.code === "ECONNREFUSED" ? "refused" : "silent"));
      socket.once("end", () => end("refused"));
    });
  }

  private inError(): Trouble {
    const fault = this.fault();
    return {
      what: `Nova could not start its server, or lost it${fault ? `: ${fault}` : " (ERROR, and no reason)"}`,
      fix: remedyFor(fault) ?? "ask whoever runs the cloud, with the server's id, which the log has",
      console: true,
      exitCode: ExitCode.PACKER,
    };
  }

  /** Nova's own words for a server that is in error; empty for none. */
  private fault(): string {
    return this.options.masker.mask(this.server?.fault ?? "");
  }
}

const GONE: Trouble = {
  what: "its server is gone: somebody has deleted it",
  fix: "build again",
  exitCode: ExitCode.PACKER,
};

const SWITCHED_OFF: Trouble = {
  what: "its server is shut off: the guest switched itself off, or its host stopped it",
  fix: "read the end of its console; build again",
  console: true,
  exitCode: ExitCode.PACKER,
};

const WITHOUT_ADDRESS: Trouble = {
  what: "Nova has started its server without an address: the network has none to give, or no floating one came",
  fix: "name a network with a subnet: --network, VISA_BUILD_NETWORK (openstack subnet list)",
  exitCode: ExitCode.PACKER,
};

/** Lines of Packer's that are about the cloud: a step in the guest may be refused a connection, too. */
const CLOUDS_WORDS =
  /Error (launching|waiting for|creating|initializing|getting|using|associating|stopping|searching|loading)|^Nova said: |Timeout waiting for SSH|re-?authenticate/i;

function remedyFor(text: string): string | undefined {
  return REMEDIES.find(([pattern]) => pattern.test(text))?.[1];
}

/** What to do about what the cloud says, in Packer's words or Nova's. */
const REMEDIES: readonly [RegExp, string][] = [
  [
    /Error associating floating IP/i,
    "a floating address leads to a network that a router connects with its pool, and not to the pool itself: another --network",
  ],
  [/requires a subnet/i, "a network with a subnet: --network, VISA_BUILD_NETWORK (openstack subnet list)"],
  [
    /Unable to find security_group/i,
    "--security-groups, VISA_BUILD_SECURITY_GROUPS: names or ids of the project's (openstack security group list)",
  ],
  [
    /Quota exceeded|OverQuota|exceeds? .*quota/i,
    "remove what nobody needs in the project, take a smaller flavour, or have the quota raised (openstack limits show --absolute)",
  ],
  [
    /No valid host/i,
    "no host of the cloud has room for the flavour, or is in that availability zone: another --flavor or --availability-zone, or later",
  ],
  [
    /\b401\b|re-?authenticate|Unauthorized|Authentication failed/i,
    "the sign-in does not hold: an application credential or a password lasts longer than a token",
  ],
  [
    /connection refused|connection reset|no such host|i\/o timeout|\bEOF\b|\b50[234]\b/i,
    "the cloud did not answer: see whether it is up, and build again",
  ],
  [
    /Timeout waiting for SSH/,
    "see that the network lets this machine reach the server's address at port 22: a network with a router and --floating-ip-pool, or a security group that lets SSH in",
  ],
];
