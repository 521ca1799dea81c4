/** This machine: its disks are full or read-only, its tools are missing or too old, its clock jumps, its paths are odd. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Ended, startProcess } from "../integration/runner-support";
import { type TinyLayer, writeTinySpecification } from "../support/tiny-guest/tiny-guest";
import { expectSuccess, FaultWorkspace, type Stage } from "./support";

jest.setTimeout(300_000);

let workspace: FaultWorkspace;
beforeAll(async () => {
  workspace = await FaultWorkspace.create();
});
afterAll(() => workspace.remove());
afterEach(() => workspace.release());

/** A file system in memory as the cache, in a mount namespace of its own that ends with its holder. */
class MemoryCache {
  private constructor(private readonly holder: ChildProcess) {}

  static async mount(): Promise<MemoryCache> {
    mkdirSync(workspace.cache, { recursive: true });
    const asRoot = process.getuid?.() === 0 ? [] : ["--map-root-user"];
    const script = 'mount -t tmpfs -o size=1200m tmpfs "$1" && echo ready && exec sleep 1000';
    const holder = spawn("unshare", ["--mount", ...asRoot, "sh", "-c", script, "sh", workspace.cache], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise<void>((done, fail) => {
      holder.stdout.once("data", () => done());
      holder.once("exit", () => fail(new Error("no file system could be mounted")));
    });
    return new MemoryCache(holder);
  }

  /** Where it is seen from outside. */
  get path(): string {
    return `/proc/${this.holder.pid}/root${workspace.cache}`;
  }

  private enter(...command: string[]): [string, ...string[]] {
    const asRoot = process.getuid?.() === 0 ? [] : ["--user", "--preserve-credentials"];
    return ["nsenter", "--target", String(this.holder.pid), "--mount", ...asRoot, "--", ...command];
  }

  /** Runs the command with it. */
  start(args: readonly string[]): ChildProcess & { ended: Promise<Ended> } {
    const [program, ...rest] = this.enter(...workspace.commandLine(...args));
    return startProcess(program, rest, workspace.environment);
  }

  remount(options: string): void {
    const [program, ...rest] = this.enter("mount", "-o", `remount,${options}`, workspace.cache);
    execFileSync(program, rest);
  }

  /** Leaves so many bytes of room. */
  shrink(free: number): void {
    const { blocks, bfree, bsize } = statfsSync(this.path);
    this.remount(`size=${Math.ceil(((blocks - bfree) * bsize + free) / 4096) * 4}k`);
  }

  grow(): void {
    this.remount("size=1200m");
  }

  end(): void {
    this.holder.kill("SIGKILL");
  }
}

describe("a disk of this machine that is full", () => {
  const writes: TinyLayer["provisioners"] = [
    { shell: { inline: ["dd if=/dev/urandom of=/mnt/noise bs=1M count=8 2>/dev/null"] } },
  ];
  let cache: MemoryCache;
  let args: string[];
  beforeAll(async () => {
    cache = await MemoryCache.mount();
    args = workspace.specify(workspace.layer("held", writes));
    const file = args[2] as string;
    const specification = JSON.parse(readFileSync(file, "utf8"));
    // What is asked for in advance: there is so much when the build begins.
    specification.layers[0].diskSizeGb = 0.1;
    writeFileSync(file, JSON.stringify(specification));
  });
  afterAll(() => cache.end());

  /**
   * @fault machine: the disk is full while the base is made, or flattened
   * @then 1, with qemu-img's own words and `make room`
   * @fault machine: the disk is full while the guest is built: QEMU halts the guest and would wait for ever
   * @then 1: `the disk of … is full`; the guest is ended
   * @fault machine: the disk is full while an artifact is published
   * @then 1: `no room left`; no half of it is there
   */
  test.each<[string, Stage, number, number, RegExp]>([
    ["while the base is made", "base", 0, 1, /No space left on device[\s\S]*fix: make room/],
    [
      "while the guest is built",
      "provisioning",
      2 ** 20,
      1,
      /given up: the disk of ".*" is full \(.* free\)[\s\S]*fix: make room/,
    ],
    ["while the layer is published", "finishing", 0, 1, /no room left: ENOSPC[\s\S]*fix: make room/],
    ["while it is flattened", "flattening", 2 ** 20, 1, /No space left on device[\s\S]*fix: make room/],
  ])("%s ends the build with what to do, and what was there stays good", async (_, stage, free, code, says) => {
    workspace.hold(stage);
    const child = cache.start(args);
    await workspace.untilHeld(stage);
    cache.shrink(free);
    workspace.release();
    const ended = await child.ended;
    expect(ended.stderr).toMatch(says);
    expect(ended.stderr).not.toMatch(/^ {4}at |not supposed to happen/m);
    expect(ended.code).toBe(code);
    await workspace.expectNothingLeft(cache.path);
    cache.grow();
  });

  test("has room again: the next build succeeds", async () => {
    expectSuccess(await cache.start(args).ended);
    await workspace.expectNothingLeft(cache.path);
  });

  /**
   * @fault machine: too little room when a build begins
   * @then 2: `has 4 MiB free, the build may need …`
   */
  test("is seen before anything starts, where it is full by then", async () => {
    cache.shrink(2 ** 20);
    const { code, stderr } = await cache.start(workspace.specify(workspace.layer("another"))).ended;
    expect(stderr).toMatch(/has .* free, the build may need .*\n {2}fix: make room/);
    expect(code).toBe(2);
    cache.grow();
  });

  /**
   * @fault machine: a cache that is read-only
   * @then 2: `cannot be written to`
   */
  test("a cache that is read-only ends the build before anything starts", async () => {
    cache.remount("ro");
    const { code, stderr } = await cache.start(workspace.specify(workspace.layer("another"))).ended;
    expect(stderr).toMatch(
      /the cache ".*" cannot be written to: EROFS: read-only file system.*\n {2}fix: let VISA_IMAGE_CACHE name/,
    );
    expect(stderr).not.toMatch(/not supposed to happen/);
    expect(code).toBe(2);
  });
});

/**
 * @fault machine: a cache on a file system without locks (NFS whose lock service is not there)
 * @then 2: `No locks available`, let it be on a disk of this machine
 */
test("a file system without locks ends the build before anything starts", async () => {
  // The kernel answers flock(2) as NFS does whose lock service is not there.
  const program = execFileSync("sh", ["-c", "command -v flock"]).toString().trim();
  const bin = join(workspace.folder, "no-locks");
  mkdirSync(bin);
  writeFileSync(
    join(bin, "flock"),
    `#!/usr/bin/env python3
import ctypes, os, struct, sys
SYS_flock, ENOLCK = 73, 37
code = [(0x20, 0, 0, 0), (0x15, 0, 1, SYS_flock), (0x06, 0, 0, 0x00050000 | ENOLCK), (0x06, 0, 0, 0x7FFF0000)]
text = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code), ctypes.addressof(text)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
os.execv("${program}", ["flock", *sys.argv[1:]])
`,
    { mode: 0o755 },
  );
  const args = workspace.specify(workspace.layer("lockless"));
  const { code, stderr } = await workspace.run(args, { PATH: `${bin}:${workspace.environment.PATH}` });
  expect(stderr).toMatch(/cannot lock ".*": flock: .*No locks available\n {2}fix: .*a disk of this machine/);
  expect(code).toBe(2);
  await workspace.expectNothingLeft();
});

describe("a tool", () => {
  /** A PATH with all that a build needs but one, or with a stand-in for it. */
  function pathWith(name: string, says?: string): string {
    const bin = join(workspace.folder, `without-${name}`);
    rmSync(bin, { recursive: true, force: true });
    mkdirSync(bin);
    const needed = [
      "packer",
      "qemu-system-x86_64",
      "qemu-img",
      "xorriso",
      "ssh-keygen",
      "flock",
      "setpriv",
      "sh",
      "cat",
      "git",
    ];
    for (const tool of needed) {
      const found = spawnSync("sh", ["-c", `command -v ${tool}`], { env: process.env })
        .stdout.toString()
        .trim();
      if (tool !== name && found) symlinkSync(found, join(bin, tool));
    }
    if (says) writeFileSync(join(bin, name), `#!/bin/sh\necho '${says}'\n`, { mode: 0o755 });
    return bin;
  }

  /**
   * @fault machine: Packer, QEMU or qemu-img is missing
   * @then 2, with the package that has it
   */
  test.each([
    ["packer", "packer"],
    ["qemu-system-x86_64", "qemu-system-x86"],
    ["qemu-img", "qemu-utils"],
  ])("%s that is missing ends the build before anything starts, with its package", async (name, apt) => {
    const args = workspace.specify(workspace.layer("toolless"));
    const { code, stderr } = await workspace.run(args, { PATH: pathWith(name) });
    expect(stderr).toContain(`not on PATH: "${name}"\n  fix: on Debian: apt install ${apt}`);
    expect(code).toBe(2);
    await workspace.expectNothingLeft();
  });

  /**
   * @fault machine: one of them is too old, or another program of its name
   * @then 2
   */
  test.each([
    ["packer", "Packer v1.5.0", '"packer" 1.5.0 is older than 1.6.6', "packer"],
    ["packer", "usage: packer dictionary", "does not say its version", "packer"],
    [
      "qemu-system-x86_64",
      "QEMU emulator version 5.2.0",
      '"qemu-system-x86_64" 5.2.0 is older than 7.0',
      "qemu-system-x86",
    ],
    ["qemu-img", "qemu-img version 5.2.0", '"qemu-img" 5.2.0 is older than 7.0', "qemu-utils"],
  ])("%s that says “%s” ends the build before anything starts", async (name, version, says, apt) => {
    const args = workspace.specify(workspace.layer("toolless"));
    const { code, stderr } = await workspace.run(args, { PATH: pathWith(name, version) });
    expect(stderr).toContain(says);
    expect(stderr).toContain(`apt install ${apt}`);
    expect(code).toBe(2);
    await workspace.expectNothingLeft();
  });
});

describe("a clock that jumps", () => {
  /** Moves the time of day of every Node process by a day, forth and back, every half second. */
  function jumpingClock(): string {
    const file = join(workspace.folder, "jump.cjs");
    writeFileSync(
      file,
      `const { now } = Date;
const RealDate = Date;
const jumped = () => now() + (Math.floor(performance.now() / 500) % 2 ? 1 : -1) * 86_400_000;
globalThis.Date = class extends RealDate {
  constructor(...args) { super(...(args.length ? args : [jumped()])); }
  static now() { return jumped(); }
};
`,
    );
    return `--require ${file}`;
  }

  /**
   * @fault machine: the clock jumps by a day, forth and back
   * @then nothing: what waits, waits by the kernel's own clock; what is compared are checksums
   */
  test("neither holds a build up nor keeps it from ending, whoever stops it", async () => {
    const environment = { NODE_OPTIONS: jumpingClock() };
    const args = workspace.specify(workspace.layer("timeless"));
    workspace.hold("provisioning");
    const stopped = workspace.start(args, environment);
    await workspace.untilHeld("provisioning");
    // Packer does not end by itself now: it takes a SIGKILL after the time that it has.
    for (const pid of workspace.named("packer")) process.kill(pid, "SIGSTOP");
    const begun = performance.now();
    stopped.kill("SIGTERM");
    expect((await stopped.ended).code).toBe(143);
    expect(performance.now() - begun).toBeLessThan(30_000);
    await workspace.expectNothingLeft();
    workspace.release();
    expectSuccess(await workspace.run(args, environment));
    await workspace.expectNothingLeft();
    // With the time as it is again, all is as it should be.
    const again = await workspace.run(args);
    expect(again.stderr).toContain("nothing to build");
  });
});

describe("odd names", () => {
  const ODD = `it's a "fine" größe: $HOME & {{ x }} ; 画`;

  /**
   * @fault machine: a home directory that is read-only
   * @then nothing: a build writes nothing to it where the cache is elsewhere
   * @fault machine: spaces, quotes, colons, `$`, `{{ }}`, letters beyond ASCII in the paths of cache, inputs, output,
   *   home and temporary files
   * @then nothing
   */
  test("of the folders of cache, inputs, output, home and temporary files do no harm", async () => {
    const folder = join(workspace.folder, ODD);
    const home = join(folder, "home");
    const temporary = join(folder, "tmp");
    for (const path of [home, temporary]) mkdirSync(path, { recursive: true });
    const { file } = writeTinySpecification(
      join(folder, "inputs"),
      [
        { name: "lower", provisioners: [{ shell: { inline: ["true"] } }] },
        {
          name: "odd",
          files: { "scripts/odd.sh": "#!/bin/sh\necho odd > /mnt/odd\n" },
          provisioners: [{ shell: { script: "scripts/odd.sh" } }],
        },
      ],
      { format: "raw", path: `${ODD}.raw`, minDiskGb: 1 },
    );
    const args = ["build", "--specification", file, "--output", join(folder, "copies")];
    const cache = join(folder, "cache");
    const ended = await workspace.run(args, {
      VISA_IMAGE_CACHE: cache,
      HOME: home,
      TMPDIR: temporary,
    });
    expectSuccess(ended);
    const { stdout } = ended;
    expect(stdout.trim()).toBe(join(folder, "copies/odd.raw"));
    const read = execFileSync("/sbin/debugfs", ["-R", "cat /odd", stdout.trim()], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(read.toString()).toBe("odd\n");
    // Nothing is written to the home directory, which may be read-only.
    expect([readdirSync(home), readdirSync(temporary)]).toEqual([[], []]);
    await workspace.expectNothingLeft(cache);
  });

  /**
   * @fault machine: `%`, `,`, `#` or `?` in the path of the cache or of temporary files, which Packer cannot read
   * @then 2, with the sign
   */
  test.each(["50%", "a,b", "#1", "a?"])(
    "that Packer cannot read (%j) end the build before anything starts",
    async (name) => {
      const args = workspace.specify(workspace.layer("odd"));
      const { code, stderr } = await workspace.run(args, { VISA_IMAGE_CACHE: join(workspace.folder, name) });
      expect(stderr).toMatch(/Packer cannot work in ".*": the path has a "[%,#?]"\n {2}fix: let VISA_IMAGE_CACHE/);
      expect(code).toBe(2);
    },
  );

  /**
   * @fault machine: spaces, quotes and the like in the path of a catalog
   * @then nothing
   */
  test("of the folder of a catalog do no harm", async () => {
    const folder = join(workspace.folder, "catalogs", ODD);
    mkdirSync(join(folder, "one/scripts"), { recursive: true });
    copyFileSync(
      "test/fixtures/catalogs/packme/templates/visa-base/environment.yml",
      join(folder, "one/environment.yml"),
    );
    writeFileSync(join(folder, "config.yml"), "templates: {one: {extends: visa-base}}\n");
    writeFileSync(
      join(folder, "one/manifest.yml"),
      "packer: {provisioners: [{type: shell, script: scripts/one.sh}]}\n",
    );
    writeFileSync(join(folder, "one/scripts/one.sh"), "#!/bin/sh\ntrue\n", { mode: 0o755 });
    const ended = await workspace.run(["render", "one", "--catalog", folder], {
      VISA_ROOT_PASSWORD: "secret",
    });
    expectSuccess(ended);
    const { stdout } = ended;
    expect(stdout).toContain("one/scripts/one.sh");
    // No path of this machine is in what is hashed and built.
    expect(stdout).not.toContain("größe");
  });
});
