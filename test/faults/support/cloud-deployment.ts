/**
 * One image, deployed again and again to a cloud that fails: Terraform, the provider, Keystone and Glance are real, with a
 * proxy before each of the two. The build is the stand-in's.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { App, LocalBackend, TerraformStack } from "cdktf";
import { EmbeddedCloud } from "../../../dev/embedded-cloud/embedded-cloud";
import { call } from "../../../dev/embedded-cloud/http";
import { Glance, type GlanceImage } from "../../../lib/cloud/glance";
import { credentialsFrom } from "../../../lib/cloud/keystone";
import type { VisaImageProps } from "../../../lib/constructs/visa-image-props";
import { sha256 } from "../../../lib/fingerprint/digest";
import { type Release, readLock } from "../../../lib/releases/release-lock";
import type { BuildSpecification } from "../../../lib/specification";
import { addImage, chain } from "../../constructs/support";
import {
  cloudEnvironmentOf,
  type RunningTerraform,
  TerraformFolder,
  type TerraformRun,
  useStandIn,
} from "../../integration/terraform-support";
import { compileCommand } from "../../runner/support/command";
import { FaultProxy } from "./fault-proxy";

/** The image's key in the lock. */
export const IMAGE = "images/visa-apps";

/** What Terraform's local backend writes beside its state while it holds the lock, which is the kernel's. */
export const STATE_LOCK = ".terraform.tfstate.lock.info";

/** The upload of an image's data. */
export const UPLOAD = /^PUT \/v2\/images\/[^/]+\/file$/;

type Variables = Readonly<Record<string, string>>;

/** One MiB. */
export const MIB = 1024 * 1024;

/** For a build that makes a disk of this size, in bytes, instead of one of 65 kB. */
export function diskOf(bytes: number): Variables {
  const line = 65;
  return { VISA_TEST_DISK_LINES: String(Math.ceil(bytes / line)) };
}

/** Terraform's errors, without what it said before, and without its line breaks. */
export function errorsOf({ status, text }: TerraformRun): string {
  if (status !== 1) throw new Error(`ended with ${status} instead of 1:\n${text}`);
  return text.slice(text.indexOf("Error: ")).replaceAll(/\s+/g, " ");
}

/** The cloud, the stack, and what is in them. */
export class CloudDeployment {
  readonly folder: string;
  readonly lockFile: string;
  /** What the last {@link expectDeploy} printed. */
  said = "";
  private readonly scratch = mkdtempSync(join(tmpdir(), "visa-images-test-"));
  private readonly out = join(this.scratch, "out");
  private readonly clouds: EmbeddedCloud[] = [];
  private readonly proxies: FaultProxy[] = [];
  private terraform?: TerraformFolder;
  private count = 0;

  constructor() {
    this.folder = join(this.out, "stacks", "images");
    this.lockFile = join(this.scratch, "visa-images.lock.json");
  }

  /** Starts a cloud, and makes it the one that is deployed to; the one before goes on running. */
  async startCloud(glance: Variables = {}): Promise<EmbeddedCloud> {
    const cloud = new EmbeddedCloud(join(this.scratch, `cloud-${this.clouds.length}`), { glance });
    this.clouds.push(cloud);
    const { services } = await cloud.start();
    if (!services) throw new Error("the cloud has no services");
    for (const { endpoint } of [services.keystone, services.glance]) {
      const proxy = new FaultProxy(new URL(endpoint).origin);
      await proxy.up();
      this.proxies.push(proxy);
    }
    const clouds = readFileSync(join(cloud.folder, "clouds.yaml"), "utf8");
    const { origin } = new URL(services.keystone.endpoint);
    writeFileSync(this.environment.OS_CLIENT_CONFIG_FILE, clouds.replaceAll(origin, this.keystone.url));
    const { token } = (await this.glanceClient()).session;
    const { body } = await call("GET", `${origin}/v3/endpoints`, { token });
    for (const { id, url } of (body as { endpoints: { id: string; url: string }[] }).endpoints) {
      if (url !== services.glance.endpoint) continue;
      await call("PATCH", `${origin}/v3/endpoints/${id}`, { token, body: { endpoint: { url: this.glance.url } } });
    }
    return cloud;
  }

  /** Ends and removes everything. */
  async stop(): Promise<void> {
    for (const pid of this.processes()) process.kill(pid, "SIGKILL");
    for (const proxy of this.proxies) await proxy.down();
    for (const cloud of this.clouds) await cloud.reset();
    rmSync(this.scratch, { recursive: true, force: true });
  }

  /** Before Keystone. */
  get keystone(): FaultProxy {
    return this.proxies.at(-2) as FaultProxy;
  }

  /** Before Glance. */
  get glance(): FaultProxy {
    return this.proxies.at(-1) as FaultProxy;
  }

  /** What leads programs to the cloud of the moment. */
  get environment() {
    return {
      ...cloudEnvironmentOf(this.scratch),
      OS_CLIENT_CONFIG_FILE: join(this.scratch, "clouds.yaml"),
      VISA_IMAGE_CACHE: join(this.scratch, "cache"),
    };
  }

  /** Signed in anew. */
  async glanceClient(): Promise<Glance> {
    return Glance.connect(credentialsFrom(this.environment));
  }

  /** Revokes a token, as its end would. */
  async revoke(token: string): Promise<void> {
    const { session } = await this.glanceClient();
    const url = new URL(session.credentials.authUrl);
    const headers = { "x-auth-token": session.token, "x-subject-token": token };
    await fetch(new URL("/v3/auth/tokens", url), { method: "DELETE", headers });
  }

  /** Inputs that were never deployed. */
  nextInputs(): BuildSpecification {
    this.count += 1;
    return chain({ script: `${String(this.count).padStart(12, "0")} 0755` });
  }

  /** Synthesizes the stack anew into the same folder, as a change of the code would. */
  synthesize(specification: BuildSpecification, props: Partial<VisaImageProps> = {}): void {
    const app = new App({ outdir: this.out });
    const stack = new TerraformStack(app, "images");
    new LocalBackend(stack, { path: "terraform.tfstate" });
    new OpenstackProvider(stack, "openstack");
    addImage(stack, { lockFile: this.lockFile, ...props, specification });
    app.synth();
    useStandIn(this.folder);
    this.terraform ??= new TerraformFolder(this.folder, this.environment);
  }

  /** Starts Terraform on what was synthesized last. */
  start(args: readonly string[], environment: Variables = {}): RunningTerraform {
    if (!this.terraform) throw new Error("nothing was synthesized");
    return this.terraform.start(args, environment);
  }

  /** Starts a deploy of these inputs. */
  startDeploy(
    specification: BuildSpecification,
    environment: Variables = {},
    props: Partial<VisaImageProps> = {},
  ): RunningTerraform {
    this.synthesize(specification, props);
    return this.start(["apply", "-auto-approve", "-input=false", "-compact-warnings"], environment);
  }

  /** Deploys these inputs, however that ends. */
  deploy(
    specification: BuildSpecification,
    environment: Variables = {},
    props: Partial<VisaImageProps> = {},
  ): Promise<TerraformRun> {
    return this.startDeploy(specification, environment, props).ended;
  }

  /** Plans these inputs. */
  plan(specification: BuildSpecification, props: Partial<VisaImageProps> = {}): Promise<TerraformRun> {
    this.synthesize(specification, props);
    return this.start(["plan", "-input=false", "-compact-warnings"]).ended;
  }

  /** Runs the real `visa-image`. */
  visaImage(...args: string[]): Promise<TerraformRun> {
    return run(process.execPath, [compileCommand(), ...args], this.scratch, {
      ...process.env,
      ...this.environment,
    });
  }

  /** The releases that the lock knows, the one in use last. */
  get releases(): readonly Release[] {
    return readLock(this.lockFile).images[IMAGE] ?? [];
  }

  /** Ids of the processes that were started in the stack's folder. */
  processes(pattern = /./): number[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
          return readlinkSync(`/proc/${pid}/cwd`).startsWith(this.folder) && pattern.test(command);
        } catch {
          return false;
        }
      })
      .map(Number);
  }

  /** Waits for a process. */
  async processOf(pattern: RegExp): Promise<number> {
    for (let tries = 0; tries < 600; tries++) {
      const [pid] = this.processes(pattern);
      if (pid) return pid;
      await sleep(50);
    }
    throw new Error(`no process ${pattern}`);
  }

  /** Processes, locks and half-written files that nobody has use for any more, in words. */
  async leftBehind(): Promise<string[]> {
    // What was killed may take a moment to be gone.
    for (let tries = 0; tries < 60 && this.processes().length > 0; tries++) await sleep(50);
    const processes = this.processes().map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
    const known = ["cloud-", "clouds.yaml", "out", "cache", "visa-images.lock.json"];
    const files = readdirSync(this.scratch).filter(
      (name) => !known.some((each) => name === each || (each.endsWith("-") && name.startsWith(each))),
    );
    const stateLock = readdirSync(this.folder).filter((name) => name === STATE_LOCK || name.endsWith(".tmp"));
    const lock = join(tmpdir(), `visa-images-${userInfo().uid}`, `${sha256(this.lockFile).slice(0, 16)}.lock`);
    const held = existsSync(lock) && spawnSync("flock", ["--nonblock", lock, "true"]).status !== 0;
    return [...processes, ...files, ...stateLock, ...(held ? ["the lock of visa-images.lock.json"] : [])];
  }

  /** What Glance has, the visible ones first. */
  async images(): Promise<GlanceImage[]> {
    return (await this.glanceClient()).images();
  }

  /**
   * What has to be true after every fault: the last good image is active, visible and protected, nothing else is visible,
   * and nothing is left behind.
   *
   * @param left what may be left behind
   */
  async expectSafe(lastGood: string, left: readonly string[] = []): Promise<void> {
    const visible = (await this.images()).filter((each) => !each.os_hidden);
    const seen = visible.map(({ id, status, protected: safe }) => ({ id, status, protected: safe }));
    expect(seen).toEqual([{ id: lastGood, status: "active", protected: true }]);
    expect(await this.leftBehind()).toEqual(left);
  }

  /** The next deploy: succeeds, its image is in use, and the plan after it is empty. @returns the image's id */
  async expectDeploy(specification: BuildSpecification, props: Partial<VisaImageProps> = {}): Promise<string> {
    const before = this.releases.at(-1);
    const { status, text } = await this.deploy(specification, {}, props);
    if (status !== 0) throw new Error(`the deploy ended with ${status}:\n${text}`);
    this.said = text;
    const fingerprint = specification.layers.at(-1)?.fingerprint;
    const inUse = this.releases.at(-1);
    expect(inUse?.fingerprint).toBe(fingerprint);
    const id = inUse?.imageId ?? "";
    await this.expectSafe(id);
    const images = await this.images();
    expect(images.find((each) => each.id === id)?.os_hash_value).toBe(sha512OfDisk(this.folder, specification));
    const past = before && before.fingerprint !== fingerprint ? before.imageId : undefined;
    if (past) expect(images.find((each) => each.id === past)).toMatchObject({ status: "active", os_hidden: true });
    expect((await this.plan(specification, props)).text).toContain("No changes.");
    return id;
  }
}

function sha512OfDisk(folder: string, specification: BuildSpecification): string {
  const fingerprint = specification.layers.at(-1)?.fingerprint.slice(0, 12);
  const disk = readFileSync(join(folder, "images", `visa-apps-${fingerprint}.raw`));
  return createHash("sha512").update(disk).digest("hex");
}

function run(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<TerraformRun> {
  const child = spawn(program, args, { cwd, env });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      text += chunk;
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, text }));
  });
}
