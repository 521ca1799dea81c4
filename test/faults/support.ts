/** Injects faults into builds on the tiny guest, and looks at what they leave. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { type ArtifactManifest, Cache } from "../../lib/runner/cache/cache";
import { type Ended, Workspace } from "../integration/runner-support";
import { compileCommand } from "../runner/support/command";
import { type TinyLayer, tinyGuest, writeTinySpecification } from "../support/tiny-guest/tiny-guest";

/** Where a build is held up. */
export type Stage = "base" | "starting" | "provisioning" | "shutdown" | "finishing" | "flattening";

export const STAGES: readonly Stage[] = ["base", "starting", "provisioning", "shutdown", "finishing", "flattening"];

/** By what qemu-img is asked to do at a stage. */
const QEMU_IMG: Partial<Record<Stage, string>> = {
  base: "convert -f qcow2 -O qcow2",
  finishing: "check -q",
  flattening: "convert -p",
};

/** Something that a guest waits for, on a port of this machine: it goes on when its connection is closed. */
class Gate {
  private readonly waiting = new Set<Socket>();
  // The guest has nothing to say, and ends its own half of the connection at once.
  private readonly server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.on("close", () => this.waiting.delete(socket));
    socket.resume();
    if (this.closed) this.waiting.add(socket);
    else socket.end();
  });
  private closed = false;
  port = 0;

  async listen(): Promise<void> {
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
    this.port = (this.server.address() as { port: number }).port;
  }

  get reached(): boolean {
    return this.waiting.size > 0;
  }

  close(): void {
    // Guests of earlier builds are gone without a word.
    for (const socket of this.waiting) socket.destroy();
    this.waiting.clear();
    this.closed = true;
  }

  open(): void {
    this.closed = false;
    for (const socket of this.waiting) socket.end();
  }

  end(): void {
    this.open();
    this.server.close();
  }
}

/** A folder, a cache, and builds in it that can be held up at every stage. */
export class FaultWorkspace extends Workspace {
  private readonly gates = { provisioning: new Gate(), shutdown: new Gate() };
  private readonly bin = join(this.folder, "bin");
  /** Where tools put what is theirs for a while. */
  readonly temporary = join(this.folder, "tmp");

  /** Makes one: call it in beforeAll. */
  static async create(): Promise<FaultWorkspace> {
    tinyGuest();
    const workspace = new FaultWorkspace(compileCommand());
    await Promise.all(Object.values(workspace.gates).map((gate) => gate.listen()));
    for (const folder of [workspace.bin, workspace.temporary]) mkdirSync(folder);
    // The real qemu-img, once it is let go.
    const real = execFileSync("sh", ["-c", "command -v qemu-img"]).toString().trim();
    const hold = join(workspace.folder, "hold");
    writeFileSync(
      join(workspace.bin, "qemu-img"),
      `#!/bin/sh
if [ -e '${hold}' ] && echo "$*" | grep -q -e "$(cat '${hold}')"; then
  echo $$ > '${workspace.folder}/held'
  while [ -e '${hold}' ]; do sleep 0.1; done
fi
exec '${real}' "$@"
`,
      { mode: 0o755 },
    );
    Object.assign(workspace.environment, {
      TMPDIR: workspace.temporary,
      PATH: `${workspace.bin}:${process.env.PATH}`,
      VISA_FAULTS: "",
      // A build that is to be held up in a step runs it, whatever an earlier test's has left.
      VISA_BUILD_CHECKPOINTS: "false",
    });
    return workspace;
  }

  /** Ends what runs, and removes everything: call it in afterAll. */
  override remove(): void {
    for (const gate of Object.values(this.gates)) gate.end();
    super.remove();
  }

  /** A layer that can be held up while it is provisioned and while it shuts down. */
  layer(name = "held", provisioners: readonly object[] = [], more: Partial<TinyLayer> = {}): TinyLayer {
    const { provisioning, shutdown } = this.gates;
    const wait = (port: number) => `nc 10.0.2.2 ${port} </dev/null >/dev/null`;
    return {
      name,
      provisioners: [
        { shell: { inline: [`sed -i '2i ${wait(shutdown.port)}' /bin/halt-now`, wait(provisioning.port)] } },
        ...provisioners,
      ],
      ...more,
    };
  }

  /** Writes a specification of layers whose last one is flattened too; returns the arguments that build it. */
  specify(...layers: readonly TinyLayer[]): string[] {
    return this.specifyIn(this.folder, ...layers);
  }

  /** The same in a folder of its own, for builds that run at the same time. */
  specifyIn(folder: string, ...layers: readonly TinyLayer[]): string[] {
    const output = { format: "raw", path: "out/disk.raw", minDiskGb: 1 } as const;
    return ["build", "--specification", writeTinySpecification(folder, layers, output).file];
  }

  private logsBefore = 0;

  /** Lets a build that comes get no further than into this stage. */
  hold(stage: Stage): void {
    this.logsBefore = this.names("logs").length;
    rmSync(join(this.folder, "held"), { force: true });
    const pattern = QEMU_IMG[stage];
    if (pattern) writeFileSync(join(this.folder, "hold"), pattern);
    // A guest that starts is held up in time by what comes after it.
    else this.gates[stage === "shutdown" ? "shutdown" : "provisioning"].close();
  }

  /** Waits until it is there. */
  untilHeld(stage: Stage): Promise<void> {
    const reached = {
      base: () => existsSync(join(this.folder, "held")),
      // Of the build that is held: an earlier one's log says so too, and a QEMU that is asked for its version runs as well.
      starting: () => this.names("logs").length > this.logsBefore && /Waiting for SSH/.test(this.newestLog()),
      provisioning: () => this.gates.provisioning.reached,
      shutdown: () => this.gates.shutdown.reached,
    };
    const held = stage === "finishing" || stage === "flattening" ? reached.base : reached[stage];
    return this.until(`the build is held up at "${stage}"`, held, 180);
  }

  /** Lets all go on. */
  release(): void {
    rmSync(join(this.folder, "hold"), { force: true });
    for (const gate of Object.values(this.gates)) gate.open();
  }

  /** The log that was begun last. */
  newestLog(): string {
    const last = this.names("logs").sort().at(-1);
    return last ? readFileSync(join(this.cache, "logs", last), "utf8") : "";
  }

  /** The processes of a name. */
  named(name: string): number[] {
    return this.processes()
      .filter((process) => process.name === name)
      .map(({ pid }) => pid);
  }

  runs(name: string): boolean {
    return this.named(name).length > 0;
  }

  /** What the cache says of a layer. */
  manifest(layer: string): ArtifactManifest {
    const manifests = this.names("artifacts").map(
      (name) =>
        JSON.parse(readFileSync(join(this.cache, "artifacts", name, "manifest.json"), "utf8")) as ArtifactManifest,
    );
    return manifests.find(({ template }) => template === layer) as ArtifactManifest;
  }

  /** Removes a layer from the cache, or what of it a stage makes, so that the next build comes to that stage. */
  forget(layer: string, stage: Stage): void {
    for (const name of this.names("artifacts")) {
      const folder = join(this.cache, "artifacts", name);
      const { template } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as ArtifactManifest;
      if (template !== layer && (template !== "base" || stage !== "base")) continue;
      for (const file of stage === "flattening" ? ["disk.raw", "disk.raw.json"] : [""]) {
        rmSync(join(folder, file), { recursive: true, force: true });
      }
    }
  }

  /** What must hold after every fault. @param cache where it is seen from here, if it is mounted for others only */
  async expectNothingLeft(cache = this.cache): Promise<void> {
    await this.untilNothingRuns(30);
    const held = readdirSync(join(cache, "locks")).filter((name) => name.endsWith(".owner"));
    const found = {
      locks: held,
      scratch: readdirSync(join(cache, "scratch")),
      temporary: readdirSync(this.temporary),
      mounts: readFileSync("/proc/mounts", "utf8")
        .split("\n")
        .filter((line) => line.includes(this.folder)),
      loops: spawnSync("/sbin/losetup", ["--list", "--noheadings", "--output", "BACK-FILE"])
        .stdout.toString()
        .split("\n")
        .filter((line) => line.includes(this.folder)),
      artifacts: await damagedArtifacts(cache),
    };
    expect(found).toEqual({ locks: [], scratch: [], temporary: [], mounts: [], loops: [], artifacts: [] });
  }

  /** What must hold after every fault but costs a build: the same build succeeds, and does so without being asked. */
  async expectNextBuildSucceeds(args: readonly string[]): Promise<void> {
    this.release();
    expectSuccess(await this.run(args));
    await this.expectNothingLeft();
  }
}

/** Shows all that was said where a command failed. */
export function expectSuccess({ code, stdout, stderr }: Ended): void {
  if (code !== 0) throw new Error(`exit code ${code}:\n${stdout}${stderr}`);
}

/** Artifacts of a cache that are not whole, or stand on what is not there; every byte is read. */
async function damagedArtifacts(root: string): Promise<string[]> {
  const cache = new Cache(root);
  const wrong: string[] = [];
  for (const name of readdirSync(cache.artifacts)) {
    // Set aside: kept for whoever wants to know.
    if (/\.(damaged|stale)-/.test(name)) continue;
    const manifest = await cache.manifest(name);
    if (typeof manifest !== "object") {
      wrong.push(`${name}: ${manifest}`);
      continue;
    }
    const parent = manifest.parent && (await cache.manifest(manifest.parent.fingerprint));
    // A parent may have been cleared, and is built again where it is needed.
    if (manifest.parent && typeof parent !== "object") continue;
    const state = await cache.check(name, parent as ArtifactManifest | undefined, "full");
    if (state.kind !== "intact") wrong.push(`${name}: ${state.kind}`);
    for (const file of readdirSync(cache.folder(name))) {
      if (/\.new/.test(file)) wrong.push(`${name}/${file}`);
      const format = file === "disk.raw" ? "raw" : file === "disk.flat.qcow2" ? "qcow2" : undefined;
      if (format && !(await cache.checkFlat(name, format, "full"))) wrong.push(`${name}/${file}`);
    }
  }
  return wrong;
}
