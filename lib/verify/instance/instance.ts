/** What checks use of a running instance of an image, whoever runs it: QEMU on this machine, or a cloud's Nova. */
import type { GuestAgent } from "./guest-agent";
import type { HostClock } from "./host-clock";

/** What only some can give, and a check says that it needs. */
export type Need =
  /** To look at the image's own disk, which no boot has touched, from inside. */
  | "disk"
  /** To press the power button, and to see that the guest itself goes off. */
  | "power button"
  /** To run programs inside, as root. */
  | "agent";

/** A disk that an instance can be given beside its own. */
export interface InstanceDisk {
  readonly path: string;
  readonly format: "raw" | "qcow2";
}

/** Where something is reached. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** A running instance. {@link Instance.stop} it. */
export interface Instance {
  /** The instance's own id, as Nova gives one. */
  readonly id: string;
  /** How the guest's code runs: without KVM all takes many times as long. */
  readonly accelerator: "kvm" | "tcg";
  /** What it cannot give, and why: a check that needs it does not apply. */
  readonly lacks: Readonly<Partial<Record<Need, string>>>;
  /** What its times are worth on this machine. @default - it runs elsewhere */
  readonly clock?: HostClock;
  /** The agent on the guest. @throws NotApplicable where there is none */
  readonly guest: GuestAgent;
  /** From where a port of the guest is reached. */
  endpoint(guestPort: number): Endpoint;
  /** The guest's address in its own network, which VISA has guacd connect to. */
  ownAddress(): Promise<string>;
  /** What the serial console has shown, or its end. */
  readConsole(): Promise<string>;
  /** Saves a picture of its own screen as PNG. @throws Error where it has none */
  screenshot(file: string): Promise<void>;
  /** Waits until the agent answers. @throws VisaImageError where it does not in time */
  waitForGuest(timeoutSeconds: number): Promise<void>;
  /** Asks again and again until there is an answer. @throws VisaImageError when the time is up, or the instance has ended */
  waitFor<T>(what: string, timeoutSeconds: number, check: () => Promise<T | null | undefined | false>): Promise<T>;
  /** Presses the power button, and says whether it went off in time. Needs the power button. */
  powerOff(timeoutSeconds: number): Promise<boolean>;
  /** Plugs in another disk. Needs the disk. */
  plugInDisk(disk: InstanceDisk & { readonly writable?: boolean }): Promise<void>;
  /** Takes it out again. */
  unplugDisk(): Promise<void>;
  /** Ends it. */
  stop(): Promise<void>;
}
