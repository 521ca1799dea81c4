/**
 * A real OpenStack Keystone and Glance on loopback, in one folder, as an ordinary user.
 *
 * The programs are the distribution's; nothing outside the folder is written, and nothing in /etc is read. Why it is
 * made this way: docs/decisions/embedded-cloud.md.
 */

import { randomBytes } from "node:crypto";
import { appendFile, chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, VisaImageError } from "../../lib/errors";
import { exists } from "../../lib/presence";
import { freePort, isFree } from "../../lib/verify/instance/ports";
import {
  CLOUD_NAME,
  cloudsYaml,
  endpoints,
  glanceConfiguration,
  keystoneConfiguration,
  openrc,
  REGION,
  SERVICES,
  type ServiceName,
  shellEnvironment,
} from "./configuration";
import { call } from "./http";
import { Identity } from "./identity";
import { bootstrapArguments, keystoneCommand, makeKeys } from "./keystone";
import { withLock } from "./lock";
import { assertPrograms, ENVIRONMENT, execute, packageVersions, pasteFile } from "./programs";
import { Service } from "./service";
import { assertSize, type CloudSize, type CloudState, readState, STATE_VERSION, stateFile } from "./state";

const READY_TIMEOUT_MS = 90_000;
const LOCK_TIMEOUT_S = 120;

/** One service in {@link CloudStatus}. */
export interface ServiceStatus {
  readonly state: "running" | "stopped" | "crashed" | "not answering";
  /** As the catalog lists it. */
  readonly endpoint: string;
  readonly pid?: number;
  /** All of its processes, the supervisor included. */
  readonly pids: readonly number[];
  /** Of the Debian package. */
  readonly version: string;
  readonly log: string;
  /** What is wrong, where something is. */
  readonly message?: string;
}

/** What `status --json` prints. */
export interface CloudStatus {
  /** `absent` was never started; `broken` has a service that runs and one that doesn't, or that crashed. */
  readonly state: "running" | "stopped" | "broken" | "absent";
  readonly folder: string;
  readonly size?: CloudSize;
  readonly region?: string;
  /** Name in clouds.yaml. */
  readonly cloud?: string;
  readonly cloudsYaml?: string;
  readonly openrc?: string;
  readonly services?: Readonly<Record<ServiceName, ServiceStatus>>;
}

/** Options of {@link EmbeddedCloud}. */
export interface EmbeddedCloudOptions {
  /** Where lines about the progress go. @default nowhere */
  readonly say?: (line: string) => void;
  /** More options of Glance's section DEFAULT: tests of its limits set some. @default none */
  readonly glance?: Readonly<Record<string, string>>;
}

/** The embedded cloud of one folder. */
export class EmbeddedCloud {
  readonly folder: string;
  private readonly say: (line: string) => void;
  private readonly glanceOptions: Readonly<Record<string, string>>;
  private readonly services: Readonly<Record<ServiceName, Service>>;

  /** @param folder holds all of it; made by {@link start}, removed by {@link reset} */
  constructor(folder: string, options: EmbeddedCloudOptions = {}) {
    this.folder = resolve(folder);
    this.say = options.say ?? (() => undefined);
    this.glanceOptions = options.glance ?? {};
    this.services = { keystone: new Service("keystone", this.folder), glance: new Service("glance", this.folder) };
  }

  /**
   * Starts what isn't running, from nothing or from what {@link stop} or a crash has left.
   * @throws VisaImageError where a program is missing, the folder isn't ours, or a service doesn't come up; whatever
   * was started is stopped again
   */
  async start(size: string = "small"): Promise<CloudStatus> {
    assertSize(size);
    assertPath(this.folder);
    await assertPrograms();
    await readState(this.folder);
    return this.locked(async () => {
      const before = await this.status();
      if (before.state === "running") {
        this.say("the cloud is running already");
        return before;
      }
      await this.stopServices();
      const started = Date.now();
      for (let attempt = 1; ; attempt++) {
        try {
          await this.startServices(size);
          break;
        } catch (error) {
          await this.stopServices();
          // Somebody may have taken a port between our look and the service's bind.
          if (attempt >= 3 || !(error instanceof PortTaken)) throw error;
          this.say(`${error.message}: trying other ports`);
        }
      }
      this.say(`ready after ${((Date.now() - started) / 1000).toFixed(1)} s`);
      return this.status();
    });
  }

  /** Ends the services; the images stay. */
  async stop(): Promise<void> {
    if (!(await readState(this.folder))) {
      this.say("there is no cloud to stop");
      return;
    }
    await this.locked(() => this.stopServices());
  }

  /** Ends the services at once, for a {@link start} that is interrupted and holds the lock. */
  async abandon(): Promise<void> {
    await this.stopServices();
  }

  /** Ends the services and removes the folder: users, images and all. */
  async reset(): Promise<void> {
    if (!(await exists(this.folder))) {
      this.say("there is no cloud to remove");
      return;
    }
    // Never remove a folder that happens to be named on the command line.
    if (!(await exists(stateFile(this.folder)))) {
      throw new VisaImageError(`"${this.folder}" holds no embedded cloud: nothing is removed`, {
        exitCode: ExitCode.USAGE,
      });
    }
    await this.locked(async () => {
      await this.stopServices();
      await rm(this.folder, { recursive: true, force: true });
    });
    this.say(`removed ${this.folder}`);
  }

  /** What is there, and what runs. */
  async status(): Promise<CloudStatus> {
    const state = await readState(this.folder);
    if (!state) return { state: "absent", folder: this.folder };
    const versions = await packageVersions();
    const [keystone, glance] = await Promise.all(SERVICES.map((name) => this.serviceStatus(name, state, versions)));
    const services = { keystone: keystone as ServiceStatus, glance: glance as ServiceStatus };
    const states = Object.values(services).map((service) => service.state);
    return {
      state: states.every((one) => one === "running")
        ? "running"
        : states.every((one) => one === "stopped")
          ? "stopped"
          : "broken",
      folder: this.folder,
      size: state.size,
      region: REGION,
      cloud: CLOUD_NAME,
      cloudsYaml: join(this.folder, "clouds.yaml"),
      openrc: join(this.folder, "openrc"),
      services,
    };
  }

  /** Shell lines that select this cloud. @throws VisaImageError where it was never started */
  async env(): Promise<string> {
    const state = await readState(this.folder);
    // Its passwords are there from the first moment on, clouds.yaml only when it has been up once.
    if (!state || !(await exists(join(this.folder, "clouds.yaml"))))
      throw new VisaImageError(`there is no cloud in "${this.folder}"`, { fix: "start it: dev/cloud start" });
    return shellEnvironment(state, process.env.no_proxy ?? process.env.NO_PROXY);
  }

  private async startServices(size: CloudSize): Promise<void> {
    const state = await this.prepare(size);
    const versions = await packageVersions();
    const fresh = SERVICES.some((name) => state.schema[name] !== versions[name]);
    const paste = await pasteFile();
    const keystoneFile = join(this.folder, "keystone/keystone.conf");
    const glanceFile = join(this.folder, "glance/glance-api.conf");
    await this.write("keystone/keystone.conf", keystoneConfiguration(state));
    await this.write("glance/glance-api.conf", glanceConfiguration(state, paste, this.glanceOptions));

    await Promise.all([
      (async () => {
        if (fresh) {
          this.say("keystone: making its database");
          await this.run("keystone-manage", ["--config-file", keystoneFile, "db_sync"]);
        }
        await this.services.keystone.start(keystoneCommand(state.ports.keystone), {
          ...ENVIRONMENT,
          HOME: this.folder,
          // Not `--pyargv`, which would split a path at its spaces.
          OS_KEYSTONE_CONFIG_DIR: join(this.folder, "keystone"),
          OS_KEYSTONE_CONFIG_FILES: "keystone.conf",
        });
        if (fresh) {
          await this.run("keystone-manage", ["--config-file", keystoneFile, ...bootstrapArguments(state)], {
            OS_BOOTSTRAP_PASSWORD: state.adminPassword,
          });
        }
        await this.ready("keystone", state, `${endpoints(state).keystone}`);
        const identity = await Identity.login(state);
        await identity.describe(state);
      })(),
      (async () => {
        if (fresh) {
          this.say("glance: making its database");
          await this.run("glance-manage", ["--config-file", glanceFile, "db_sync"]);
        }
        await this.services.glance.start(["glance-api", "--config-file", glanceFile], {
          ...ENVIRONMENT,
          HOME: this.folder,
        });
        await this.ready("glance", state, `${endpoints(state).glance}/healthcheck`);
      })(),
    ]);
    await this.write("clouds.yaml", cloudsYaml(state));
    await this.write("openrc", openrc(state));
    await this.writeState({ ...state, schema: versions });
  }

  /** Folders, keys, passwords, ports and empty databases. */
  private async prepare(size: CloudSize): Promise<CloudState> {
    const present = await readState(this.folder);
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await chmod(this.folder, 0o700);
    const keystonePort = await freePort(present?.ports.keystone);
    const state: CloudState = {
      version: STATE_VERSION,
      size: present?.size ?? size,
      folder: this.folder,
      ports: { keystone: keystonePort, glance: await freePort(present?.ports.glance, [keystonePort]) },
      adminPassword: present?.adminPassword ?? secret(),
      glancePassword: present?.glancePassword ?? secret(),
      schema: present?.schema ?? {},
    };
    for (const name of SERVICES) {
      const port = state.ports[name];
      const former = present?.ports[name];
      if (former !== undefined && former !== port) this.say(`${name}: port ${former} is taken, using ${port}`);
    }
    // First of all, so that reset knows the folder as ours however far this gets.
    await this.writeState(state);
    const folders = [
      ...["keystone/fernet", "keystone/credential", "keystone/policy.d"],
      ...["glance/images", "glance/staging", "glance/tasks", "glance/lock", "glance/policy.d", "log", "run"],
    ];
    for (const path of folders) await mkdir(join(this.folder, path), { recursive: true, mode: 0o700 });
    for (const path of ["keystone/policy.yaml", "glance/policy.yaml"])
      await this.write(path, "# The built-in rules.\n");
    for (const repository of ["fernet", "credential"]) await makeKeys(join(this.folder, "keystone", repository));
    await this.makeDatabases();
    return state;
  }

  /** In WAL mode: else Keystone answers 500 "database is locked" every few requests. */
  private async makeDatabases(): Promise<void> {
    const files = [join(this.folder, "keystone/keystone.db"), join(this.folder, "glance/glance.db")];
    const script = "import sqlite3, sys\nfor f in sys.argv[1:]: sqlite3.connect(f).execute('PRAGMA journal_mode=WAL')";
    await this.run("python3", ["-c", script, ...files]);
    for (const file of files) await chmod(file, 0o600);
  }

  private async ready(name: ServiceName, state: CloudState, url: string): Promise<void> {
    const service = this.services[name];
    for (const deadline = Date.now() + READY_TIMEOUT_MS; ; ) {
      const processes = await service.inspect();
      if (processes.state !== "running") {
        const lines = await service.lastLines(40);
        if (/address already in use/i.test(lines) || !(await isFree(state.ports[name]))) {
          throw new PortTaken(`${name}: port ${state.ports[name]} was taken meanwhile`);
        }
        const message = processes.state === "crashed" ? processes.message : `${name} did not start`;
        throw new VisaImageError(`${message}\n${indent(await service.lastLines())}`);
      }
      const answer = await call("GET", url, { timeoutMs: 10_000 }).catch(() => undefined);
      if (answer?.status === 200) return;
      if (Date.now() > deadline) {
        throw new VisaImageError(
          `${name} does not answer on ${url} after ${READY_TIMEOUT_MS / 1000} s; its log: ${service.log}\n` +
            indent(await service.lastLines()),
        );
      }
      await sleep(100);
    }
  }

  private async serviceStatus(
    name: ServiceName,
    state: CloudState,
    versions: Record<ServiceName, string>,
  ): Promise<ServiceStatus> {
    const service = this.services[name];
    const processes = await service.inspect();
    const common = { endpoint: endpoints(state)[name], version: versions[name], log: service.log };
    if (processes.state === "stopped") return { ...common, state: "stopped", pids: [] };
    if (processes.state === "crashed") {
      return { ...common, state: "crashed", pids: processes.pids, message: processes.message };
    }
    const answers = await call("GET", common.endpoint, { timeoutMs: 10_000 }).then(
      () => true,
      () => false,
    );
    const message = `${name} runs (pid ${processes.pid}), but does not answer on ${common.endpoint}; its log: ${service.log}`;
    return {
      ...common,
      state: answers ? "running" : "not answering",
      pid: processes.pid,
      pids: processes.pids,
      ...(answers ? {} : { message }),
    };
  }

  private async stopServices(): Promise<void> {
    const stopped = await Promise.all(SERVICES.map(async (name) => ((await this.services[name].stop()) ? [name] : [])));
    if (stopped.flat().length > 0) this.say(`stopped ${stopped.flat().join(" and ")}`);
  }

  /** Runs one of the services' own commands; its output goes to log/setup.log, and into the error where it fails. */
  private async run(program: string, args: readonly string[], variables: Record<string, string> = {}): Promise<void> {
    const { status, output } = await execute(program, args, { ...ENVIRONMENT, HOME: this.folder, ...variables });
    const log = join(this.folder, "log/setup.log");
    await appendFile(log, `$ ${program} ${args.join(" ")}\n${output}\n`, { mode: 0o600 });
    if (status !== 0) {
      const lines = indent(output.trimEnd().split("\n").slice(-8).join("\n"));
      throw new VisaImageError(`${program} failed (${status}); its log: ${log}\n${lines}`);
    }
  }

  private async writeState(state: CloudState): Promise<void> {
    await this.write("state.json", `${JSON.stringify(state, null, 2)}\n`);
  }

  /** By rename, so that a reader sees the old or the new file, never half of one. */
  private async write(path: string, text: string): Promise<void> {
    const file = join(this.folder, path);
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }

  /**
   * Beside the folder, since reset removes the folder while it holds the lock; it stays, since removing a file that
   * somebody may be waiting for would let two in.
   */
  private get lockFile(): string {
    return `${this.folder}.lock`;
  }

  private async locked<T>(work: () => Promise<T>): Promise<T> {
    await mkdir(resolve(this.folder, ".."), { recursive: true });
    return withLock(this.lockFile, LOCK_TIMEOUT_S, work);
  }
}

class PortTaken extends VisaImageError {}

/** Characters that mean something to oslo.config ($), in a database URL (? # %), or that end a line. */
function assertPath(folder: string): void {
  const bad = /[$?#%\n]/.exec(folder);
  if (!bad) return;
  throw new VisaImageError(`the folder "${folder}" has a "${bad[0]}" in its path, which Keystone can't read`, {
    fix: "use a folder without any of $ ? # %",
    exitCode: ExitCode.USAGE,
  });
}

function secret(): string {
  return randomBytes(24).toString("hex");
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  | ");
}
