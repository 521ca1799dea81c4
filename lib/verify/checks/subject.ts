/** What a check looks at: a running instance of the image, and the image's disk as it will be registered. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { VisaImageError } from "../../errors";
import type { ImageRelease } from "../../runner/guest/image-release";
import { type BootReport, type BootStandard, bootReport, SHOW_UNITS, unitSeconds } from "../boot-report";
import { connectDesktop, type Desktop } from "../guacamole/client";
import type { GuestAgent } from "../instance/guest-agent";
import type { Instance, InstanceDisk } from "../instance/instance";
import { type RdpAnswer, rdpAnswer } from "../rdp";
import { makeToken, type TokenKeyPair, type TokenOptions } from "../token";

/** The boots of the full profile. The short ones first: `main` ends with the instance switched off. */
export const BOOTS = ["uefi", "service", "bare", "ownerless", "main"] as const;

/**
 * One of them. `main`, the gate's only one: config drive, this package's boot command, a key in the metadata. `service`:
 * metadata service, the original's boot command, a baked key and none in the metadata. `bare`: no user data, an odd name, two network interfaces.
 * `ownerless`: metadata without an owner. `uefi`: as `bare` with one interface, by UEFI with Secure Boot on.
 */
export type BootName = (typeof BOOTS)[number];

/** How often a boot is asked whether it has ended: the question takes time from it. */
const LOOK_SECONDS = 5;

/** Options of {@link Subject.connect}. */
export interface ConnectOptions {
  /** In pixels. @default 1280 */
  readonly width?: number;
  /** In pixels. @default 720 */
  readonly height?: number;
  /** Guacamole's name of a keyboard layout. @default "en-gb-qwerty" */
  readonly layout?: string;
  /** Bits of a pixel. @default 16 */
  readonly colorDepth?: 16 | 24;
}

/** What a {@link Subject} is made of. */
export interface SubjectOptions {
  readonly boot: BootName;
  readonly instance: Instance;
  readonly metadata: Readonly<Record<string, string>>;
  /** The pair whose public half the instance was given. */
  readonly keys: TokenKeyPair;
  /** The image's disk, which no boot has touched. @default - it is not here */
  readonly image?: InstanceDisk;
  /** What the image has to say of itself. @default - it was not built here, or says nothing yet */
  readonly release?: ImageRelease;
  /** The instance's own, which goes with it. */
  readonly folder: string;
  /** Where evidence stays. */
  readonly reports: string;
  /** What the names of its files begin with. @default - the boot's name */
  readonly evidence?: string;
  /** What the checks' times are multiplied by. @default 1 */
  readonly patience?: number;
  /** What the boot's times are compared with. @default - nothing */
  readonly standard?: BootStandard;
}

/** A running instance of the image. {@link Subject.stop} it, or use `await using`. */
export class Subject implements AsyncDisposable {
  readonly boot: BootName;
  readonly instance: Instance;
  readonly metadata: Readonly<Record<string, string>>;
  readonly keys: TokenKeyPair;
  readonly image: InstanceDisk | undefined;
  readonly release: ImageRelease | undefined;
  readonly reports: string;
  readonly standard: BootStandard | undefined;
  private session: Desktop | undefined;
  private measured: BootReport | undefined;

  constructor(private readonly options: SubjectOptions) {
    this.boot = options.boot;
    this.instance = options.instance;
    this.metadata = options.metadata;
    this.keys = options.keys;
    this.image = options.image;
    this.release = options.release;
    this.reports = options.reports;
    this.standard = options.standard;
  }

  /** The same instance, looked at anew: without the connection that earlier checks opened. */
  anew(other: Partial<Pick<SubjectOptions, "image" | "patience">> = {}): Subject {
    return new Subject({ ...this.options, ...other });
  }

  get guest(): GuestAgent {
    return this.instance.guest;
  }

  /** The owner's name; empty where there is none. */
  get owner(): string {
    return this.metadata.owner ?? "";
  }

  /**
   * Waits until the agent answers, and then until the owner exists.
   *
   * @throws VisaImageError when the time, which each of the two has, is up, or the boot ends without an owner
   */
  async waitForOwner(timeoutSeconds: number): Promise<void> {
    await this.instance.waitForGuest(timeoutSeconds);
    if (!this.owner || this.instance.lacks.agent) return;
    let lookAgain = performance.now() + LOOK_SECONDS * 1000;
    await this.instance.waitFor("owner", timeoutSeconds, async () => {
      if ((await this.guest.events()).owner !== undefined) return true;
      if (performance.now() < lookAgain) return false;
      lookAgain = performance.now() + LOOK_SECONDS * 1000;
      const ended = /^(running|degraded)/.test((await this.guest.run("systemctl is-system-running")).stdout);
      const there = (await this.guest.run(`getent passwd '${this.owner}'`)).code === 0;
      if (ended && !there) {
        throw new VisaImageError(`the boot has ended, and nothing has made the owner "${this.owner}"`);
      }
      return ended;
    });
  }

  /** How long a check waits for what takes so many seconds at most. */
  seconds(most: number): number {
    return most * (this.options.patience ?? 1);
  }

  /** Asks again and again until there is an answer. @throws VisaImageError when the time is up */
  waitFor<T>(what: string, seconds: number, check: () => Promise<T | null | undefined | false>): Promise<T> {
    return this.instance.waitFor(what, this.seconds(seconds), check);
  }

  /** Waits until xrdp answers an RDP negotiation (assertion 13). A mere connection proves nothing: QEMU accepts it. */
  waitForRdp(): Promise<RdpAnswer> {
    const where = this.instance.endpoint(3389);
    return this.waitFor("answer of the RDP server", 120, () => rdpAnswer({ ...where, timeoutSeconds: 10 }));
  }

  /** A token as VISA makes them, for the owner and now unless told otherwise. */
  token(options: Partial<TokenOptions> = {}): string {
    return makeToken({ user: this.owner, privateKey: this.keys.privateKey, ...options });
  }

  /** Connects to the desktop as VISA does. */
  async connect(options: ConnectOptions = {}): Promise<Desktop> {
    const { width = 1280, height = 720, layout = "en-gb-qwerty", colorDepth } = options;
    const rdpHost = await this.instance.ownAddress();
    return connectDesktop({
      ...{ ...this.instance.endpoint(4822), rdpHost },
      ...{
        user: this.owner,
        password: this.token(),
        width,
        height,
        layout,
        colorDepth,
        timeoutSeconds: this.seconds(90),
      },
    });
  }

  /** The first connection, which later checks look at too. */
  async desktop(): Promise<Desktop> {
    this.session ??= await this.connect();
    return this.session;
  }

  /** Ends the connection that {@link Subject.desktop} opened. */
  close(): void {
    this.session?.close();
    this.session = undefined;
  }

  /** What {@link Subject.measureBoot} has found; undefined before. */
  get bootReport(): BootReport | undefined {
    return this.measured;
  }

  /**
   * How long the boot took, of what has come so far: the first picture only where {@link Subject.desktop} was asked for.
   */
  async measureBoot(): Promise<BootReport> {
    if (this.measured) return this.measured;
    const { clock } = this.instance;
    if (!clock) throw new VisaImageError("the instance does not run on this machine: its times are worth nothing");
    const units = unitSeconds(await this.guest.text(SHOW_UNITS));
    const { owner, "3389": rdp, "4822": guacd } = await this.guest.events();
    const ports = rdp !== undefined && guacd !== undefined ? Math.max(rdp, guacd) : undefined;
    const since = (began: number | undefined, seconds: number | undefined) =>
      began === undefined || seconds === undefined
        ? undefined
        : { seconds, own: clock.ownSeconds(began, began + seconds * 1000) };
    this.measured = bootReport(clock.yardstickSeconds(), units, {
      owner: since(this.guest.bootBegan, owner),
      ports: since(this.guest.bootBegan, ports),
      firstPicture: since(this.session?.started, this.session?.firstPictureSeconds),
    });
    return this.measured;
  }

  /** Keeps what a person needs to understand a failure: the screen and the journal. */
  async keepEvidence(): Promise<void> {
    await this.instance.screenshot(this.evidenceFile("screen.png")).catch(() => {});
    const read = async () => this.guest.run("journalctl --boot --no-pager --output=short-monotonic");
    const journal = await read().catch(() => undefined);
    if (journal?.stdout) writeFileSync(this.evidenceFile("journal.txt"), journal.stdout);
  }

  /** Keeps the end of what the console has shown. */
  async keepConsole(): Promise<void> {
    writeFileSync(this.evidenceFile("console.log"), await this.instance.readConsole());
  }

  private evidenceFile(name: string): string {
    return join(this.reports, `${this.options.evidence ?? this.boot}-${name}`);
  }

  /** Ends the instance, and removes its folder. */
  async stop(): Promise<void> {
    this.close();
    await this.instance.stop();
    rmSync(this.options.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
