/** Assertions 13 to 21: the remote desktop. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Check, expect, type Subject } from "./check";

/** What runs as the owner in a desktop session; pgrep sees 15 characters of a name. */
const DESKTOP_PROGRAMS = ["xfce4-session", "xfwm4", "xfce4-panel", "xfdesktop"];
const DESKTOP_SECONDS = 240;

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

async function sessionLeader({ guest, owner }: Subject): Promise<string> {
  return guest.text(`pgrep -u '${owner}' -x xfce4-session | sort -n | head -n 1`);
}

/**
 * Connects as VISA does, with a token through guacd, waits until the owner's desktop stands still, and saves it as
 * desktop.png in the subject's folder. A picture alone could be one of an error message: the desktop's programs have to
 * run as the owner.
 */
export async function showDesktop(subject: Subject): Promise<string> {
  const { instance, guest, owner, folder } = subject;
  await instance.waitFor("open port 4822", 120, async () => (await guest.events())["4822"]);
  const desktop = await subject.desktop();
  const programs = DESKTOP_PROGRAMS.map((name) => `pgrep -u '${owner}' -x ${name} >/dev/null`).join(" && ");
  await instance.waitFor(`desktop of the owner (${DESKTOP_PROGRAMS.join(", ")})`, DESKTOP_SECONDS, async () => {
    if (desktop.error) throw desktop.error;
    return (await guest.run(programs)).code === 0;
  });
  await desktop.waitForStillness({ minColours: 8, timeoutSeconds: DESKTOP_SECONDS });
  // The background comes last. One that is black by itself is worth half a minute, and no error.
  await desktop.waitForStillness({ maxBlack: 0.5, timeoutSeconds: 30 }).catch(() => {});
  if (desktop.error) throw desktop.error;
  writeFileSync(join(folder, "desktop.png"), desktop.screenshot());
  const { width, height } = desktop.size;
  const { colours } = desktop.statistics();
  return `${width}x${height}, ${colours} colours; first picture after ${desktop.firstPictureSeconds.toFixed(1)} s`;
}

/** Opens a second connection, and returns how long it took until something was drawn. */
async function reconnect(subject: Subject, options: { width?: number; height?: number; layout?: string }) {
  const before = await sessionLeader(subject);
  await using second = await subject.connect(options);
  await second.waitForStillness({ minColours: 8, timeoutSeconds: DESKTOP_SECONDS });
  expect((await sessionLeader(subject)) === before, "it opened another session");
  return { size: second.size, seconds: second.firstPictureSeconds };
}

/** Of the image, as a template promises the part `desktop`. */
export const DESKTOP_CHECKS: readonly Check[] = [
  {
    ...{ assertion: 13, boot: "main", profile: "gate" },
    async run({ instance }) {
      const { security, tlsVersion } = await instance.waitForRdp(120);
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
      const { parameters } = await subject.desktop();
      const wanted = ["hostname", "port", "username", "password", "ignore-cert", "server-layout", "color-depth"];
      const missing = wanted.filter((name) => !parameters.includes(name));
      expect(missing.length === 0, `it takes no ${missing.join(", ")}`);
      return parameters[0];
    },
  },
  {
    ...{ assertion: 15, boot: "main", profile: "gate" },
    async run({ guest }) {
      const open = (await guest.text(LISTENERS)).split("\n");
      const listens = (port: number) => open.filter((line) => line.startsWith("tcp ") && line.endsWith(` ${port}`));
      const outward = (port: number) => listens(port).some((line) => / (0\.0\.0\.0|::) /.test(line));
      expect(outward(3389), `3389 does not listen on all addresses: ${listens(3389).join("; ")}`);
      expect(outward(4822), `4822 does not listen on all addresses: ${listens(4822).join("; ")}`);
      for (const port of [3350, 9001]) expect(!outward(port), `${port} listens on all addresses`);
      return undefined;
    },
  },
  {
    ...{ assertion: 16, boot: "main", profile: "gate" },
    async run({ guest }) {
      await guest.text("timeout 10 bash -c 'exec 3<>/dev/tcp/$(hostname -I | cut -d\" \" -f1)/3389'");
      return undefined;
    },
  },
  {
    ...{ assertion: 18, boot: "main", profile: "full" },
    run: async (subject) => `shown after ${(await reconnect(subject, {})).seconds.toFixed(1)} s`,
  },
  {
    ...{ assertion: 19, boot: "main", profile: "full" },
    async run(subject) {
      await reconnect(subject, { layout: "fr-fr-azerty" });
      return "fr-fr-azerty";
    },
  },
  {
    ...{ assertion: 20, boot: "main", profile: "full" },
    async run(subject) {
      const shown: string[] = [];
      for (const [width, height] of [
        [1280, 720],
        [3840, 2160],
      ] as const) {
        const { size } = await reconnect(subject, { width, height });
        expect(
          size.width === width && size.height === height,
          `asked for ${width}x${height}, got ${size.width}x${size.height}`,
        );
        shown.push(`${size.width}x${size.height}`);
      }
      return shown.join(", ");
    },
  },
  {
    ...{ assertion: 21, boot: "main", profile: "gate" },
    async run({ guest, owner }) {
      await guest.text(`pgrep -u '${owner}' -f xrdp-chansrv`);
      return undefined;
    },
  },
];
