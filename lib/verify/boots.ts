/** The boots that an image is looked at in: what each instance is told, and how it is started. */
import { join } from "node:path";
import type { ImageRelease } from "../runner/guest/image-release";
import type { DiskFormat, Firmware } from "../specification";
import { PROMISED_PORTS } from "../visa-protocols";
import type { BootStandard } from "./boot-report";
import { type BootName, Subject } from "./checks/subject";
import { TestInstance, type TestInstanceOptions } from "./instance/test-instance";
import { makeTokenKeyPair } from "./token";

/** What is booted, and where. */
export interface BootOptions {
  readonly disk: string;
  readonly format: DiskFormat;
  /** The boot command of the `main` boot. */
  readonly bootCommand: string;
  readonly accelerator: "kvm" | "tcg";
  /** Where the instance lives, in a folder of the boot's name, and goes from. */
  readonly scratch: string;
  /** Where evidence stays. */
  readonly reports: string;
  /** What the image has to say of itself. @default - it was not built here, or says nothing yet */
  readonly release?: ImageRelease;
  /** What the checks' times are multiplied by. @default 1 */
  readonly patience?: number;
  /** What the image is booted by, but on the boot `uefi`. @default "bios" */
  readonly firmware?: Firmware;
  /** What the boot's times are compared with. @default - nothing */
  readonly standard?: BootStandard;
}

/** How long a boot may take, in seconds: without KVM a slow machine takes minutes. */
export const BOOT_SECONDS = 420;

/** A legal name of 32 characters, which the owner of `bare` has. */
export const ODD_NAME = "0a.b-c_d.9012345678901234567.xyz";

/** The original's boot command: creates the user, and leaves the key to the image. */
const ORIGINAL_BOOT_COMMAND = `#!/bin/bash
owner=$(cloud-init query ds.meta_data.meta.owner)
useradd -m -s /bin/bash "$owner"
`;

/** As VISA's API server sends them. */
export const METADATA = {
  ...{ id: "4711", uid: "verify", screenWidth: "1280", screenHeight: "720", keyboardLayout: "en-gb-qwerty" },
  ...{ instruments: "D22", proposals: "9-10-1500" },
};

/** Starts an instance, and returns as soon as QEMU runs. {@link Subject.stop} it. */
export async function startBoot(boot: BootName, options: BootOptions): Promise<Subject> {
  const { disk, format, accelerator, reports, patience, release, firmware, standard } = options;
  const keys = makeTokenKeyPair();
  const told = toldOn(boot, options.bootCommand, keys.publicKey);
  const folder = join(options.scratch, `verify-${boot}`);
  // The root file system has to grow: a short disk has hardly more than its data.
  const grown = { growByGb: 2 };
  const common = { disk, format, accelerator, firmware, folder, ports: [22, ...PROMISED_PORTS], agent: true, ...grown };
  const instance = await TestInstance.boot({ ...common, ...told });
  return new Subject({
    ...{ boot, instance, metadata: told.metadata, keys, folder, reports, patience, release, standard },
    image: { path: disk, format },
  });
}

function toldOn(boot: BootName, bootCommand: string, publicKey: string) {
  const bake = `mkdir -p /etc/visa
printf '%s' '${publicKey}' > /etc/visa/public.pem
sha256sum < /etc/visa/public.pem > /run/visa-verify/baked`;
  const told = {
    main: {
      metadata: { ...METADATA, owner: "ada.lovelace", pamPublicKey: publicKey },
      userData: bootCommand,
    },
    service: {
      source: "metadata-service",
      metadata: { ...METADATA, owner: "grace" },
      userData: ORIGINAL_BOOT_COMMAND,
      early: bake,
    },
    bare: { metadata: { ...METADATA, id: "4712", owner: ODD_NAME, pamPublicKey: publicKey }, interfaces: 2 },
    uefi: { metadata: { ...METADATA, id: "4713", owner: "lise", pamPublicKey: publicKey }, firmware: "uefi" },
    ownerless: { metadata: { ...METADATA, pamPublicKey: publicKey } },
  } satisfies Record<BootName, Partial<TestInstanceOptions>>;
  return told[boot];
}
