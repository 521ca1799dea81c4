/** The way to the agent of an instance on a cloud: ssh, by a key that is made for that instance alone. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toolEnvironment } from "../../runner/processes/tool-environment";
import { readTool } from "../../runner/processes/tools";
import type { AgentChannel } from "../instance/guest-agent";
import { RELAY } from "./user-data";

/** The words that the agent puts before what it tells on the console. */
const MARK = "visa-verify: ";

/** A host's public key. */
export interface HostKey {
  /** `ssh-ed25519`, … */
  readonly type: string;
  /** In Base64. */
  readonly key: string;
}

/** What the agent has told on a console. */
export interface ConsoleWords {
  /** Whether cloud-init has started it. */
  readonly started: boolean;
  readonly withoutSshd: boolean;
  /** The key that sshd has now: the last one that was told. */
  readonly hostKey?: HostKey;
}

/** Reads them. */
export function readConsoleWords(console: string): ConsoleWords {
  const key = [...console.matchAll(/visa-verify: host key ([a-z0-9-]+) ([A-Za-z0-9+/=]+)/g)].at(-1);
  return {
    started: console.includes(MARK),
    withoutSshd: console.includes(`${MARK}no sshd`),
    ...(key && { hostKey: { type: key[1] as string, key: key[2] as string } }),
  };
}

/** Who may sign for a key of RSA: its own name is the old signature's. */
const ALGORITHMS: Readonly<Record<string, string>> = { "ssh-rsa": "rsa-sha2-512,rsa-sha2-256" };

/** One instance's key, in a folder of its own, which goes with it. */
export class SshAccess {
  /** What ssh said last, where a connection ended. */
  lastWords = "";

  private constructor(
    private readonly folder: string,
    /** In OpenSSH's form. */
    readonly publicKey: string,
  ) {}

  /** Makes a key. @throws VisaImageError where ssh-keygen is missing */
  static async make(folder: string): Promise<SshAccess> {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, "key");
    rmSync(file, { force: true });
    await readTool("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "visa-image-verify", "-f", file]);
    return new SshAccess(folder, readFileSync(`${file}.pub`, "utf8").trim());
  }

  /** @param hostKey that the host has to have @default - whichever it shows first */
  arguments(address: string, hostKey?: HostKey): string[] {
    const hosts = join(this.folder, "known-hosts");
    // A host without a key that was told keeps the first that it showed.
    if (hostKey) writeFileSync(hosts, `instance ${hostKey.type} ${hostKey.key}\n`);
    const options = {
      ...{ BatchMode: "yes", IdentitiesOnly: "yes", IdentityAgent: "none", LogLevel: "ERROR" },
      ...{ UserKnownHostsFile: hosts, GlobalKnownHostsFile: "/dev/null", HostKeyAlias: "instance" },
      StrictHostKeyChecking: hostKey ? "yes" : "accept-new",
      ...(hostKey && { HostKeyAlgorithms: ALGORITHMS[hostKey.type] ?? hostKey.type }),
      // A host that is gone is noticed within half a minute.
      ...{ ConnectTimeout: "10", ServerAliveInterval: "10", ServerAliveCountMax: "3" },
    };
    return [
      ...["-T", "-F", "/dev/null", "-i", join(this.folder, "key"), "-l", "root"],
      ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
      ...[address, RELAY],
    ];
  }

  /** Connects; whether the agent answers is seen by its hello. */
  async connect(address: string, hostKey?: HostKey): Promise<AgentChannel> {
    // It ends with this process, whatever ends that.
    const args = ["--pdeathsig", "KILL", "--", "ssh", ...this.arguments(address, hostKey)];
    const child = spawn("setpriv", args, { env: toolEnvironment(), stdio: "pipe" });
    const { stdin, stdout, stderr } = child;
    let words = "";
    stderr.on("data", (chunk: Buffer) => {
      words = `${words}${chunk}`.slice(-2000);
    });
    child.once("error", (error) => {
      words = error.message;
      stdout.destroy();
    });
    child.once("close", () => {
      this.lastWords = words.trim().split("\n").at(-1) ?? "";
    });
    return { input: stdin, output: stdout, close: () => child.kill("SIGKILL") };
  }
}
