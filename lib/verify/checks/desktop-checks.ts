/** Assertions 13 to 21, 58, 60 and 61: the remote desktop. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { VisaImageError } from "../../errors";
import { describeFirstPicture } from "../boot-times";
import { BOOT_SECONDS } from "../boots";
import type { Desktop } from "../guacamole/client";
import { PICTURE_FILE } from "../verify-report";
import { type Check, expect } from "./check";
import { leavesNothing } from "./minute-check";
import type { ConnectOptions, Subject } from "./subject";

/** What runs as the owner in a desktop session; pgrep sees 15 characters of a name. */
const DESKTOP_PROGRAMS = ["xfce4-session", "xfwm4", "xfce4-panel", "xfdesktop"];
const DESKTOP_SECONDS = 240;
/** Sizes that a screen is asked for, in pixels. */
const SIZES = [
  [1280, 720],
  [3840, 2160],
] as const;

/** Addresses that nobody reaches from outside. */
export const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

/** Addresses and ports that listen, `tcp 0.0.0.0 3389`, from the kernel's own tables. */
export const LISTENERS = `python3 - <<'END'
import socket, struct
for table, family in (("tcp", 4), ("tcp6", 6), ("udp", 4), ("udp6", 6)):
    for line in list(open("/proc/net/" + table))[1:]:
        fields = line.split()
        if table[:3] == "tcp" and fields[3] != "0A": continue
        address, port = fields[1].rsplit(":", 1)
        raw = b"".join(struct.pack("<I", int(address[i:i + 8], 16)) for i in range(0, len(address), 8))
        print(table[:3], socket.inet_ntop(socket.AF_INET if family == 4 else socket.AF_INET6, raw), int(port, 16))
END`;

/** The share of a screen above which its colours are those of 24 bits: pointers are drawn by guacd itself. */
const FINE_SHARE = 0.02;

/** The owner's sessions, by the processes that lead them: one a line. */
async function sessions({ guest, owner }: Subject): Promise<string> {
  return guest.text(`pgrep -u '${owner}' -x xfce4-session | sort -n`);
}

/**
 * Connects as VISA does, with a token through guacd, waits until the owner's desktop stands still, and saves it as
 * desktop.png among its evidence. A picture alone could be one of an error message: the desktop's programs have to
 * run as the owner.
 */
export async function showDesktop(subject: Subject): Promise<string> {
  const { guest, owner, reports } = subject;
  await subject.waitFor("open port 4822", 120, async () => (await guest.events())["4822"]);
  const desktop = await subject.desktop();
  // One command: what looks on takes the session's own time.
  const running = `pgrep -u '${owner}' -l -x '${DESKTOP_PROGRAMS.join("|")}'`;
  await subject.waitFor(`desktop of the owner (${DESKTOP_PROGRAMS.join(", ")})`, DESKTOP_SECONDS, async () => {
    if (desktop.error) throw desktop.error;
    const { stdout } = await guest.run(running);
    return DESKTOP_PROGRAMS.every((name) => new RegExp(` ${name}$`, "m").test(stdout));
  });
  await settle(desktop, subject);
  writeFileSync(join(reports, PICTURE_FILE), desktop.screenshot());
  const { width, height } = desktop.size;
  const { colours } = desktop.statistics();
  return `${width}x${height}, ${colours} colours; ${describeFirstPicture(desktop.firstPictureSeconds)}`;
}

/** Waits until a whole desktop stands still. */
async function settle(desktop: Desktop, subject: Subject): Promise<void> {
  const shown = { minColours: 8, timeoutSeconds: subject.seconds(DESKTOP_SECONDS) };
  await desktop.waitForStillness(shown);
  // The background comes last. One that is black by itself is worth half a minute, and no error.
  await desktop.waitForStillness({ ...shown, maxBlack: 0.5, timeoutSeconds: 30 }).catch(async () => {
    // On a slow machine what was seen first was xrdp's own window, and nothing but black has followed it yet.
    await desktop.waitForStillness(shown);
  });
}

/** Asks the X server of the owner's session; undefined where the image lacks the program. */
async function askSession({ guest, owner }: Subject, program: string, ...args: string[]): Promise<string | undefined> {
  if ((await guest.run(`command -v ${program}`)).code !== 0) return undefined;
  return guest.text(`leader=$(pgrep -u '${owner}' -x xfce4-session | head -n 1)
mapfile -d '' -t variables < <(grep -zE '^(DISPLAY|XAUTHORITY|HOME)=' "/proc/$leader/environ")
runuser -u '${owner}' -- env "\${variables[@]}" ${[program, ...args].join(" ")}`);
}

/** Opens a second connection, waits until something is drawn, and passes it on before it is closed. */
async function reconnect<T>(
  subject: Subject,
  options: ConnectOptions,
  use: (second: Desktop) => Promise<T>,
): Promise<T> {
  // There is a first one, too, where this check runs alone.
  await subject.desktop();
  const before = await subject.waitFor("session of the owner", DESKTOP_SECONDS, () => sessions(subject));
  await using second = await subject.connect(options);
  await second.waitForStillness({ minColours: 8, timeoutSeconds: subject.seconds(DESKTOP_SECONDS) });
  const after = await sessions(subject);
  expect(after === before, `it opened another session: ${before} → ${after}`.replaceAll("\n", ", "));
  return await use(second);
}

/**
 * Asks for bits of colour, and looks whether what is shown has them. The connection before it ends.
 *
 * The graphics pipeline of guacd 1.6 has 32, whatever is asked for, where a connection does not turn it off; VISA's do not.
 */
export async function shownIn(colorDepth: 16 | 24, subject: Subject): Promise<string> {
  await using desktop = await subject.connect({ colorDepth });
  await settle(desktop, subject);
  const { fine } = desktop.statistics();
  const hasPipeline = desktop.parameters.includes("disable-gfx");
  const found = `asked for ${colorDepth} bits, ${(fine * 100).toFixed(1)} % of the screen have more than 16`;
  expect(fine > FINE_SHARE === (colorDepth === 24 || hasPipeline), found);
  return hasPipeline ? `${found}, by guacd's graphics pipeline` : found;
}

/** An instance in two networks: both have an address, nothing has waited in vain for one, and VISA gets an answer. */
async function twoInterfaces(subject: Subject): Promise<string> {
  const { guest } = subject;
  await guest.run("systemctl is-system-running --wait", { timeoutSeconds: BOOT_SECONDS });
  const lines = (await guest.text("ip -oneline -4 address show scope global")).split("\n").filter(Boolean);
  const addresses = lines.map((line) => line.split(/\s+/).slice(1, 4).join(" ").replace(" inet", ""));
  const names = new Set(lines.map((line) => line.split(/\s+/)[1]));
  expect(names.size === 2, `of two interfaces ${names.size} have an address: ${addresses.join(", ") || "none"}`);
  const failed = await guest.text("systemctl list-units --failed --plain --no-legend | awk '{ print $1 }'");
  expect(failed === "", `failed units: ${failed.replaceAll("\n", ", ")}`);
  await subject.waitForRdp();
  await subject.waitFor("open port 4822", 120, async () => (await guest.events())["4822"]);
  return addresses.join(", ");
}

/** In pixels: what guacd says of the screen, or else its X server, for guacd 1.3 does not always say it. */
async function sizeOf(desktop: Desktop, subject: Subject): Promise<string> {
  const { width, height } = desktop.size;
  if (desktop.announcedSize) return `${width}x${height}`;
  const screen = await askSession(subject, "xdpyinfo");
  return /dimensions: +(\d+x\d+)/.exec(screen ?? "")?.[1] ?? `${width}x${height}`;
}

/** Of the image, as a template promises the part `desktop`. */
export const DESKTOP_CHECKS: readonly Check[] = [
  {
    ...{ assertion: 13, boot: "main", profile: "gate" },
    async run(subject) {
      const { security, tlsVersion } = await subject.waitForRdp();
      expect(security === "tls", `it picked ${security}, not TLS`);
      return tlsVersion;
    },
  },
  {
    ...{ assertion: 17, boot: "main", profile: "gate" },
    run: showDesktop,
  },
  {
    ...{ assertion: 14, boot: "main", profile: "gate" },
    async run(subject) {
      // The client has refused one that lacks what VISA sends.
      const { parameters } = await subject.desktop();
      return parameters[0];
    },
  },
  {
    ...{ assertion: 15, boot: "main", profile: "gate" },
    async run({ guest }) {
      const open = (await guest.text(LISTENERS)).split("\n");
      const addresses = (port: number) =>
        open.flatMap((line) => (line.startsWith("tcp ") && line.endsWith(` ${port}`) ? line.split(" ")[1] : []));
      for (const port of [3389, 4822]) {
        const found = addresses(port);
        const outward = found.some((address) => address === "0.0.0.0" || address === "::");
        expect(outward, `${port} does not listen on all addresses: ${found.join(", ") || "on none"}`);
      }
      for (const port of [3350, 9001]) {
        const found = addresses(port).find((address) => !LOOPBACK.test(address ?? ""));
        expect(found === undefined, `${port} listens on ${found}`);
      }
      return undefined;
    },
  },
  {
    ...{ assertion: 16, boot: "main", profile: "gate" },
    async run({ guest }) {
      const { code } = await guest.run("timeout 10 bash -c 'exec 3<>/dev/tcp/$(hostname -I | cut -d\" \" -f1)/3389'");
      expect(code === 0, "the guest does not reach its own address on 3389");
      return undefined;
    },
  },
  {
    ...{ assertion: 18, boot: "main", profile: "full" },
    run: (subject) =>
      reconnect(subject, {}, async ({ firstPictureSeconds }) => `shown after ${firstPictureSeconds.toFixed(1)} s`),
  },
  {
    ...{ assertion: 19, boot: "main", profile: "full" },
    run: (subject) =>
      reconnect(subject, { layout: "fr-fr-azerty" }, async () => {
        const keyboard = await askSession(subject, "setxkbmap", "-query");
        if (keyboard === undefined) return "fr-fr-azerty; the image has no setxkbmap to ask what came of it";
        const layout = /^layout: *(.*)$/m.exec(keyboard)?.[1];
        expect(/^fr\b/.test(layout ?? ""), `asked for fr-fr-azerty, the session has the layout "${layout}"`);
        return `fr-fr-azerty: ${layout}`;
      }),
  },
  {
    ...{ assertion: 20, boot: "main", profile: "full" },
    async run(subject) {
      const shown: string[] = [];
      for (const [width, height] of SIZES) {
        const size = await reconnect(subject, { width, height }, (second) => sizeOf(second, subject)).catch((cause) => {
          throw new VisaImageError(`at ${width}x${height}: ${(cause as Error).message}`, { cause });
        });
        expect(size === `${width}x${height}`, `asked for ${width}x${height}, got ${size}`);
        shown.push(size);
      }
      return shown.join(", ");
    },
  },
  { assertion: 58, boot: "main", profile: "full", run: leavesNothing },
  { assertion: 60, boot: "bare", profile: "full", run: twoInterfaces },
  { assertion: 61, boot: "main", profile: "full", run: (subject) => shownIn(16, subject) },
  // Not on `main`: sesman keeps a session for each user and depth, and a user's second one disturbs the first.
  { assertion: 61, boot: "bare", profile: "full", run: (subject) => shownIn(24, subject) },
  {
    ...{ assertion: 21, boot: "main", profile: "gate" },
    async run({ guest, owner }) {
      // One that has died stays as a zombie, which pgrep finds too.
      const { code } = await guest.run(`ps -u '${owner}' -o stat=,comm= | grep -qE '^[^Z]\\S* +xrdp-chansrv$'`);
      expect(code === 0, "xrdp-chansrv does not run for the owner");
      return undefined;
    },
  },
];
