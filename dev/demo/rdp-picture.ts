/**
 * A picture of a desktop, taken as a scientist would see it: a real RDP client logs in under a virtual X server, and
 * the window is saved once the desktop stands still.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { VisaImageError } from "../../lib/errors";

/** Who logs in where, and which file the picture goes to. */
export interface RdpPictureOptions {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** A PNG. */
  readonly file: string;
  /** Settles once the desktop is there; until then no picture counts. */
  readonly ready: Promise<unknown>;
  /** In seconds. @default 300 */
  readonly timeoutSeconds?: number;
}

/**
 * Logs in with xfreerdp and saves what it shows.
 *
 * @throws VisaImageError when the client ends by itself (a wrong password, say), or no desktop has come in time
 */
export async function takeRdpPicture(options: RdpPictureOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "rdp-picture-"));
  const { server, display } = await startVirtualDisplay();
  // The password goes over standard input: on the command line everybody on the machine could read it.
  const client = execa(
    "setpriv",
    [
      ...[
        "--pdeathsig",
        "KILL",
        "--",
        "xfreerdp",
        `/v:127.0.0.1:${options.port}`,
        `/u:${options.user}`,
        "/from-stdin:force",
      ],
      ...["/cert:ignore", "/size:1280x800", "/bpp:24", "-decorations", "/log-level:ERROR"],
    ],
    {
      env: { DISPLAY: display, HOME: folder },
      input: `${options.password}\n`,
      reject: false,
      all: true,
      detached: false,
    },
  );
  let ended = false;
  let ready = false;
  options.ready.then(
    () => {
      ready = true;
    },
    () => undefined,
  );
  client.finally(() => {
    ended = true;
  });
  try {
    const end = performance.now() + (options.timeoutSeconds ?? 300) * 1000;
    let previous = "";
    for (;;) {
      await sleep(3000);
      if (ended) throw new VisaImageError(`the RDP client ended by itself: ${(await client).all ?? ""}`);
      const now = await capture(display, options.file);
      // A bare background has few colours; a desktop that still draws differs from shot to shot.
      if (ready && now.colours > 500 && now.signature === previous) return;
      previous = now.signature;
      if (performance.now() > end) {
        throw new VisaImageError(`no desktop within ${options.timeoutSeconds ?? 300} s`, {
          fix: `look at "${options.file}", the last picture (${now.colours} colours)`,
        });
      }
    }
  } finally {
    client.kill("SIGKILL");
    server.kill("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  }
}

async function capture(display: string, file: string): Promise<{ colours: number; signature: string }> {
  await execa("import", ["-window", "root", "-display", display, `png:${file}`]);
  const { stdout } = await execa("identify", ["-format", "%k %#", file]);
  const [colours = "0", signature = ""] = stdout.split(" ");
  return { colours: Number(colours), signature };
}

/** Xvfb picks a free display and tells its number on file descriptor 3. */
async function startVirtualDisplay() {
  const args = [
    "--pdeathsig",
    "KILL",
    "--",
    "Xvfb",
    "-displayfd",
    "3",
    "-screen",
    "0",
    "1280x800x24",
    "-nolisten",
    "tcp",
  ];
  const server = spawn("setpriv", args, { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const display = await new Promise<string>((done, fail) => {
    server.once("error", fail);
    server.once("exit", (code) => fail(new VisaImageError(`the virtual X server ended with code ${code}`)));
    server.stdio[3]?.once("data", (data: Buffer) => done(`:${data.toString().trim()}`));
  });
  return { server, display };
}
