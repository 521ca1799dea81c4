/** What a check of one assertion is given, and how it answers. */

import type { VerifyProfile } from "../../contract";
import { VisaImageError } from "../../errors";
import type { Desktop } from "../guacamole/client";
import { connectDesktop } from "../guacamole/client";
import type { GuestAgent } from "../instance/guest-agent";
import type { TestInstance } from "../instance/test-instance";
import { makeToken, type TokenKeyPair, type TokenOptions } from "../token";

/**
 * The boots of the full profile. `main`, the gate's only one: config drive, this package's boot command, a key in the
 * metadata. `service`: metadata service, the original's boot command, a baked key and none in the metadata. `bare`: no
 * user data, an odd name. `ownerless`: metadata without an owner.
 */
export type BootName = "main" | "service" | "bare" | "ownerless";

/** One look at one assertion, on one boot. An assertion may take several. */
export interface Check {
  readonly assertion: number;
  readonly boot: BootName;
  /** `gate`: looked at in both profiles. */
  readonly profile: VerifyProfile;
  /** Whether it comes after all that looks at the boot as it is, the templates' own checks too. @default false */
  readonly late?: true;
  /**
   * Ends well where the assertion holds, and may return what was seen.
   *
   * @throws NotApplicable where the image has no such thing
   * @throws Error where the assertion does not hold; its message is the reason
   */
  run(subject: Subject): Promise<string | undefined>;
}

/** How often a boot is asked whether it has ended: the question takes time from it. */
const LOOK_SECONDS = 5;

/** The image does not have what an assertion is about. */
export class NotApplicable extends Error {}

/** A running instance of the image. */
export class Subject {
  private session: Desktop | undefined;

  constructor(
    readonly boot: BootName,
    readonly instance: TestInstance,
    readonly metadata: Readonly<Record<string, string>>,
    /** The pair whose public half the instance was given. */
    readonly keys: TokenKeyPair,
    /** For evidence. */
    readonly folder: string,
  ) {}

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
    if (!this.owner) return;
    let lookAgain = performance.now() + LOOK_SECONDS * 1000;
    await this.instance.waitFor("owner", timeoutSeconds, async () => {
      if ((await this.guest.events()).owner !== undefined) return true;
      if (performance.now() < lookAgain) return false;
      lookAgain = performance.now() + LOOK_SECONDS * 1000;
      const ended = /^(running|degraded)/.test((await this.guest.run("systemctl is-system-running")).stdout);
      const there = (await this.guest.run(`getent passwd '${this.owner}'`)).code === 0;
      expect(there || !ended, `the boot has ended, and nothing has made the owner "${this.owner}"`);
      return ended;
    });
  }

  /** A token as VISA makes them, for the owner and now unless told otherwise. */
  token(options: Partial<TokenOptions> = {}): string {
    return makeToken({ user: this.owner, privateKey: this.keys.privateKey, ...options });
  }

  /** Connects to the desktop as VISA does. */
  async connect(options: { width?: number; height?: number; layout?: string; timeoutSeconds?: number } = {}) {
    const { width = 1280, height = 720, layout = "en-gb-qwerty", timeoutSeconds = 90 } = options;
    const rdpHost = await this.guest.text("hostname -I | cut -d' ' -f1");
    return connectDesktop({
      ...{ host: "127.0.0.1", port: this.instance.port(4822), rdpHost },
      ...{ user: this.owner, password: this.token(), width, height, layout, timeoutSeconds },
    });
  }

  /** The first connection, which later checks look at too. */
  async desktop(): Promise<Desktop> {
    this.session ??= await this.connect();
    return this.session;
  }

  /** Ends what was opened on the way. */
  close(): void {
    this.session?.close();
  }
}

/** @throws VisaImageError with the reason, unless the condition holds */
export function expect(condition: unknown, reason: string): asserts condition {
  if (!condition) throw new VisaImageError(reason);
}
