/**
 * A test machine: boots an overlay of a disk as Nova would, with VISA's instance metadata on a config drive, and makes
 * its ports reachable on loopback only. The disk itself is opened read-only and stays byte for byte as it was.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { cpuModel } from "../build/accelerator";
import { VisaImageError } from "../errors";
import type { DiskFormat } from "../specification";
import { rdpAnswer } from "./rdp";

/** Options of {@link TestMachine.boot}. */
export interface TestMachineOptions {
  /** The disk to boot an overlay of. */
  readonly disk: string;
  readonly format: DiskFormat;
  /** A folder for the overlay, the config drive, and the evidence (console.log, qemu.log). Made if it is missing. */
  readonly folder: string;
  /** Instance metadata, as VISA gives it to Nova: strings, at most 255 characters each. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** User data (the boot command). */
  readonly userData?: string;
  /** Guest ports to forward from free ports of 127.0.0.1. */
  readonly ports?: readonly number[];
  /** @default 2 */
  readonly cpus?: number;
  /** In MiB. @default 2048 */
  readonly memoryMb?: number;
  /** @default "tcg" */
  readonly accelerator?: "kvm" | "tcg";
  /** Size of the overlay in GiB, to show that the root file system grows. @default the disk's own */
  readonly diskSizeGb?: number;
  /** Whether the guest may open connections to the outside. @default false */
  readonly outgoing?: boolean;
}

/** A running QEMU. {@link TestMachine.stop} it, or use `await using`. */
export class TestMachine implements AsyncDisposable {
  private constructor(
    private readonly process: ChildProcess,
    private readonly forwards: ReadonlyMap<number, number>,
    /** Where the serial console is written. */
    readonly consoleFile: string,
    private readonly folder: string,
  ) {}

  /**
   * Starts the machine and returns as soon as QEMU runs.
   *
   * @throws VisaImageError where QEMU ends at once; its message has QEMU's own words
   */
  static async boot(options: TestMachineOptions): Promise<TestMachine> {
    const folder = resolve(options.folder);
    mkdirSync(folder, { recursive: true });
    const overlay = join(folder, "overlay.qcow2");
    rmSync(overlay, { force: true });
    const size = options.diskSizeGb === undefined ? [] : [`${options.diskSizeGb}G`];
    await execa("qemu-img", [
      ...["create", "-q", "-f", "qcow2", "-F", options.format, "-b", resolve(options.disk), overlay],
      ...size,
    ]);
    const configDrive = await makeConfigDrive(folder, options.metadata ?? {}, options.userData);
    const forwards = new Map<number, number>();
    for (const port of options.ports ?? []) forwards.set(port, await freePort());
    const hostForwards = [...forwards].map(([guest, host]) => `,hostfwd=tcp:127.0.0.1:${host}-:${guest}`).join("");
    const consoleFile = join(folder, "console.log");
    writeFileSync(consoleFile, "");
    const accelerator = options.accelerator ?? "tcg";
    const args = [
      // The guest ends with this process, whatever ends it.
      ...["--pdeathsig", "KILL", "--", "qemu-system-x86_64"],
      ...["-accel", accelerator, "-cpu", cpuModel(accelerator)],
      ...["-smp", `${options.cpus ?? 2}`, "-m", `${options.memoryMb ?? 2048}`],
      ...["-drive", `file=${commas(overlay)},if=virtio,format=qcow2,cache=unsafe,discard=unmap`],
      ...["-drive", `file=${commas(configDrive)},if=virtio,format=raw,readonly=on`],
      ...["-netdev", `user,id=net0,restrict=${options.outgoing ? "off" : "on"}${hostForwards}`],
      ...["-device", "virtio-net-pci,netdev=net0", "-device", "virtio-rng-pci"],
      ...["-display", "none", "-vga", "std", "-serial", `file:${commas(consoleFile)}`],
      ...["-qmp", `unix:${commas(join(folder, "qmp.sock"))},server=on,wait=off`],
    ];
    const log = openSync(join(folder, "qemu.log"), "w");
    const process = spawn("setpriv", args, { stdio: ["ignore", log, log] });
    closeSync(log);
    const machine = new TestMachine(process, forwards, consoleFile, folder);
    await Promise.race([sleep(500), new Promise((done) => process.once("exit", done))]);
    machine.checkAlive();
    return machine;
  }

  /** The port of 127.0.0.1 that leads to a port of the guest. */
  port(guestPort: number): number {
    const port = this.forwards.get(guestPort);
    if (port === undefined) throw new VisaImageError(`port "${guestPort}" of the guest is not forwarded`);
    return port;
  }

  /** What the serial console has shown so far. */
  console(): string {
    return existsSync(this.consoleFile) ? readFileSync(this.consoleFile, "utf8") : "";
  }

  /** Waits until the console matches, and returns the match. */
  waitForConsole(pattern: RegExp, timeoutSeconds: number): Promise<RegExpMatchArray> {
    return this.waitFor(`${pattern} on the console`, timeoutSeconds, async () => this.console().match(pattern));
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
      const answer = await check();
      if (answer) return answer;
      if (performance.now() > end) {
        throw new VisaImageError(`no ${what} after ${timeoutSeconds} s; the console ends with:\n${this.consoleEnd()}`, {
          fix: `read ${this.consoleFile}`,
        });
      }
      await sleep(250);
    }
  }

  /** Waits until xrdp answers an RDP negotiation (visa-contract, assertion 13). A mere connection proves nothing: QEMU accepts it. */
  async waitForRdp(timeoutSeconds: number): Promise<void> {
    const port = this.port(3389);
    await this.waitFor("answer of the RDP server", timeoutSeconds, () =>
      rdpAnswer({ host: "127.0.0.1", port, timeoutSeconds: 3 }),
    );
  }

  /** Ends the machine at once; the evidence stays, the overlay does not. */
  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const ended = new Promise((done) => this.process.once("exit", done));
      this.process.kill("SIGKILL");
      await ended;
    }
    rmSync(join(this.folder, "overlay.qcow2"), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private checkAlive(): void {
    if (this.process.exitCode === null && this.process.signalCode === null) return;
    const words = readFileSync(join(this.folder, "qemu.log"), "utf8").trim();
    throw new VisaImageError(`the test machine ended by itself: ${words || "QEMU said nothing"}`, {
      fix: `read ${this.consoleFile}`,
    });
  }

  private consoleEnd(): string {
    return this.console().split("\n").slice(-15).join("\n");
  }
}

/** Makes a config drive as Nova does: an ISO labelled `config-2` with `openstack/latest/`. */
async function makeConfigDrive(
  folder: string,
  metadata: Readonly<Record<string, string>>,
  userData: string | undefined,
): Promise<string> {
  const latest = join(folder, "config-drive", "openstack", "latest");
  mkdirSync(latest, { recursive: true });
  const document = {
    uuid: crypto.randomUUID(),
    name: "image-check",
    hostname: "image-check",
    availability_zone: "nova",
    meta: metadata,
  };
  writeFileSync(join(latest, "meta_data.json"), JSON.stringify(document), { mode: 0o600 });
  if (userData !== undefined) writeFileSync(join(latest, "user_data"), userData, { mode: 0o600 });
  const iso = join(folder, "config-drive.iso");
  await execa("xorriso", [
    ...["-as", "mkisofs", "-quiet", "-V", "config-2", "-J", "-r", "-o", iso],
    dirname(dirname(latest)),
  ]);
  rmSync(join(folder, "config-drive"), { recursive: true });
  return iso;
}

/** In QEMU's options a comma in a value is written twice. */
function commas(value: string): string {
  return value.replaceAll(",", ",,");
}

/** A port of 127.0.0.1 that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once("error", fail).listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new VisaImageError("no free port on 127.0.0.1");
  return address.port;
}
