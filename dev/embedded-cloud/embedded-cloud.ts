/**
 * A real OpenStack on loopback, in one folder: Keystone and Glance, as an ordinary user; in its full size Placement, Nova
 * and Neutron too, in namespaces of their own, as root.
 *
 * The programs are the distribution's; nothing outside the folder is written. Why it is made this way:
 * docs/decisions/embedded-cloud.md.
 */

import { randomBytes } from "node:crypto";
import { chmod, mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ExitCode, VisaImageError } from "../../lib/errors";
import { exists } from "../../lib/presence";
import { freePort } from "../../lib/verify/instance/ports";
import { cloudsYaml, openrc, shellEnvironment } from "./clients";
import { startFull } from "./full/full";
import { enterNamespace, NAMESPACE, stopNamespace } from "./full/namespace";
import { FULL_SERVICES } from "./full/services";
import { call } from "./http";
import { withLock } from "./lock";
import { assertPrograms, packageVersions } from "./programs";
import {
  type Api,
  CLOUD_NAME,
  type CloudSettings,
  endpoints,
  fullEndpoints,
  MEMBER_CLOUD_NAME,
  REGION,
  SMALL_SERVICES,
  type SmallApi,
} from "./settings";
import { type SmallOptions, startSmall } from "./small";
import { type CloudSize, type CloudState, readState, STATE_VERSION, stateFile } from "./state";
import { PortTaken, Workbench } from "./workbench";

const LOCK_TIMEOUT_S = 120;

/** One service in {@link CloudStatus}. */
export interface ServiceStatus {
  readonly state: "running" | "stopped" | "crashed" | "not answering";
  /** As the catalog lists it; what answers to no API has none. */
  readonly endpoint?: string;
  readonly pid?: number;
  /** All of its processes, the supervisor included. */
  readonly pids: readonly number[];
  /** Of the Debian package, where it has a database. */
  readonly version?: string;
  readonly log: string;
  /** What is wrong, where something is. */
  readonly message?: string;
}

/** A service that the catalog lists. */
export type ApiStatus = ServiceStatus & { readonly endpoint: string };

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
  /** All that the size has, by name. */
  readonly services?: Readonly<Record<SmallApi, ApiStatus> & Record<string, ServiceStatus>>;
}

/** Options of {@link EmbeddedCloud}. */
export interface EmbeddedCloudOptions {
  /** Where lines about the progress go. @default nowhere */
  readonly say?: (line: string) => void;
  /** More options of Glance's section DEFAULT: tests of its limits set some. @default none */
  readonly glance?: Readonly<Record<string, string>>;
  /** Whether Glance fetches images from any port of this machine, and stores as raw what comes as qcow2. @default false */
  readonly imports?: boolean;
}

/** Options of {@link EmbeddedCloud.env}. */
export interface UserOptions {
  /** As the ordinary user of a full one. @default false: as admin */
  readonly member?: boolean;
}

/** The embedded cloud of one folder. */
export class EmbeddedCloud {
  readonly folder: string;
  private readonly say: (line: string) => void;
  private readonly glanceOptions: Pick<SmallOptions, "glance" | "imports">;
  private readonly bench: Workbench;

  /** @param folder holds all of it; made by {@link start}, removed by {@link reset} */
  constructor(folder: string, options: EmbeddedCloudOptions = {}) {
    this.folder = resolve(folder);
    this.say = options.say ?? (() => undefined);
    const { glance = {}, imports = false } = options;
    this.glanceOptions = { glance, imports };
    this.bench = new Workbench(this.folder, this.say);
  }

  /**
   * Starts what isn't running, from nothing or from what {@link stop} or a crash has left.
   *
   * @param wanted the size. @default - the one that it has, else small
   * @throws VisaImageError where a program is missing, the folder isn't ours, or a service doesn't come up; whatever
   * was started is stopped again
   */
  async start(wanted?: CloudSize): Promise<CloudStatus> {
    assertPath(this.folder);
    const present = await readState(this.folder);
    const size = wanted ?? present?.size ?? "small";
    if (present && present.size !== size) {
      throw new VisaImageError(`the cloud in "${this.folder}" is a ${present.size} one`, {
        fix: "name another folder (--folder), or remove it first: dev/cloud reset",
        exitCode: ExitCode.USAGE,
      });
    }
    if (size === "full") assertRoot();
    await assertPrograms(size);
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
    const versions = await packageVersions(state.size);
    const names = state.size === "full" ? [...SMALL_SERVICES, ...FULL_SERVICES] : SMALL_SERVICES;
    const found = names.map(async (name) => [name, await this.serviceStatus(name, state, versions[name])] as const);
    const services = Object.fromEntries(await Promise.all(found)) as NonNullable<CloudStatus["services"]>;
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
  async env(options: UserOptions = {}): Promise<string> {
    const state = await readState(this.folder);
    // Its passwords are there from the first moment on, clouds.yaml only when it has been up once.
    if (!state || !(await exists(join(this.folder, "clouds.yaml"))))
      throw new VisaImageError(`there is no cloud in "${this.folder}"`, { fix: "start it: dev/cloud start" });
    const cloud = options.member ? MEMBER_CLOUD_NAME : CLOUD_NAME;
    if (options.member && !state.full) {
      throw new VisaImageError(`the cloud in "${this.folder}" is a small one: it has no ordinary user`, {
        exitCode: ExitCode.USAGE,
      });
    }
    return shellEnvironment(state, process.env.no_proxy ?? process.env.NO_PROXY, cloud);
  }

  /**
   * A command line that runs a command with the cloud's credentials, in its namespaces where it has them.
   *
   * @param command the program and its arguments
   * @throws VisaImageError where the cloud is not there
   */
  async inside(command: readonly string[], options: UserOptions = {}): Promise<string[]> {
    const lines = await this.env(options);
    const state = await readState(this.folder);
    const enter = state?.size === "full" ? await enterNamespace(this.bench.service(NAMESPACE)) : [];
    // Entering changes the folder.
    const script = `cd -- "$1" && shift\n${lines}exec "$@"`;
    return [...enter, "bash", "-c", script, "bash", process.cwd(), ...command];
  }

  /** A service's log. @throws VisaImageError for a service that there is not */
  async log(name: string): Promise<string> {
    const services: Readonly<Record<string, ServiceStatus>> = (await this.status()).services ?? {};
    const service = services[name];
    if (service) return service.log;
    throw new VisaImageError(`there is no service "${name}"`, {
      fix: `one of: ${Object.keys(services).join(", ") || "none, the cloud was never started"}`,
      exitCode: ExitCode.USAGE,
    });
  }

  private async startServices(size: CloudSize): Promise<void> {
    this.bench.begin();
    const state = await this.prepare(size);
    const versions = await packageVersions(size);
    const fresh = Object.entries(versions).some(([name, version]) => state.schema[name] !== version);
    const options = { fresh, ...this.glanceOptions };
    if (isFull(state)) await startFull(this.bench, state, options);
    else await startSmall(this.bench, state, options);
    await this.bench.write("clouds.yaml", cloudsYaml(state));
    await this.bench.write("openrc", openrc(state));
    await this.writeState({ ...state, schema: versions });
  }

  /** Folders, passwords and ports. */
  private async prepare(size: CloudSize): Promise<CloudState> {
    const present = await readState(this.folder);
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await chmod(this.folder, 0o700);
    const taken: number[] = [];
    const port = async (name: string, former?: number): Promise<number> => {
      const found = await freePort(former, taken);
      taken.push(found);
      if (former !== undefined && former !== found) this.say(`${name}: port ${former} is taken, using ${found}`);
      return found;
    };
    const former = present?.full;
    const state: CloudState = {
      version: STATE_VERSION,
      size,
      folder: this.folder,
      ports: {
        keystone: await port("keystone", present?.ports.keystone),
        glance: await port("glance", present?.ports.glance),
      },
      adminPassword: present?.adminPassword ?? secret(),
      glancePassword: present?.glancePassword ?? secret(),
      schema: present?.schema ?? {},
      ...(size === "full" && {
        full: {
          ports: {
            placement: await port("placement", former?.ports.placement),
            nova: await port("nova", former?.ports.nova),
            neutron: await port("neutron", former?.ports.neutron),
          },
          servicePassword: former?.servicePassword ?? secret(),
          memberPassword: former?.memberPassword ?? secret(),
        },
      }),
    };
    // First of all, so that reset knows the folder as ours however far this gets.
    await this.writeState(state);
    for (const path of ["log", "run"]) await mkdir(join(this.folder, path), { recursive: true, mode: 0o700 });
    return state;
  }

  private async serviceStatus(name: string, state: CloudState, version?: string): Promise<ServiceStatus> {
    const service = this.bench.service(name);
    const processes = await service.inspect();
    const urls: Partial<Record<string, string>> = {
      ...endpoints(state),
      ...(isFull(state) && fullEndpoints(state)),
    } satisfies Partial<Record<Api, string>>;
    const endpoint = urls[name];
    const common = { ...(endpoint && { endpoint }), ...(version && { version }), log: service.log };
    if (processes.state === "stopped") return { ...common, state: "stopped", pids: [] };
    if (processes.state === "crashed") {
      return { ...common, state: "crashed", pids: processes.pids, message: processes.message };
    }
    const answers =
      endpoint === undefined ||
      (await call("GET", endpoint, { timeoutMs: 10_000 }).then(
        () => true,
        () => false,
      ));
    const message = `${name} runs (pid ${processes.pid}), but does not answer on ${endpoint}; its log: ${service.log}`;
    return {
      ...common,
      state: answers ? "running" : "not answering",
      pid: processes.pid,
      pids: processes.pids,
      ...(answers ? {} : { message }),
    };
  }

  private async stopServices(): Promise<void> {
    const names = [...SMALL_SERVICES, ...FULL_SERVICES.filter((name) => name !== NAMESPACE)];
    const stopped = await Promise.all(
      names.map(async (name) => ((await this.bench.service(name).stop()) ? [name] : [])),
    );
    if (await stopNamespace(this.bench.service(NAMESPACE))) stopped.push([NAMESPACE]);
    this.bench.enter = [];
    const [first, ...others] = stopped.flat();
    if (first)
      this.say(
        `stopped ${first}${others.length > 1 ? ` and ${others.length} more` : others.map((one) => ` and ${one}`)}`,
      );
  }

  private async writeState(state: CloudState): Promise<void> {
    await this.bench.write("state.json", `${JSON.stringify(state, null, 2)}\n`);
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

function isFull<T extends CloudSettings>(settings: T): settings is T & { readonly full: NonNullable<T["full"]> } {
  return settings.full !== undefined;
}

function assertRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new VisaImageError("the full cloud needs root: for its namespaces, and for Nova and Neutron in them", {
    fix: "run the same command by sudo",
    exitCode: ExitCode.USAGE,
  });
}

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
