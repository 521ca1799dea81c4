/** An instance of a registered image, run by a cloud's Nova: what the checks use of it. */
import { BlockList, isIPv6 } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { type Server, type ServerAddress, serverFault } from "../../cloud/compute";
import { VisaImageError } from "../../errors";
import type { VisaProtocol } from "../../visa-protocols";
import { GuestAgent } from "../instance/guest-agent";
import type { Endpoint, Instance, Need } from "../instance/instance";
import { NotApplicable } from "../not-applicable";
import { answers, PortWatch } from "./port-watch";
import { type HostKey, readConsoleWords, SshAccess } from "./ssh";
import type { Trial, TrialPlace, TrialRequest } from "./trial";
import { trialUserData } from "./user-data";

/** What {@link NovaInstance.boot} is told. */
export interface NovaInstanceOptions extends Omit<TrialRequest, "userData"> {
  readonly place: TrialPlace;
  /** The image's boot command, as VISA sends it. */
  readonly bootCommand: string;
  /** What VISA would look at. */
  readonly protocols: readonly VisaProtocol[];
  /** The instance's own, for its key. */
  readonly folder: string;
  /** Called as things happen. */
  readonly onMessage?: (text: string) => void;
}

/** How often Nova is asked for the state, in milliseconds: it may be a busy one. */
const STATE_MS = 10_000;
const CONSOLE_MS = 3000;
/** How long a session of ssh may take until the agent has said hello. */
const HELLO_SECONDS = 60;
/** So long an sshd answers before one does without a key on the console: some images have no serial console. */
const UNTOLD_SECONDS = 90;

const SIGN_OF_LIFE = "sign of life of the guest";

/** States in which an instance runs, or is about to. */
const RUNNING = ["ACTIVE", "REBOOT", "HARD_REBOOT"];

/** A running instance. {@link NovaInstance.stop} it. */
export class NovaInstance implements Instance {
  readonly id: string;
  /** Unknown until the guest says it. */
  accelerator: "kvm" | "tcg" = "kvm";
  readonly watch: PortWatch;
  private missing: Partial<Record<Need, string>> = {
    disk: "a cloud shows no disk that was not booted: the gate looks at it, before the upload",
    "power button": "Nova switches off what does not go off by itself, and does not say which it was",
  };
  private agent: GuestAgent;
  private looked = performance.now();
  private hostKey: HostKey | undefined;
  private sshdSince: number | undefined;

  private constructor(
    readonly server: Server,
    /** Where it is reached from here. */
    readonly address: string,
    private readonly fixed: string,
    private readonly trial: Trial,
    private readonly ssh: SshAccess,
    private readonly options: NovaInstanceOptions,
    requested: number,
  ) {
    this.id = server.id;
    this.agent = new GuestAgent(
      () => ssh.connect(address, this.hostKey),
      "the connection to the instance has ended, and nothing answers by it any more",
    );
    this.watch = new PortWatch(address, options.protocols, requested);
  }

  /**
   * Has the instance made, and returns as soon as Nova says ACTIVE.
   *
   * @param trial what is removed in the end, also where this fails
   * @throws VisaImageError where Nova refuses or gives up, with its words and the end of the console
   */
  static async boot(trial: Trial, options: NovaInstanceOptions): Promise<NovaInstance> {
    const { place, bootCommand, onMessage = () => {} } = options;
    const ssh = await SshAccess.make(options.folder);
    const requested = performance.now();
    const id = await trial.request({ ...options, userData: trialUserData(bootCommand, ssh.publicKey) });
    onMessage(`Nova makes the instance "${trial.name}", ${id}`);
    const server = await trial.waitUntilActive(id);
    const fixed = fixedAddress(server.addresses);
    const pool = place.floatingPool;
    const reached = !pool || isNear(fixed, networkInterfaces()) ? fixed : await trial.takeFloatingIp(id, pool);
    const seconds = Math.round((performance.now() - requested) / 1000);
    onMessage(`ACTIVE by Nova after ${seconds} s, reached at ${reached}`);
    return new NovaInstance(server, reached, fixed, trial, ssh, options, requested);
  }

  get lacks(): Readonly<Partial<Record<Need, string>>> {
    return this.missing;
  }

  get guest(): GuestAgent {
    if (this.missing.agent) throw new NotApplicable(this.missing.agent);
    return this.agent;
  }

  endpoint(port: number): Endpoint {
    return { host: this.address, port };
  }

  async ownAddress(): Promise<string> {
    return this.fixed;
  }

  readConsole(): Promise<string> {
    return this.trial.console();
  }

  async screenshot(): Promise<void> {
    throw new NotApplicable("Nova makes no pictures of a screen");
  }

  async waitForGuest(timeoutSeconds: number): Promise<void> {
    let lookAgain = 0;
    let console = "";
    let untold = false;
    try {
      await this.waitFor(SIGN_OF_LIFE, timeoutSeconds, async () => {
        if (this.agent.alive || this.missing.agent) return true;
        if (this.agent.connected) return false;
        if (performance.now() >= lookAgain) {
          lookAgain = performance.now() + CONSOLE_MS;
          console = await this.trial.console();
          const words = readConsoleWords(console);
          this.hostKey = words.hostKey;
          if (words.withoutSshd)
            this.missing.agent = "the image has no sshd, by which alone one looks inside on a cloud";
          untold = !this.hostKey && (await this.sshdFor(UNTOLD_SECONDS));
        }
        if (this.hostKey || untold) await this.connect();
        return this.agent.alive;
      });
    } catch (error) {
      throw this.withReason(error as VisaImageError, console);
    }
    if (this.missing.agent) return this.options.onMessage?.(`nothing is looked at inside: ${this.missing.agent}`);
    if (untold) {
      this.options.onMessage?.("the console does not tell sshd's host key: the one that was shown first is taken");
    }
    const { stdout } = await this.agent.run("systemd-detect-virt");
    this.accelerator = stdout.trim() === "qemu" ? "tcg" : "kvm";
  }

  async waitFor<T>(
    what: string,
    timeoutSeconds: number,
    check: () => Promise<T | null | undefined | false>,
  ): Promise<T> {
    const end = performance.now() + timeoutSeconds * 1000;
    for (;;) {
      await this.checkState();
      const answer = await check();
      if (answer) return answer;
      if (performance.now() > end) {
        const shown = await this.trial.consoleEnd();
        throw new VisaImageError(`no ${what} after ${timeoutSeconds} s; the console ends with:\n${shown}`);
      }
      await sleep(500);
    }
  }

  async powerOff(): Promise<boolean> {
    throw new NotApplicable(this.missing["power button"]);
  }

  async plugInDisk(): Promise<void> {
    throw new NotApplicable(this.missing.disk);
  }

  async unplugDisk(): Promise<void> {}

  /** Ends the connections from here; the instance runs on. */
  close(): void {
    this.watch.stop();
    this.agent.close();
  }

  /** @throws VisaImageError with commands for what is left in the cloud */
  async stop(): Promise<void> {
    this.close();
    const left = await this.trial.remove();
    if (left.length === 0) return;
    throw new VisaImageError(`the test instance left something in the cloud: ${left.join("; ")}`, {
      fix: "remove it by these commands",
    });
  }

  /** Opens a session, and waits for the agent's hello, or its end. */
  private async connect(): Promise<void> {
    await this.agent.open();
    const end = performance.now() + HELLO_SECONDS * 1000;
    while (this.agent.connected && !this.agent.alive && performance.now() < end) await sleep(100);
  }

  /** Whether something has answered on the port of ssh for so long. */
  private async sshdFor(seconds: number): Promise<boolean> {
    if (!(await answers(this.address, 22))) return false;
    this.sshdSince ??= performance.now();
    return performance.now() - this.sshdSince > seconds * 1000;
  }

  /** What there is to say of a guest that was not reached. */
  private withReason(error: VisaImageError, console: string): VisaImageError {
    const { message } = error;
    // An instance that has ended says so itself.
    if (!message.startsWith(`no ${SIGN_OF_LIFE}`)) return error;
    const { hostKey, started } = readConsoleWords(console);
    if (!started && !this.ssh.lastWords) {
      return new VisaImageError(
        `${message}\nits cloud-init did not run the user data, or the console does not show it`,
        {
          fix: "see the console among the evidence; look at the image with the gate first: visa-image verify",
        },
      );
    }
    const words = this.ssh.lastWords ? `ssh says: ${this.ssh.lastWords}` : "ssh says nothing";
    return new VisaImageError(`${message}\n${hostKey ? "sshd runs, and " : ""}${words}`, {
      fix: `see whether this machine reaches ${this.address} on port 22 (else --floating-ip-pool), and whether the image's sshd lets root in by a key`,
    });
  }

  /** @throws VisaImageError where the instance no longer runs */
  private async checkState(): Promise<void> {
    if (performance.now() - this.looked < STATE_MS) return;
    this.looked = performance.now();
    const { nova, flavor } = this.trial.place;
    const server = await nova.server(this.id);
    if (server && RUNNING.includes(server.status)) return;
    if (server?.status === "ERROR") throw serverFault(server, flavor, await this.trial.consoleEnd());
    throw new VisaImageError(`the instance ended by itself: ${server?.status ?? "it was deleted"}`, {
      fix: "see the console among the evidence",
    });
  }
}

function fixedAddress(addresses: readonly ServerAddress[]): string {
  const fixed = addresses.filter(({ kind }) => kind === "fixed");
  const found = fixed.find(({ version }) => version === 4) ?? fixed[0];
  if (found) return found.address;
  throw new VisaImageError("the instance is ACTIVE, and has no address", {
    fix: "take a network that has a subnet: openstack network show",
  });
}

/** Whether a machine with these interfaces is in the network of an address: it then needs no other one. */
export function isNear(address: string, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): boolean {
  const near = new BlockList();
  for (const { cidr, internal } of Object.values(interfaces).flatMap((each) => each ?? [])) {
    const [net = "", prefix] = (cidr ?? "").split("/");
    if (!internal && prefix) near.addSubnet(net, Number(prefix), isIPv6(net) ? "ipv6" : "ipv4");
  }
  return near.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}
