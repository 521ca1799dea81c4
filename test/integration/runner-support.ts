/** Runs the command on the tiny guest in a folder of its own, and looks at what it leaves. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { compileCommand } from "../runner/support/command";
import { tinyGuest } from "../support/tiny-guest/tiny-guest";

/**
 * A workspace for each test of a file, with the tiny guest and the compiled command: a function that returns the current
 * one.
 */
export function workspaces(): () => Workspace {
  let command: string;
  let workspace: Workspace;
  beforeAll(() => {
    tinyGuest();
    command = compileCommand();
  });
  beforeEach(() => {
    workspace = new Workspace(command);
  });
  afterEach(() => workspace.remove());
  return () => workspace;
}

/** What a command that has ended said. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

/** A folder for one test: a cache, and inputs. */
export class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), "visa-image-test-"));
  readonly cache = join(this.folder, "cache");
  readonly environment: NodeJS.ProcessEnv = { ...process.env, VISA_IMAGE_CACHE: this.cache };

  constructor(private readonly command: string) {
    for (const name of Object.keys(this.environment)) {
      if (/^VISA_(?!IMAGE_CACHE)/.test(name)) delete this.environment[name];
    }
  }

  /** Arguments that run `visa-image` with these. */
  commandLine(...args: string[]): [string, ...string[]] {
    return [process.execPath, this.command, ...args];
  }

  /** Starts it. @param input what it reads. @default - nothing */
  start(
    args: readonly string[],
    environment: NodeJS.ProcessEnv = {},
    input?: string,
  ): ChildProcess & { ended: Promise<Ended> } {
    const [program, ...rest] = this.commandLine(...args);
    return startProcess(program, rest, { ...this.environment, ...environment }, { input });
  }

  /** Runs it to its end. */
  run(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return this.start(args, environment).ended;
  }

  /** Processes that carry this workspace's cache in their environment, are in its folder, or name it. */
  processes(): { pid: number; name: string }[] {
    const found: { pid: number; name: string }[] = [];
    for (const entry of readdirSync("/proc")) {
      if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
      try {
        if (/^State:\s+Z/m.test(readFileSync(`/proc/${entry}/status`, "latin1"))) continue;
        const marks = ["environ", "cmdline"].map((file) => readFileSync(`/proc/${entry}/${file}`, "latin1"));
        if (!marks.some((text) => text.includes(this.folder))) continue;
        found.push({ pid: Number(entry), name: readFileSync(`/proc/${entry}/comm`, "latin1").trim() });
      } catch {
        // Ended meanwhile.
      }
    }
    return found;
  }

  /** Waits until something holds, and fails with what there is otherwise. */
  async until(what: string, condition: () => boolean, seconds: number): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (!condition()) {
      if (Date.now() > deadline) {
        throw new Error(
          `not within ${seconds} s: ${what}; running: ${JSON.stringify(this.processes())}; ${this.log()}`,
        );
      }
      await sleep(100);
    }
  }

  /** Waits until Packer is inside the guest, in the provisioner that prints this. */
  untilGuestPrints(text: string): Promise<void> {
    return this.until(`the guest prints "${text}"`, () => this.log().includes(text), 120);
  }

  /** Waits until no process of a build is left. */
  untilNothingRuns(seconds = 20): Promise<void> {
    return this.until("nothing runs", () => this.processes().length === 0, seconds);
  }

  /** All logs of this workspace, in the order of their time. */
  log(): string {
    return this.names("logs")
      .sort()
      .map((name) => readFileSync(join(this.cache, "logs", name), "utf8"))
      .join("");
  }

  /** Names in a folder of the cache. */
  names(folder: string): string[] {
    const path = join(this.cache, folder);
    return existsSync(path) ? readdirSync(path) : [];
  }

  /** Scratch folders and held locks: what a build must not leave. */
  leftovers(): string[] {
    return [...this.names("scratch"), ...this.names("locks").filter((name) => name.endsWith(".owner"))];
  }

  /** Ends all processes of a build at once, without a word. */
  killAll(): void {
    for (const { pid } of this.processes()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Ended meanwhile.
      }
    }
  }

  /** Ends and removes everything. */
  remove(): void {
    this.killAll();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Starts a process and collects what it prints. */
export function startProcess(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  options: { detached?: boolean; directory?: string; input?: string } = {},
): ChildProcess & { ended: Promise<Ended> } {
  const begin = performance.now();
  const child = spawn(program, args, {
    env: environment,
    cwd: options.directory,
    detached: options.detached ?? false,
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  }) as ChildProcess & { stdout: Readable; stderr: Readable };
  child.stdin?.end(options.input);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) =>
      resolve({ code, signal, stdout, stderr, seconds: (performance.now() - begin) / 1000 }),
    );
  });
  return Object.assign(child, { ended });
}
