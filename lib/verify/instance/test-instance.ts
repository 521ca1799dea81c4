/**
 * A test instance: boots an overlay of a disk as Nova would, with VISA's instance metadata on a config drive, and makes
 * its ports reachable on loopback only. The disk itself is opened read-only and stays byte for byte as it was.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { VisaImageError } from "../../errors";
import { assetFolder } from "../../package-root";
import { cpuArgument } from "../../runner/host/accelerator";
import { tailOf } from "../../runner/output/tail";
import { Monitor, MonitorRefusal } from "../../runner/processes/qemu-monitor";
import { toolEnvironment } from "../../runner/processes/tool-environment";
import { readTool } from "../../runner/processes/tools";
import { shellWord } from "../../shell-word";
import type { DiskFormat, Firmware } from "../../specification";
import { firmwareArguments, VARIABLES_FILE } from "./firmware";
import { agentVendorData, GuestAgent, unixSocket } from "./guest-agent";
import { HostClock } from "./host-clock";
import type { Endpoint, Instance, InstanceDisk } from "./instance";
import { freePort } from "./ports";
import { qemuValue } from "./qemu-value";

/** Of the network interfaces. */
const ADDRESSES = ["fa:16:3e:00:00:01", "fa:16:3e:00:00:02"] as const;

/** Where the guest finds the disk that {@link TestInstance.plugInDisk} has plugged in. */
export const PLUGGED_DISK = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_verified";

/** So much of the serial console is looked at. */
const CONSOLE_BYTES = 1 << 20;

/** How long QEMU may take to open its sockets. */
const SOCKET_SECONDS = 60;

/** So much of it is kept as evidence. */
const EVIDENCE_BYTES = 16 << 20;

/** Options of {@link TestInstance.boot}. */
export interface TestInstanceOptions {
  /** The disk to boot an overlay of. */
  readonly disk: string;
  readonly format: DiskFormat;
  /** A folder for the overlay, the config drive, and the evidence (console.log, qemu.log). Made if it is missing. */
  readonly folder: string;
  /** Instance metadata, as VISA gives it to Nova: strings, at most 255 characters each. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** User data (the boot command). */
  readonly userData?: string;
  /** How the instance gets both: as VISA's clouds do it. @default "config-drive" */
  readonly source?: "config-drive" | "metadata-service";
  /** Whether to start an agent on the guest, which {@link TestInstance.guest} talks to. @default false */
  readonly agent?: boolean;
  /** A script that the agent's start runs first, as root, before anything else of the instance's. @default none */
  readonly early?: string;
  /** Guest ports to forward from free ports of 127.0.0.1. */
  readonly ports?: readonly number[];
  /** Network interfaces, of which the first has the forwarded ports. @default 1 */
  readonly interfaces?: 1 | 2;
  /** @default 2 */
  readonly cpus?: number;
  /** In MiB. @default 2048 */
  readonly memoryMb?: number;
  /** @default "tcg" */
  readonly accelerator?: "kvm" | "tcg";
  /** `uefi`: with Secure Boot on. @default "bios" */
  readonly firmware?: Firmware;
  /** By how many GiB the instance's disk is larger than the image's. @default 0 */
  readonly growByGb?: number;
  /** Whether the guest may open connections to the outside. @default false */
  readonly outgoing?: boolean;
}

/** A running QEMU. {@link TestInstance.stop} it, or use `await using`. */
export class TestInstance implements Instance, AsyncDisposable {
  /** QEMU gives all that a check may need. */
  readonly lacks = {};

  private constructor(
    /** The instance's own id, as Nova gives one. */
    readonly id: string,
    private readonly process: ChildProcess,
    private readonly forwards: ReadonlyMap<number, number>,
    /** Where the serial console is written. */
    readonly consoleFile: string,
    private readonly folder: string,
    /** Of the sockets: their paths may have 107 characters. */
    private readonly sockets: string,
    private readonly options: TestInstanceOptions,
  ) {
    this.clock = process.pid === undefined ? undefined : new HostClock(process.pid);
  }

  readonly clock: HostClock | undefined;

  private agent: GuestAgent | undefined;

  /**
   * Starts the instance and returns as soon as QEMU runs.
   *
   * @throws VisaImageError where QEMU ends at once; its message has QEMU's own words
   */
  static async boot(options: TestInstanceOptions): Promise<TestInstance> {
    const folder = resolve(options.folder);
    mkdirSync(folder, { recursive: true });
    const overlay = join(folder, "overlay.qcow2");
    rmSync(overlay, { force: true });
    const backing = ["-F", options.format, "-b", resolve(options.disk)];
    await readTool("qemu-img", ["create", "-q", "-f", "qcow2", ...backing, overlay]);
    const grown = `+${options.growByGb}G`;
    if (options.growByGb) await readTool("qemu-img", ["resize", "-q", "-f", "qcow2", overlay, grown]);
    const id = crypto.randomUUID();
    const data = makeMetadata(folder, id, options);
    const byDrive = options.source !== "metadata-service";
    const configDrive = byDrive ? await makeConfigDrive(folder) : undefined;
    const sockets = mkdtempSync(join(tmpdir(), "visa-verify-"));
    const forwards = new Map<number, number>();
    for (const port of options.ports ?? []) forwards.set(port, await freePort(undefined, [...forwards.values()]));
    const hostForwards = [...forwards].map(([guest, host]) => `,hostfwd=tcp:127.0.0.1:${host}-:${guest}`).join("");
    const service = byDrive ? "" : metadataNetwork(data);
    const consoleFile = join(folder, "console.log");
    writeFileSync(consoleFile, "");
    const accelerator = options.accelerator ?? "tcg";
    const args = [
      // The guest ends with this process, whatever ends it.
      ...["--pdeathsig", "KILL", "--", "qemu-system-x86_64"],
      // Its threads have names then: HostClock knows the processors by theirs.
      ...["-name", "debug-threads=on"],
      ...["-accel", accelerator, "-cpu", cpuArgument(accelerator)],
      ...(options.firmware === "uefi" ? firmwareArguments(folder) : []),
      ...["-smp", `${options.cpus ?? 2}`, "-m", `${options.memoryMb ?? 2048}`],
      ...["-drive", `file=${qemuValue(overlay)},if=virtio,format=qcow2,cache=unsafe,discard=unmap`],
      ...(configDrive
        ? ["-drive", `file=${qemuValue(configDrive)},if=virtio,format=raw,readonly=on`]
        : metadataService()),
      ...["-netdev", `user,id=net0,restrict=${options.outgoing ? "off" : "on"}${service}${hostForwards}`],
      // An address as Nova gives: what is for build machines alone does not help the image here.
      ...["-device", `virtio-net-pci,netdev=net0,mac=${ADDRESSES[0]}`, "-device", "virtio-rng-pci"],
      ...(options.interfaces === 2 ? secondInterface() : []),
      // As Nova starts its instances.
      ...["-nodefaults", "-display", "none", "-vga", "std"],
      ...["-chardev", `file,id=console,path=${qemuValue(consoleFile)}`, "-serial", "chardev:console"],
      ...["-chardev", `socket,id=qmp,path=${qemuValue(join(sockets, "qmp"))},server=on,wait=off`],
      ...["-mon", "chardev=qmp,mode=control"],
      ...["-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,name=visa.verify"],
      ...["-chardev", `socket,id=agent,path=${qemuValue(join(sockets, "agent"))},server=on,wait=off`],
      // For disks that are plugged in later. A PCI device of its own would change what is where in the guest's memory,
      // and QEMU 7.2 may crash on that under TCG (docs/decisions/verification.md).
      ...["-device", "virtio-scsi-pci,id=scsi"],
    ];
    const log = openSync(join(folder, "qemu.log"), "w");
    const process = spawn("setpriv", args, { stdio: ["ignore", log, log], env: toolEnvironment() });
    closeSync(log);
    const instance = new TestInstance(id, process, forwards, consoleFile, folder, sockets, options);
    await Promise.race([sleep(500), new Promise((done) => process.once("exit", done))]);
    instance.checkAlive();
    // On a busy machine QEMU may not have come so far.
    await instance.waitFor("socket of QEMU", SOCKET_SECONDS, async () => existsSync(join(sockets, "agent")));
    if (options.agent) {
      instance.agent = new GuestAgent(() => unixSocket(join(sockets, "agent")));
      await instance.agent.open();
    }
    return instance;
  }

  /** How the guest's code runs. */
  get accelerator(): "kvm" | "tcg" {
    return this.options.accelerator ?? "tcg";
  }

  /** The agent on the guest. Only with the option `agent`. */
  get guest(): GuestAgent {
    if (!this.agent) throw new VisaImageError("the test instance was started without an agent");
    return this.agent;
  }

  /**
   * Waits until the agent answers: early in the boot.
   *
   * @throws VisaImageError where the image's cloud-init or Python does not start it in time
   */
  async waitForGuest(timeoutSeconds: number): Promise<void> {
    await this.waitFor(
      "sign of life of the guest: its cloud-init did not run",
      timeoutSeconds,
      async () => this.guest.alive,
    );
  }

  /** Presses the power button, as Nova does, and waits until the instance is off. Says whether it went off in time. */
  async powerOff(timeoutSeconds: number): Promise<boolean> {
    await this.monitor((monitor) => monitor.execute("system_powerdown"));
    const end = performance.now() + timeoutSeconds * 1000;
    while (performance.now() < end) {
      if (this.ended) return this.process.exitCode === 0;
      await sleep(250);
    }
    return false;
  }

  /** Saves a picture of the instance's own screen (not of a desktop session) as PNG. */
  async screenshot(file: string): Promise<void> {
    await this.monitor((monitor) => monitor.execute("screendump", { filename: resolve(file), format: "png" }));
  }

  /**
   * Plugs in another disk, so that the guest can look at it as it is: {@link PLUGGED_DISK}.
   * {@link TestInstance.unplugDisk} it before a reboot: the image's own has a root file system of the same name.
   */
  async plugInDisk({ path, format, writable = false }: InstanceDisk & { writable?: boolean }): Promise<void> {
    await this.monitor(async (monitor) => {
      const file = { driver: "file", filename: resolve(path), "read-only": !writable };
      await monitor.execute("blockdev-add", { driver: format, "node-name": "verified", "read-only": !writable, file });
      const device = { driver: "scsi-hd", id: "verified-disk", bus: "scsi.0", drive: "verified", serial: "verified" };
      await monitor.execute("device_add", device);
    });
  }

  /** Takes out what {@link TestInstance.plugInDisk} put in; returns when the guest has let go of it. */
  async unplugDisk(): Promise<void> {
    await this.monitor((monitor) => monitor.execute("device_del", { id: "verified-disk" }));
    // As long as the guest has the device, the node is in use.
    await this.waitFor("disk let go of by the guest", 60, () =>
      this.monitor(async (monitor) => {
        try {
          await monitor.execute("blockdev-del", { "node-name": "verified" });
          return true;
        } catch (error) {
          if (error instanceof MonitorRefusal) return false;
          throw error;
        }
      }),
    );
  }

  private monitor<T>(use: (monitor: Monitor) => Promise<T>): Promise<T> {
    return this.ofRunning(async () => {
      const monitor = await Monitor.connect(join(this.sockets, "qmp"));
      try {
        return await use(monitor);
      } finally {
        monitor.close();
      }
    });
  }

  private get ended(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** The port of 127.0.0.1 that leads to a port of the guest. */
  port(guestPort: number): number {
    const port = this.forwards.get(guestPort);
    if (port === undefined) throw new VisaImageError(`port "${guestPort}" of the guest is not forwarded`);
    return port;
  }

  /** As {@link TestInstance.port}, with its host. */
  endpoint(guestPort: number): Endpoint {
    return { host: "127.0.0.1", port: this.port(guestPort) };
  }

  async ownAddress(): Promise<string> {
    return this.guest.text("hostname -I | cut -d' ' -f1");
  }

  /** What the serial console has shown last. */
  console(): string {
    return tailOf(this.consoleFile, CONSOLE_BYTES);
  }

  async readConsole(): Promise<string> {
    return tailOf(this.consoleFile, EVIDENCE_BYTES);
  }

  /** Waits until the console matches, and returns the match. */
  waitForConsole(pattern: RegExp, timeoutSeconds: number): Promise<RegExpMatchArray> {
    let size = -1;
    return this.waitFor(`${pattern} on the console`, timeoutSeconds, async () => {
      const before = size;
      size = statSync(this.consoleFile).size;
      return size === before ? undefined : this.console().match(pattern);
    });
  }

  /**
   * Asks `check` again and again until it answers something; the pause between two questions is short, since a boot is
   * what is waited for.
   *
   * @throws VisaImageError when the time is up or QEMU ends, with the end of the console
   */
  async waitFor<T>(
    what: string,
    timeoutSeconds: number,
    check: () => Promise<T | null | undefined | false>,
  ): Promise<T> {
    const end = performance.now() + timeoutSeconds * 1000;
    for (;;) {
      this.checkAlive();
      const answer = await this.ofRunning(check);
      if (answer) return answer;
      if (performance.now() > end) {
        throw new VisaImageError(`no ${what} after ${timeoutSeconds} s; the console ends with:\n${this.consoleEnd()}`, {
          fix: `read ${this.consoleFile}`,
        });
      }
      await sleep(250);
    }
  }

  /** Ends the instance at once; the evidence stays, the overlay does not. */
  async stop(): Promise<void> {
    this.clock?.stop();
    this.agent?.close();
    if (!this.ended) {
      const ended = new Promise((done) => this.process.once("exit", done));
      this.process.kill("SIGKILL");
      await ended;
    }
    for (const name of ["overlay.qcow2", "config-drive.iso", "metadata", VARIABLES_FILE]) {
      rmSync(join(this.folder, name), { recursive: true, force: true });
    }
    rmSync(this.sockets, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** What is asked of an instance; where QEMU has ended meanwhile, its own words say more than what came of that. */
  private async ofRunning<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      // It is known a moment later.
      await sleep(250);
      this.checkAlive();
      throw error;
    }
  }

  private checkAlive(): void {
    if (!this.ended) return;
    const { signalCode } = this.process;
    const words = tailOf(join(this.folder, "qemu.log"), 4096).trim() || "QEMU said nothing";
    throw new VisaImageError(`the test instance ended by itself: ${words}${signalCode ? ` (${signalCode})` : ""}`, {
      fix: `read ${this.consoleFile}`,
    });
  }

  private consoleEnd(): string {
    return tailOf(this.consoleFile, 16 << 10)
      .split("\n")
      .slice(-15)
      .join("\n");
  }
}

/** What an instance is told, as files below `openstack/`: on a config drive and behind Nova's metadata service alike. */
function makeMetadata(folder: string, id: string, options: TestInstanceOptions): string {
  const data = join(folder, "metadata");
  rmSync(data, { recursive: true, force: true });
  const latest = join(data, "openstack", "latest");
  mkdirSync(latest, { recursive: true });
  const document = {
    uuid: id,
    name: "image-check",
    hostname: "image-check",
    availability_zone: "nova",
    meta: options.metadata ?? {},
  };
  const write = (name: string, text: string) => writeFileSync(join(latest, name), text, { mode: 0o600 });
  write("meta_data.json", JSON.stringify(document));
  if (options.userData !== undefined) write("user_data", options.userData);
  // Nova always says it; without it cloud-init sets one interface up, and leaves others alone.
  if (options.interfaces === 2) write("network_data.json", JSON.stringify(networkData()));
  if (options.agent) write("vendor_data.json", JSON.stringify(agentVendorData(options.early)));
  // What the service answers where a folder is asked for.
  writeFileSync(join(data, "openstack", ".index"), "latest\n");
  writeFileSync(join(latest, ".index"), "");
  return data;
}

/** What Nova says of an instance that has a port in each of two networks. */
function networkData(): object {
  return {
    links: ADDRESSES.map((address, index) => ({
      ...{ id: `tap${index}`, type: "ovs", mtu: 1500, ethernet_mac_address: address },
    })),
    networks: ADDRESSES.map((_, index) => ({ id: `network${index}`, link: `tap${index}`, type: "ipv4_dhcp" })),
    services: [],
  };
}

/** In a network of its own. */
function secondInterface(): string[] {
  const device = `virtio-net-pci,netdev=net1,mac=${ADDRESSES[1]}`;
  return ["-netdev", "user,id=net1,restrict=on,net=10.0.3.0/24", "-device", device];
}

/** Makes a config drive as Nova does: an ISO labelled `config-2` with `openstack/latest/`. */
async function makeConfigDrive(folder: string): Promise<string> {
  const iso = join(folder, "config-drive.iso");
  const args = ["-as", "mkisofs", "-quiet", "-V", "config-2", "-J", "-r", "-o", iso, join(folder, "metadata")];
  await readTool("xorriso", args);
  return iso;
}

/** The metadata service knows an instance by its firmware: cloud-init asks it only on what calls itself Nova. */
function metadataService(): string[] {
  return ["-smbios", "type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova"];
}

/**
 * QEMU's network with the metadata service at its address. QEMU forwards only addresses of the guest's own network, so
 * that is the service's; nothing listens on the host, for a program answers each connection.
 */
function metadataNetwork(data: string): string {
  const program = join(assetFolder(join("verify", "guest")), "metadata-service.sh");
  return [
    ",net=169.254.0.0/16,host=169.254.0.2,dns=169.254.0.3,dhcpstart=169.254.0.15",
    qemuValue(`guestfwd=tcp:169.254.169.254:80-cmd:bash ${shellWord(program)} ${shellWord(data)}`),
  ].join(",");
}
