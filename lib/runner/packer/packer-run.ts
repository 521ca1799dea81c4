/** One run of Packer in a scratch folder that has everything it reads: what it is told, watched for, and how it failed. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ExitCode, VisaImageError } from "../../errors";
import type { Execute } from "../checkpoints/live-disk";
import { CHECKPOINT_SCRIPTS } from "../checkpoints/scripts";
import { contentsScript } from "../guest/guest-contents";
import { type GuestReport, GuestReportReader, makeNonce, REPORT_SCRIPT, reportScript } from "../guest/guest-report";
import { type ImageRelease, writeRelease } from "../guest/image-release";
import { VNC_ADDRESS } from "../host/requirements";
import type { BuildLog } from "../output/log";
import type { Progress } from "../output/progress";
import { type RunningTool, type RunToolOptions, runTool, type ToolResult } from "../processes/tools";
import type { GuestPlace, Trouble } from "./guest-place";
import {
  CONFIGURATION_FILE,
  callEnvironment,
  callVariables,
  installPlugins,
  type PackerCall,
  writeConfiguration,
} from "./packer-call";
import { endedByTimeout, packerEvent, relevantLines, remedy } from "./packer-output";
import { isModern } from "./run-configuration";

/** What Packer has to end its machine when a build is given up. */
const STOP_MS = 15_000;

/** Options of a {@link PackerRun}. */
export interface PackerRunOptions extends PackerCall {
  /** What the image is to say of itself; left out for an installation. */
  readonly release?: ImageRelease;
  readonly log: BuildLog;
  readonly progress: Progress;
  /** Where its guest is. */
  readonly place: GuestPlace;
  /** What is done where it stops for a checkpoint. @default - nothing */
  readonly onCheckpoint?: CheckpointListener;
  /** Whether the guest's console is in the log by other ways. @default false */
  readonly consoleIsLogged?: boolean;
  /** Ends what Packer left running; says how many that were. */
  readonly endStrays: () => Promise<number>;
}

/** Makes the checkpoints of a run. */
export interface CheckpointListener {
  /** The guest runs in a QEMU that does what it is told. */
  attach(execute: Execute): void;
  /** Takes a line of Packer's; whether it is a checkpoint's own, and not worth showing. */
  take(line: string): boolean;
}

/** How Packer ended, and what the watch over its machine saw. */
interface WatchedResult extends ToolResult {
  /** Why it was ended, and the last lines before that. */
  readonly trouble?: Trouble & { readonly lines: readonly string[] };
  readonly switchedOff: boolean;
  readonly unreachable?: string;
}

/** A run of Packer for a layer, or for the installation of a base. */
export class PackerRun {
  /** Of the last step that had one of its own. */
  private stepTimeout: string | undefined;

  constructor(private readonly options: PackerRunOptions) {}

  /**
   * Runs it to its end.
   *
   * @param step what it begins with
   * @param keep whether to leave a machine running where a step in it fails
   * @returns the seconds that it took, and what its guest said of itself
   * @throws VisaImageError, with exit code 3 where Packer fails or its machine was given up
   */
  async run(step: string, keep = false): Promise<{ seconds: number; guest: GuestReport }> {
    const { layer, access, release, machine, scratch, log, masker, progress, version, place } = this.options;
    await writeConfiguration(this.options, place.relayAddress, scratch.path);
    const nonce = makeNonce();
    if (access) {
      const parts = { first: release && writeRelease(release), contents: contentsScript };
      await writeFile(join(scratch.path, REPORT_SCRIPT), reportScript(nonce, parts));
    }

    const shared = {
      environment: callEnvironment(this.options),
      directory: scratch.path,
      masker,
      deathSignal: "TERM" as const,
    };
    const report = new GuestReportReader(nonce);
    let screen: string | undefined;
    const { onCheckpoint } = this.options;
    const onLine = (line: string) => {
      if (report.take(line) || onCheckpoint?.take(line)) return;
      log.write(line);
      progress.toolLine(line);
      const event = packerEvent(line);
      if (event?.kind === "step") {
        // The runner's own are not among the steps that were counted.
        if (![REPORT_SCRIPT, CHECKPOINT_SCRIPTS.guest].includes(event.label)) progress.startStep(event.label);
      } else if (event?.kind === "detail") progress.detail(event.label);
      else if (event?.kind === "timeout") this.stepTimeout = event.timeout;
      else if (event?.kind === "screen") screen = event.address;
      else if (event && screen) {
        // Packer 1.6.6 says another address than it was told, and one where there is no screen too.
        const { vncAddress = VNC_ADDRESS, vncPort } = machine;
        const address = vncPort ? `vnc://${vncAddress}:${vncPort}` : screen;
        progress.message(`screen of the build machine: ${address}, password ${event.password}`);
        screen = undefined;
      }
    };
    if (isModern(version)) await installPlugins(this.options, scratch.path, onLine);
    progress.startStep(step);
    const onError = `-on-error=${keep ? "abort" : place.onError}`;
    const args = ["build", "-color=false", onError, ...callVariables(this.options), CONFIGURATION_FILE];
    log.write(`packer ${args.map((arg) => masker.mask(arg)).join(" ")}`);
    const start = performance.now();
    const result = await this.watch(args, { ...shared, onLine });
    const seconds = (performance.now() - start) / 1000;
    if (result.code !== 0 && !result.trouble && keep) await place.leaveRunning();
    // Whatever way it ended, its QEMU must not run on: it would keep the disk open.
    const strays = await this.options.endStrays();
    if (result.code !== 0 || result.trouble) throw await this.failure(result, strays);
    // Packer takes any end of QEMU for the one that it waits for.
    if (!result.switchedOff) {
      throw new VisaImageError(`the machine of "${layer.name}" ended before it had shut down: its disk may lack data`, {
        fix: `build again; if it happens again, look for a lack of memory in the kernel's log (dmesg), and at ${log.path}`,
        exitCode: ExitCode.PACKER,
      });
    }
    if (access && !report.result) {
      progress.warn(
        `the guest of "${layer.name}" did not say to its end what is in it: its image has no bill of materials`,
      );
    }
    const [lacking, ...more] = report.result?.contents?.incomplete ?? [];
    if (lacking !== undefined) {
      const others = more.length > 0 ? ` (and ${more.length} more)` : "";
      progress.warn(`the bill of materials of "${layer.name}" is not whole: ${lacking}${others}`);
    }
    return { seconds, guest: report.result ?? {} };
  }

  /** The end of the guest's serial console, where Packer never got in or it is asked for: what there is to see then. */
  consoleTail(always = false): string[] {
    const { log, place, consoleIsLogged } = this.options;
    const lines = place.consoleTail();
    for (const line of consoleIsLogged ? [] : lines) log.write(`console: ${line}`);
    const connected = !always && log.tail().some((line) => line.includes("Connected to SSH"));
    return connected || lines.length === 0 ? [] : ["the guest's console ends with:", ...lines.slice(-15)];
  }

  private async failure(result: WatchedResult, strays: number): Promise<VisaImageError> {
    const { layer, log, place } = this.options;
    const { code, signal, trouble, unreachable } = result;
    const how = signal ? `was ended by ${signal}` : `failed with exit code ${code}`;
    const ended = strays ? ` (${strays} processes that it left were ended)` : "";
    const relevant = relevantLines(trouble?.lines ?? log.tail());
    const words = await place.words();
    for (const line of words) log.write(line);
    const lines = [...relevant, ...words, ...(unreachable ? [unreachable] : []), ...this.consoleTail(trouble?.console)];
    const what = trouble
      ? `the build of "${layer.name}" was given up: ${trouble.what}`
      : `packer ${how} while building "${layer.name}"${ended}`;
    const fix = trouble?.fix ?? this.remedy(lines);
    return new VisaImageError(`${what}${lines.length > 0 ? `:\n${indent(lines)}` : ""}`, {
      fix: `${fix ? `${fix}; ` : ""}see the whole log: ${log.path}`,
      exitCode: trouble?.exitCode ?? ExitCode.PACKER,
    });
  }

  /** What to do about what Packer said; nothing where that speaks for itself. */
  private remedy(lines: readonly string[]): string | undefined {
    const known = remedy(lines) ?? this.options.place.remedy(lines);
    if (known) return known;
    if (!this.stepTimeout || !endedByTimeout(this.options.log.tail())) return undefined;
    return `the step was not done within its timeout of ${this.stepTimeout}: see what it waits for, or give it longer`;
  }

  /** Runs Packer, and ends it where its machine is beyond hope. */
  private async watch(args: readonly string[], options: RunToolOptions): Promise<WatchedResult> {
    const { place, log } = this.options;
    let packer: RunningTool | undefined;
    let trouble: WatchedResult["trouble"];
    let force: NodeJS.Timeout | undefined;
    const watch = place.watch((found) => {
      trouble = { ...found, lines: log.tail() };
      log.write(`given up: ${found.what}`);
      // Asked like this it ends its machine.
      packer?.kill("SIGTERM");
      force = setTimeout(() => packer?.kill("SIGKILL"), STOP_MS);
    });
    if (watch.execute) this.options.onCheckpoint?.attach(watch.execute);
    const result = await runTool("packer", args, {
      ...options,
      onLine(line, stream) {
        if (line.includes("Connected to SSH")) watch.connected();
        else if (/Gracefully halting|Halting the virtual machine|Stopping server/.test(line)) watch.halting();
        options.onLine(line, stream);
      },
      onStart(child) {
        packer = child;
      },
    }).finally(() => watch.stop());
    clearTimeout(force);
    return { ...result, trouble, switchedOff: watch.switchedOff, unreachable: watch.unreachable };
  }
}

/** Lines as they stand below a message. */
export function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join("\n");
}
