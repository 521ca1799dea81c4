/**
 * The Guacamole client against a real guacd, xrdp and XFCE session, in a folder with a Debian of its own: no machine is
 * booted, and nothing of the host changes. templates/visa-base/guacd/install.sh puts guacd there.
 *
 * Making the folder takes about four minutes and needs root; it is kept in the temporary folder for the next run.
 * VISA_TEST_DESKTOP_ROOT names one that exists.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { PNG } from "pngjs";
import { connectDesktop, type Desktop, GuacamoleError } from "../../lib/verify/guacamole";
import { freePort } from "../../lib/verify/machine";
import { probeRdp } from "../../lib/verify/rdp";

const INSTALLER = join(__dirname, "../../templates/visa-base/guacd");
const PACKAGES =
  "systemd,passwd,xrdp,xorgxrdp,xfce4-session,xfwm4,xfdesktop4,xfce4-panel,xfce4-settings,xfce4-appfinder,xfce4-terminal,dbus-x11,xclip";
const USER = "jane.doe";
const PASSWORD = "not-a-token";

/** A Debian with guacd and xrdp, made once. */
async function desktopRoot(): Promise<string> {
  const given = process.env.VISA_TEST_DESKTOP_ROOT;
  if (given) return given;
  const installer = ["install.sh", "guacd.conf", "guacd.service"].map((file) => readFileSync(join(INSTALLER, file)));
  const hash = createHash("sha256").update(PACKAGES).update(Buffer.concat(installer)).digest("hex").slice(0, 12);
  const root = join(tmpdir(), `visa-image-test-desktop-${hash}`);
  if (existsSync(root)) return root;
  const unfinished = `${root}.${process.pid}`;
  await execa("mmdebstrap", [
    ...["--quiet", "--mode=root", "--variant=apt", `--include=${PACKAGES}`],
    ...[`--customize-hook=mkdir "$1/installer" && cp ${INSTALLER}/* "$1/installer/"`],
    // Twice: it is safe to.
    ...["--customize-hook=chroot", "--customize-hook=chroot"].map((hook) => `${hook} "$1" bash /installer/install.sh`),
    ...[`--customize-hook=chroot "$1" useradd -m -s /bin/bash ${USER}`],
    ...[`--customize-hook=echo "${USER}:${PASSWORD}" | chroot "$1" chpasswd`],
    ...["bookworm", unfinished],
  ]).catch((error: unknown) => {
    rmSync(unfinished, { recursive: true, force: true });
    throw error;
  });
  renameSync(unfinished, root);
  return root;
}

/** guacd, xrdp and its session manager in name spaces of their own, which end as one. */
class Desktops {
  private constructor(
    private readonly process: ChildProcess,
    readonly guacdPort: number,
    readonly rdpPort: number,
    private readonly root: string,
  ) {}

  static async start(root: string, folder: string): Promise<Desktops> {
    const [guacd, rdp, sesman] = [await freePort(), await freePort(), await freePort()];
    mkdirSync(folder, { recursive: true });
    const xrdp = join(folder, "xrdp");
    cpSync(join(root, "etc/xrdp"), xrdp, { recursive: true, verbatimSymlinks: true });
    edit(join(xrdp, "xrdp.ini"), /^port=3389$/m, `port=tcp://127.0.0.1:${rdp}`);
    edit(join(xrdp, "sesman.ini"), /^ListenPort=.*$/m, `ListenPort=${sesman}`);
    const script = `
      set -e
      cd "$1"
      mount -t proc proc proc
      mount --rbind /dev dev
      mount -t tmpfs -o mode=1777 tmpfs tmp
      mount -t tmpfs tmpfs run
      mkdir -p -m 3777 run/xrdp/sockdir
      mount --bind "$2" etc/xrdp
      chroot . xrdp-sesman -n &
      chroot . xrdp -n &
      guacd=usr/local/sbin/guacd
      [ -x "$guacd" ] || guacd=usr/sbin/guacd
      exec setpriv --pdeathsig KILL chroot . "/$guacd" -f -b 127.0.0.1 -l "$3"`;
    const unshare = ["unshare", "--pid", "--mount", "--fork", "--kill-child", "bash", "-c", script, "bash"];
    const args = ["--pdeathsig", "KILL", "--", ...unshare, root, xrdp, `${guacd}`];
    const child = spawn("setpriv", args, { stdio: ["ignore", "pipe", "pipe"] });
    const log = createWriteStream(`${folder}.log`);
    for (const stream of [child.stdout, child.stderr]) stream?.pipe(log, { end: false });
    const desktops = new Desktops(child, guacd, rdp, root);
    for (let tries = 0; !(await desktops.listens()); tries++) {
      if (tries > 100) throw new Error(`nothing listens; read ${folder}.log`);
      await sleep(200);
    }
    return desktops;
  }

  connect(options: { password?: string; rdpPort?: number; width?: number; height?: number; layout?: string } = {}) {
    return connectDesktop({
      ...{ host: "127.0.0.1", port: this.guacdPort, rdpHost: "127.0.0.1", rdpPort: this.rdpPort },
      ...{ user: USER, password: PASSWORD, width: 1280, height: 720, timeoutSeconds: 40, ...options },
    });
  }

  /** What runs as the owner, by name. */
  async processes(): Promise<string[]> {
    const { uid } =
      /^jane\.doe:[^:]*:(?<uid>\d+):/m.exec(readFileSync(join(this.root, "etc/passwd"), "utf8"))?.groups ?? {};
    const { stdout } = await execa("ps", ["-eo", "uid,pid,comm"]);
    const rows = stdout.split("\n").map((row) => row.trim().split(/\s+/));
    const ours: string[] = [];
    for (const [owner, pid = "", name = ""] of rows) {
      // Others on this machine may have the same number: ours live below our root.
      if (owner === uid && (await execa("readlink", [`/proc/${pid}/root`], { reject: false })).stdout === this.root) {
        ours.push(name);
      }
    }
    return ours;
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((done) => this.process.once("exit", done));
    // unshare ignores SIGTERM; the first process of its name space ends with it, and all others with that one.
    this.process.kill("SIGKILL");
    await ended;
  }

  private async listens(): Promise<boolean> {
    const [guacd, rdp] = await Promise.all([
      this.connect({ rdpPort: 1, password: "" }).catch((error: Error) => error),
      probeRdp({ host: "127.0.0.1", port: this.rdpPort }).catch(() => undefined),
    ]);
    return guacd instanceof GuacamoleError && rdp !== undefined;
  }
}

function edit(file: string, pattern: RegExp, replacement: string): void {
  const text = readFileSync(file, "utf8");
  if (!pattern.test(text)) throw new Error(`${file} has no ${pattern}`);
  writeFileSync(file, text.replace(pattern, replacement));
}

/** Root only, as said above. */
const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

asRoot("a desktop through guacd", () => {
  const folder = join(tmpdir(), `visa-image-test-guacamole-${process.pid}`);
  let desktops: Desktops;
  const open: Desktop[] = [];
  const connect: Desktops["connect"] = async (options) => {
    const desktop = await desktops.connect(options);
    open.push(desktop);
    return desktop;
  };

  beforeAll(async () => {
    desktops = await Desktops.start(await desktopRoot(), folder);
  }, 600_000);

  afterEach(() => {
    for (const desktop of open.splice(0)) desktop.close();
  });

  afterAll(async () => {
    await desktops?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("fails with guacd's code where no RDP server listens", async () => {
    const failure = await connect({ rdpPort: 1 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(GuacamoleError);
    expect(failure).toMatchObject({ code: 519 });
  });

  test("fails to open a session with a wrong password", async () => {
    const desktop = await connect({ password: "wrong" }).catch(() => undefined);
    await sleep(5000);
    desktop?.close();
    expect(await desktops.processes()).toEqual([]);
  }, 60_000);

  test("xrdp picks TLS and shakes hands", async () => {
    const { security, tls } = await probeRdp({ host: "127.0.0.1", port: desktops.rdpPort });
    expect(security).toBe("tls");
    expect(tls?.version).toMatch(/^TLSv1\.[23]$/);
  });

  test("shows a session of the owner, which can be seen, typed into and copied from", async () => {
    const desktop = await connect();
    expect(desktop.parameters).toEqual(expect.arrayContaining(["hostname", "server-layout", "color-depth"]));
    const stillSeconds = await desktop.waitForStillness({ minColours: 16, timeoutSeconds: 90 });
    console.info(
      `from connect: ready ${desktop.timings.readySeconds.toFixed(1)} s, first picture ` +
        `${desktop.timings.firstPictureSeconds.toFixed(1)} s, still ${stillSeconds.toFixed(1)} s`,
    );
    expect(desktop.unsupported).toEqual([]);
    expect(await desktops.processes()).toContain("xfce4-session");
    const { width, height } = PNG.sync.read(desktop.screenshot());
    expect([width, height]).toEqual([1280, 720]);

    // From here on through the screen alone: XFCE's run dialog, and the clipboard both ways.
    desktop.sendClipboard("größe");
    const before = desktop.screenshot();
    desktop.press(0xffbf, 0xffe9); // Alt+F2
    for (let tries = 0; tries < 300 && desktop.screenshot().equals(before); tries++) await sleep(100);
    await desktop.waitForStillness({ quietSeconds: 2, tolerance: 0.005, timeoutSeconds: 60 });
    desktop.type(`sh -c "(xclip -o -selection clipboard; echo '|'$((6*7))) | xclip -selection clipboard"\n`);
    expect(await desktop.waitForClipboard((text) => text.includes("|"), 30)).toBe("größe|42\n");
  }, 300_000);

  test("a second connection finds the same session, with another layout and size", async () => {
    const before = await desktops.processes();
    const desktop = await connect({ layout: "fr-fr-azerty" });
    await desktop.waitForStillness({ minColours: 16, timeoutSeconds: 60 });
    const after = await desktops.processes();
    expect(after.filter((name) => name === "xfce4-session")).toEqual(["xfce4-session"]);
    expect(after.filter((name) => name === "Xorg").length).toBe(before.filter((name) => name === "Xorg").length);
  }, 120_000);

  test("shows 3840x2160", async () => {
    const desktop = await connect({ width: 3840, height: 2160 });
    await desktop.waitForStillness({ minColours: 16, timeoutSeconds: 90 });
    expect(desktop.size).toEqual({ width: 3840, height: 2160 });
  }, 120_000);
});
