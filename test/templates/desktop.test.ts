/** What packages.sh asks for and desktop.sh writes, without a guest. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ImageRelease, imageRelease, writeRelease } from "../../lib/runner/guest/image-release";
import { base64, type Outcome, Sandbox } from "./support/sandbox";

jest.setTimeout(60_000);

const VERSION = { packageVersion: "1.2.3" };

const SETTINGS = "/etc/xdg/xfce4/xfconf/xfce-perchannel-xml";

const SHORTCUTS = `<channel name="xfce4-keyboard-shortcuts" version="1.0"><property name="commands" type="empty">
<property name="default" type="empty"><property name="&lt;Alt&gt;F2" type="string" value="xfce4-appfinder"/></property>
</property></channel>`;

let sandbox: Sandbox;

beforeEach(() => {
  sandbox = new Sandbox("visa-base");
  keyboard("de");
  const record = 'echo "${0##*/} $*" >>"$VISA_CALLS"';
  sandbox.stub("dpkg-divert", `if [[ $1 == --truename ]]; then echo "$2"; else ${record}; fi`);
  sandbox.stub("fc-cache", record);
  mkdirSync(sandbox.path("/etc/visa"));
  writeFileSync(sandbox.path("/etc/visa/xfce4-keyboard-shortcuts.xml.distrib"), SHORTCUTS);
});

afterEach(() => sandbox.remove());

function keyboard(layout: string): void {
  mkdirSync(dirname(sandbox.path("/etc/default/keyboard")), { recursive: true });
  writeFileSync(sandbox.path("/etc/default/keyboard"), `XKBMODEL="pc105"\nXKBLAYOUT="${layout}"\nXKBVARIANT=""\n`);
}

function install(values: { background?: string; welcome?: string; browser?: string } = {}): Outcome {
  const browser = values.browser ?? "firefox-esr";
  const packages = sandbox.script("visa-base/scripts/packages.sh", { VISA_PACKAGES: `xfce4-session ${browser}` });
  if (packages.status !== 0) return packages;
  return sandbox.script("visa-base/scripts/desktop.sh", {
    VISA_BROWSER: browser,
    VISA_BACKGROUND_BASE64: base64(values.background ?? ""),
    VISA_WELCOME_BASE64: base64(values.welcome ?? ""),
  });
}

/** The settings of a monitor's background, as a reader of XML finds them. */
function backdrop(monitor: string): Record<string, string> {
  const program = `
import sys, json, xml.etree.ElementTree as tree
at = tree.parse(sys.argv[1]).getroot()
for name in ("backdrop", "screen0", sys.argv[2], "workspace0"):
    [at] = [child for child in at if child.get("name") == name]
print(json.dumps({child.get("name"): child.get("value") or " ".join(v.get("value") for v in child) for child in at}))`;
  const { stdout } = spawnSync("python3", ["-c", program, sandbox.path(`${SETTINGS}/xfce4-desktop.xml`), monitor], {
    encoding: "utf8",
  });
  return JSON.parse(stdout);
}

const SVG =
  '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><title>ä & "b"</title></svg>';

test.each(["monitorrdp0", "monitor0"])("has this package's picture on %s", (monitor) => {
  expect(install()).toMatchObject({ status: 0 });
  expect(backdrop(monitor)).toMatchObject({ "image-style": "5", "last-image": "/usr/local/share/visa/background" });
  expect(sandbox.read("/usr/local/share/visa/background")).toContain("<svg");
});

test("has a facility's picture, colour, or the path of what its layer brings", () => {
  expect(install({ background: SVG }).status).toBe(0);
  expect(sandbox.read("/usr/local/share/visa/background")).toBe(`${SVG}\n`);
  expect(backdrop("monitorrdp0")).toMatchObject({ "image-style": "5" });

  expect(install({ background: "#ff0080" }).status).toBe(0);
  expect(backdrop("monitorrdp0")).toMatchObject({ "image-style": "0", rgba1: "1.0000 0.0000 0.5020 1" });

  expect(install({ background: "/opt/facility/beamline.png" }).status).toBe(0);
  expect(backdrop("monitorrdp0")).toMatchObject({ "image-style": "5", "last-image": "/opt/facility/beamline.png" });
});

test.each(["blue", "#ff00", "picture.png", "/opt/<x>", "/opt/a|b", "<p>no picture</p>"])(
  "fails for the background %j",
  (background) => {
    const { status, text } = install({ background });
    expect(status).toBe(1);
    expect(text).toContain("expected the text of an SVG picture, a colour such as #204a6e, or a path");
  },
);

describe("the welcome", () => {
  const show = () => {
    sandbox.stub("notify-send", 'printf "%s\\n" "$@"');
    return sandbox.run(["/usr/local/bin/visa-welcome"]);
  };

  test("is shown with its first line as the title, and is no markup", () => {
    install({ welcome: "Welcome to the <facility>\nYour data is in /data & stays there.\n<b>No</b> backups.\n" });
    const { status, text } = show();
    expect(status).toBe(0);
    expect(text.split("--\n")[1]).toBe(
      "Welcome to the <facility>\nYour data is in /data &amp; stays there.\n&lt;b&gt;No&lt;/b&gt; backups.\n",
    );
    const entry = sandbox.path("/etc/xdg/autostart/visa-welcome.desktop");
    expect(readFileSync(entry, "utf8")).toContain("Exec=/usr/local/bin/visa-welcome\n");
  });

  test("is not there where there is none, in an image that does not know what it is", () => {
    install();
    expect(show()).toEqual({ status: 0, text: "" });
  });

  test("ends with what the image is, which the image says on terminals too", () => {
    install({ welcome: "Welcome\nYour data is in /data." });
    const git = { commit: "0123456789abcdef0123456789abcdef01234567", modified: true };
    const date = new Date("2026-11-28T23:59:59.999Z");
    const release = imageRelease({ ...{ template: "visa-apps", fingerprint: "ab".repeat(32) }, ...VERSION, git, date });
    const write = (values: ImageRelease) => sandbox.run(["-c", writeRelease(values, "/etc/visa")]);
    expect(write(release)).toEqual({ status: 0, text: "" });
    const line = "visa-apps 1.2.3, release abababababab of 2026-11-28, commit 0123456789ab, modified\n";
    expect(sandbox.run(["/etc/update-motd.d/50-visa-release"])).toEqual({ status: 0, text: line });
    expect(show().text.split("--\n")[1]).toBe(`Welcome\nYour data is in /data.\n${line}`);
    install();
    write({ ...release, commit: null });
    expect(show().text.split("--\n")[1]).toBe("VISA\nvisa-apps 1.2.3, release abababababab of 2026-11-28\n");
  });

  test("is a plain window where nothing shows notifications", () => {
    install({ welcome: "Hello" });
    sandbox.stub("xmessage", 'echo "xmessage $*"');
    sandbox.stub("notify-send", "exit 1");
    expect(sandbox.run(["/usr/local/bin/visa-welcome"]).text).toContain("xmessage -center");
  });
});

describe("the browser", () => {
  test("opens no pages of its maker's, and trusts the facility's CAs", () => {
    const ca = sandbox.path("/usr/local/share/ca-certificates/visa-facility-01.crt");
    mkdirSync(dirname(ca), { recursive: true });
    writeFileSync(ca, "");
    install();
    const { policies } = JSON.parse(sandbox.read("/etc/firefox/policies/policies.json"));
    expect(policies).toMatchObject({
      OverrideFirstRunPage: "",
      Certificates: { Install: ["/usr/local/share/ca-certificates/visa-facility-01.crt"] },
    });
    expect(sandbox.calls().join()).toContain(" firefox-esr");
  });

  test("may be none", () => {
    expect(install({ browser: "" }).status).toBe(0);
    expect(sandbox.calls().join()).not.toContain("firefox");
    expect(sandbox.read("/etc/firefox/policies/policies.json")).toBe("");
  });

  test.each(["firefox; id", "--allow-unauthenticated", "Firefox"])("fails for %j", (browser) => {
    const { status, text } = install({ browser });
    expect(status).toBe(1);
    expect(text).toContain("is not a package of Debian");
    expect(sandbox.calls()).toEqual([]);
  });
});

test("fails for a keyboard that X does not know", () => {
  keyboard("xx");
  const { status, text } = install();
  expect(status).toBe(1);
  expect(text).toContain('keyboard is "xx", which is not in /usr/share/X11/xkb/symbols');
});

test("never blanks the screen, composes nothing, and locks nothing", () => {
  install();
  expect(sandbox.read("/etc/X11/Xsession.d/61visa-no-blanking")).toMatch(/^xset s off/m);
  expect(sandbox.read(`${SETTINGS}/xfwm4.xml`)).toContain('name="use_compositing" type="bool" value="false"');
  expect(sandbox.read(`${SETTINGS}/xfce4-panel.xml`)).toContain('value="xfce4-session-logout.desktop"');
  expect(sandbox.calls().join()).not.toMatch(/screensaver|light-locker|xfce4-power-manager/);
});

test("starts the desktop's programs in two groups, and knows the fonts", () => {
  expect(install()).toMatchObject({ status: 0 });
  const session = sandbox.read(`${SETTINGS}/xfce4-session.xml`);
  const priorities = [...session.matchAll(/Client(\d)_Priority" type="int" value="(\d+)"/g)].map(
    ([, , value]) => value,
  );
  expect(priorities).toEqual(["15", "15", "20", "20"]);
  expect(sandbox.calls()).toContain("fc-cache --system-only --force");
});

test("takes configurations of packages out of the way before it replaces them", () => {
  expect(install()).toMatchObject({ status: 0 });
  const diverted = sandbox
    .calls()
    .flatMap((call) => /^dpkg-divert --quiet --local --rename .* --add (\S+)$/.exec(call)?.[1] ?? []);
  expect(diverted).toEqual([
    `${SETTINGS}/xfce4-session.xml`,
    `${SETTINGS}/xfce4-keyboard-shortcuts.xml`,
    "/etc/xdg/autostart/xfsettingsd.desktop",
  ]);
});

test("has Xfce's shortcuts as what a home has of its own", () => {
  expect(install()).toMatchObject({ status: 0 });
  const text = sandbox.read(`${SETTINGS}/xfce4-keyboard-shortcuts.xml`);
  expect(text.match(/name="&lt;Alt&gt;F2" type="string" value="xfce4-appfinder"/g)).toHaveLength(2);
  expect(text).toContain('<property name="custom" type="empty">');
  expect(text).toContain('<property name="override" type="bool" value="true" />');
});

test("the files of the desktop are well-formed", () => {
  const files = join(__dirname, "../../templates/visa-base/files");
  for (const file of [
    "desktop/background.svg",
    "desktop/monitor.xml",
    "xfconf/xfce4-panel.xml",
    "xfconf/xfce4-session.xml",
    "xfconf/xfwm4.xml",
  ]) {
    const program = "import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])";
    const { status, stderr } = spawnSync("python3", ["-c", program, join(files, file)], { encoding: "utf8" });
    expect({ file, status, stderr }).toEqual({ file, status: 0, stderr: "" });
  }
});
