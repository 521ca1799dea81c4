/**
 * Makes sure that a build never outlives the one who asked for it.
 *
 * Terraform kills the shell of a `local-exec` by SIGKILL on the first Ctrl-C and signals nobody else; killed itself, it
 * signals nobody at all. So two processes watch each other:
 *
 * - the *front* is what Terraform (or a shell) started. It shows the output, and watches its parent and signals.
 * - the *worker* leads a session of its own and does everything. Every tool that it starts stands in that session, and
 *   the kernel signals the tools where the worker dies.
 *
 * A channel connects them; the kernel closes it when either ends. Then the other one ends every process of the session,
 * and removes the scratch folders and the name on the lock. Where both are killed at once the tools get their signal
 * from the kernel, and the next build removes what is left.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileError, VisaImageError } from "../errors";
import type { BuildSpecification } from "../specification";
import type { BuildReport } from "./build-report";
import { Cache } from "./cache/cache";
import { cleanUpAfter, RUN_MARKER } from "./cache/scratch";
import type { BuildOptions } from "./context";
import type { OpenLayerSource } from "./layer-source";
import type { ProgressOptions } from "./output/progress";
import {
  ancestors,
  endSession,
  identify,
  isAlive,
  type ProcessIdentity,
  sessionMembers,
  signal,
} from "./processes/processes";
import type { ShellLogin } from "./shell";

/** What the front asks of the worker. */
export interface BuildRequest {
  readonly specification: BuildSpecification;
  readonly specificationDirectory: string;
  readonly cache: string;
  readonly options: Omit<BuildOptions, "progress" | "cache" | "environment" | "openSource">;
  readonly progress: Omit<ProgressOptions, "stream">;
  /** A machine at this checkpoint of the last layer, in the place of a build. */
  readonly shell?: { readonly at?: number };
}

type ToWorker =
  | { readonly kind: "build"; readonly request: BuildRequest }
  | { readonly kind: "stop"; readonly code: number };

type FromWorker =
  | { readonly kind: "ready"; readonly login: ShellLogin }
  | { readonly kind: "done"; readonly report: BuildReport }
  | {
      readonly kind: "failed";
      readonly message: string;
      readonly exitCode: number;
      readonly known: boolean;
      readonly stack?: string;
    };

/** A build that was stopped: by a signal, or by the end of who asked for it. */
export class StoppedError extends VisaImageError {}

/** Signals that stop a run, and its exit code then. */
export const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const PARENT_POLL_MS = 250;
const WORKER_STOP_MS = 12_000;
/** The same where it has something in a cloud to remove, too. */
export const CLOUD_STOP_MS = 120_000;
/** What the tools have to end by themselves. */
const GRACE_MS = 5000;

/** Options of {@link supervise}. */
export interface SuperviseOptions {
  /** The program and its arguments that call {@link runWorker}. */
  readonly worker: readonly [string, ...string[]];
  /** Variables that only the worker sees. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly output: NodeJS.WritableStream;
  /** Called with the way into the machine that was asked for; all is ended with what it does. */
  readonly onReady?: (login: ShellLogin) => Promise<void>;
  /** What the worker has for its own clean-up, before the front does it: in milliseconds. @default 12000 */
  readonly stopMs?: number;
}

/**
 * Runs a build in a worker.
 *
 * @throws StoppedError with exit code 130, 143 or 129 where it was stopped
 */
export async function supervise(request: BuildRequest, options: SuperviseOptions): Promise<BuildReport> {
  const cache = new Cache(request.cache);
  // Who asked may close its end at any time; that is found out by its death, and must not end the clean-up.
  options.output.on("error", () => {});
  const [program, ...args] = options.worker;
  const worker = spawn(program, args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { ...process.env, ...options.environment, [RUN_MARKER]: randomUUID() },
  });
  const { pid } = worker;
  if (pid === undefined) {
    throw await new Promise((resolve) => worker.once("error", resolve));
  }
  const identity = identify(pid);
  for (const stream of [worker.stdout, worker.stderr]) {
    stream?.on("data", (chunk: Buffer) => options.output.write(chunk));
  }
  let answer: FromWorker | undefined;
  let stopped: { code: number; why: string; signal?: boolean } | undefined;
  let force: NodeJS.Timeout | undefined;
  let late: NodeJS.Timeout | undefined;
  worker.on("error", () => {});

  const stop = (code: number, why: string) => {
    if (stopped) return;
    stopped = { code, why };
    tell(worker, { kind: "stop", code });
    force = setTimeout(() => signal(pid, "SIGKILL"), options.stopMs ?? WORKER_STOP_MS);
  };
  worker.on("message", (message: FromWorker) => {
    if (message.kind !== "ready") answer = message;
    else void options.onReady?.(message.login).finally(() => stop(0, "left"));
  });
  const handlers = Object.entries(SIGNALS).map(([name, code]) => {
    const handler = () => {
      // A second Ctrl-C: no more patience. What is left to clean up is the front's then.
      if (stopped?.signal) signal(pid, "SIGKILL");
      stop(code, `stopped by ${name}`);
      if (stopped) stopped.signal = true;
    };
    process.on(name, handler);
    return [name, handler] as const;
  });
  const watch = watchParents((why) => stop(SIGNALS.SIGTERM, why));
  try {
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
      worker.once("close", (code, name) => resolve({ code, signal: name }));
      // A process of the session may hold the pipes open after the worker's death.
      worker.once("exit", (code, name) => {
        late = setTimeout(() => resolve({ code, signal: name }), 300);
      });
    });
    tell(worker, { kind: "build", request });
    const end = await ended;
    // It would keep this process alive for nothing.
    clearTimeout(late);
    await sweep(cache, pid, identity);
    if (stopped) throw new StoppedError(`${stopped.why}; nothing of it is left running`, { exitCode: stopped.code });
    if (answer?.kind === "done") return answer.report;
    if (answer?.kind === "failed") throw revive(answer);
    throw new VisaImageError(`the build's own process was ended by ${end.signal ?? `exit code ${end.code}`}`, {
      fix: "look for a lack of memory in the kernel's log (dmesg), then start it again",
    });
  } finally {
    clearTimeout(force);
    clearInterval(watch);
    for (const [name, handler] of handlers) process.off(name, handler);
  }
}

/** Ends and removes what a worker that has ended left. */
async function sweep(cache: Cache, session: number, identity: ProcessIdentity | undefined): Promise<void> {
  if (sessionMembers(session).length > 0) await endSession(session, { graceMs: GRACE_MS });
  if (identity) await cleanUpAfter(cache, identity);
}

/** Calls back when the process that asked for the build is gone. */
export function watchParents(onGone: (why: string) => void): NodeJS.Timeout {
  const parent = process.ppid;
  // Between Terraform and this process stand shells, which live on when Terraform is killed.
  const line = ancestors();
  const asker = line.findIndex(({ name }) => /^(terraform|tofu|opentofu)$/.test(name));
  const watched = line
    .slice(0, asker + 1)
    .map(({ pid, name }) => ({ name, identity: identify(pid) }))
    .filter(({ identity }) => identity !== undefined);
  const timer = setInterval(() => {
    const gone = watched.find(({ identity }) => !isAlive(identity as ProcessIdentity));
    if (!gone && process.ppid === parent) return;
    clearInterval(timer);
    onGone(`stopped, since ${gone ? `"${gone.name}"` : "the process"} that asked for it has ended`);
  }, PARENT_POLL_MS);
  return timer;
}

/**
 * The worker's side: waits for a request, builds, answers, and ends when it is told to or left alone.
 *
 * @param openSource where layers may come from that were built elsewhere
 */
export function runWorker(openSource?: OpenLayerSource): void {
  let cache: Cache | undefined;
  let stopping = false;
  const stop = async (code: number) => {
    if (stopping) return;
    stopping = true;
    const { refuseTools } = require("./processes/tools") as typeof import("./processes/tools");
    refuseTools();
    await endSession(process.pid, { graceMs: GRACE_MS });
    const { beforeTheEnd } = require("./processes/when-stopped") as typeof import("./processes/when-stopped");
    await beforeTheEnd();
    const self = identify();
    if (cache && self) await cleanUpAfter(cache, self).catch(() => {});
    process.exit(code);
  };
  for (const [name, code] of Object.entries(SIGNALS)) process.on(name, () => void stop(code));
  // The front is gone: so is everyone who would read what this prints.
  process.on("disconnect", () => void stop(SIGNALS.SIGTERM));
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  process.on("message", (message: ToWorker) => {
    if (message.kind === "stop") {
      void stop(message.code);
      return;
    }
    cache = new Cache(message.request.cache);
    void answer(message.request, openSource).then((result) => {
      if (!stopping) process.send?.(result, () => process.exit(0));
    });
  });
}

async function answer(request: BuildRequest, openSource?: OpenLayerSource): Promise<FromWorker> {
  try {
    // The front, which shares this file, needs neither.
    const { Progress } = require("./output/progress") as typeof import("./output/progress");
    const progress = new Progress({ ...request.progress, stream: process.stderr });
    try {
      const { specification, specificationDirectory, cache, shell } = request;
      const options = { ...request.options, cache, progress, openSource };
      if (shell) {
        const { openShell } = require("./shell") as typeof import("./shell");
        await openShell(specification, specificationDirectory, options, shell.at, (login) => {
          process.send?.({ kind: "ready", login } satisfies FromWorker);
        });
        throw new VisaImageError("the machine has ended by itself");
      }
      const { build } = require("./build") as typeof import("./build");
      return { kind: "done", report: await build(specification, specificationDirectory, options) };
    } finally {
      progress.stop();
    }
  } catch (thrown) {
    const error = fileError(thrown) ?? thrown;
    const { message, stack } = error as Error;
    const known = error instanceof VisaImageError;
    return { kind: "failed", message, stack, known, exitCode: known ? error.exitCode : 1 };
  }
}

function revive(failure: Extract<FromWorker, { kind: "failed" }>): Error {
  const error = failure.known
    ? new VisaImageError(failure.message, { exitCode: failure.exitCode })
    : new Error(failure.message);
  error.stack = failure.stack;
  return error;
}

function tell(
  worker: { connected: boolean; send(message: ToWorker, callback: () => void): boolean },
  message: ToWorker,
) {
  // It may have ended in this very moment; its end is seen elsewhere.
  if (worker.connected) worker.send(message, () => {});
}
