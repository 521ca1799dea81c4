/** Bootstraps a base as an ordinary user, and boots it as Nova would: with a config drive. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assetFolder } from "../../lib/package-root";
import { hostDebianMirror } from "../../lib/runner/host/mirror";

const OWNER = "jane.doe2";
const BOOTSTRAP_LIMIT_MS = 20 * 60_000;
const BOOT_LIMIT_MS = 12 * 60_000;
const LAST_LINE = "END-OF-REPORT";

let folder: string;
let home: string;
let user: string | undefined;
let machine: ChildProcess | undefined;
let key: string;
/** What the guest says of itself, by name. */
const report = new Map<string, string>();

/** Runs in the guest when its first boot is over. Each line of the report is a name and a text in base64. */
const REPORT = `
say() { printf '%s %s\\n' "$1" "$(base64 -w0 <<<"$2")" >/dev/ttyS1; }
timeout 600 cloud-init status --wait >/dev/null
say status "$(cloud-init status --long)"
say failed "$(systemctl list-units --failed --plain --no-legend)"
say size "$(df --output=size -BM / | tail -1)"
say hostname "$(hostname)"
say owner "$(cloud-init query ds.meta_data.meta.owner)"
say unknown "$(cloud-init query ds.meta_data.meta.nothing >/dev/null 2>&1; echo $?)"
say root "$(passwd --status root | cut -d' ' -f2)"
say console "$(cat /proc/cmdline)"
say ports "$(ss -Hltn | awk '{ print $4 }' | grep -v '127\\.0\\.0\\.' | sed 's/.*://' | sort -u)"
say sources "$(grep -h '^deb' /etc/apt/sources.list)"
say suite "$(. /etc/os-release && echo "$VERSION_CODENAME")"
say passwd "$(getent passwd ${OWNER})"
say home "$(stat -c '%U %a %F' /home/${OWNER})"
say key "$(cat /etc/visa/public.pem)"
say modes "$(stat -c '%U:%G %a' /etc/visa /etc/visa/public.pem | xargs)"
state() { stat -c '%n %Y %i' /etc/visa/* /etc/passwd /etc/shadow | xargs; }
before=$(state)
sleep 1.1
say again "$(bash /run/visa-owner 2>&1; echo "exit $?"; [ "$before" = "$(state)" ] && echo unchanged)"
# As before user data run: from what cloud-init itself has kept. These are others, and so is the script; by its name it is
# what they are.
rm /run/visa/owner
early() { bash -c "$(cat /run/visa-owner)" "$1" --early 2>&1; echo "exit $?"; cat /run/visa/owner 2>&1; }
say early-others "$(early /run/visa-owner)"
say early "$(early /var/lib/cloud/instance/user-data.txt)"
for name in root ../x daemon nobody ${"a".repeat(32)} x.1; do
  say "check-$name" "$(bash /run/visa-owner --check "$name" >/dev/null 2>&1; echo $?)"
done
echo ${LAST_LINE} >/dev/ttyS1
`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "visa-base-boot-"));
  chmodSync(folder, 0o755);
  home = join(folder, "home");
  mkdirSync(home, { mode: 0o700 });
  const recipe = join(home, "bootstrap");
  mkdirSync(recipe);
  cpSync(assetFolder("runner/bootstrap"), recipe, { recursive: true });
  if (process.getuid?.() === 0) {
    // useradd gives it a range of ids as well.
    user = `visatest${process.pid}`;
    execFileSync("useradd", ["--no-create-home", "--home-dir", home, "--shell", "/bin/sh", user]);
    execFileSync("chown", ["-R", user, home]);
  }
  bootstrap(join(recipe, "bootstrap.sh"), join(home, "base.qcow2"));
  key = execFileSync("bash", ["-c", "openssl genrsa 768 2>/dev/null | openssl rsa -pubout 2>/dev/null"], {
    encoding: "utf8",
  });
  makeConfigDrive();
  await boot();
}, BOOTSTRAP_LIMIT_MS + BOOT_LIMIT_MS);

afterAll(async () => {
  if (machine && machine.exitCode === null) {
    const ended = new Promise((resolve) => machine?.once("exit", resolve));
    machine.kill("SIGKILL");
    await ended;
  }
  if (user) spawnSync("userdel", [user]);
  rmSync(folder, { recursive: true, force: true });
});

function bootstrap(script: string, output: string): void {
  const command = ["bash", script, output];
  const asUser = user ? ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--", ...command] : command;
  const { status, stderr } = spawnSync(asUser[0] as string, asUser.slice(1), {
    encoding: "utf8",
    timeout: BOOTSTRAP_LIMIT_MS,
    cwd: home,
    env: {
      PATH: "/usr/bin:/bin",
      HOME: home,
      VISA_BASE_SIZE_GB: "3",
      VISA_BASE_MIRROR: hostDebianMirror() ?? "",
      // In the user's own home, where the users of its namespace cannot go.
      TMPDIR: home,
    },
  });
  if (status !== 0) throw new Error(`the bootstrap failed (${status}): ${stderr}`);
}

function makeConfigDrive(): void {
  const latest = join(folder, "drive", "openstack", "latest");
  mkdirSync(latest, { recursive: true });
  const metadata = {
    uuid: "d9a5a3a6-6c0c-4d0e-9a53-0a6f9a1b7c11",
    name: "visa-test",
    hostname: "visa-test",
    meta: { id: "7", owner: OWNER, pamPublicKey: key },
  };
  writeFileSync(join(latest, "meta_data.json"), JSON.stringify(metadata));
  const owner = readFileSync(join(__dirname, "../../templates/visa-base/files/visa-owner"));
  const userData = `#!/bin/bash
base64 -d <<<${owner.toString("base64")} >/run/visa-owner
base64 -d <<<${Buffer.from(REPORT).toString("base64")} >/run/report
bash /run/visa-owner
# The report waits for the end of what this script is part of.
systemd-run --no-block bash /run/report
`;
  writeFileSync(join(latest, "user_data"), userData);
  execFileSync("xorriso", [
    ...["-as", "mkisofs"],
    "-quiet",
    "-V",
    "config-2",
    "-J",
    "-r",
    "-o",
    join(folder, "drive.iso"),
    join(folder, "drive"),
  ]);
}

async function boot(): Promise<void> {
  const disk = join(folder, "disk.qcow2");
  const lines = join(folder, "report.log");
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", join(home, "base.qcow2"), disk, "8G"]);
  machine = spawn(
    "qemu-system-x86_64",
    [
      ...["-machine", "pc,accel=tcg", "-smp", "2", "-m", "1024", "-display", "none", "-no-reboot", "-nodefaults"],
      ...["-drive", `file=${disk},if=virtio,cache=unsafe`, "-drive", `file=${join(folder, "drive.iso")},media=cdrom`],
      ...["-netdev", "user,id=net,restrict=on", "-device", "virtio-net,netdev=net", "-device", "virtio-rng-pci"],
      ...["-serial", `file:${join(folder, "console.log")}`, "-serial", `file:${lines}`],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let errors = "";
  machine.stderr?.on("data", (data) => {
    errors += data;
  });
  const end = Date.now() + BOOT_LIMIT_MS;
  const read = () => (existsSync(lines) ? readFileSync(lines, "utf8") : "");
  while (!read().includes(LAST_LINE)) {
    if (machine.exitCode !== null || Date.now() > end) {
      const console = existsSync(join(folder, "console.log")) ? readFileSync(join(folder, "console.log"), "utf8") : "";
      throw new Error(`the machine did not report: ${errors}\n${read()}\n${console.slice(-4000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  for (const line of read().split(/\r?\n/)) {
    const [name, text] = line.split(" ");
    if (name && text !== undefined) report.set(name, Buffer.from(text, "base64").toString("utf8").replace(/\n$/, ""));
  }
}

it("was made by an ordinary user, who has nothing left over", () => {
  expect(readdirSync(home).sort()).toEqual(["base.qcow2", "bootstrap"]);
  const leftovers = ["/tmp", "/var/tmp"].flatMap((parent) =>
    readdirSync(parent).filter((name) => name.startsWith(`visa-base-${userId()}.`)),
  );
  expect(leftovers).toEqual([]);
});

it("stands alone: a sound disk without a backing file", () => {
  const disk = join(home, "base.qcow2");
  const info = JSON.parse(execFileSync("qemu-img", ["info", "-U", "--output=json", disk], { encoding: "utf8" }));
  expect(info).toMatchObject({ format: "qcow2", "virtual-size": 3 * 2 ** 30 });
  expect(info["backing-filename"]).toBeUndefined();
});

it("boots by itself, finds its config drive, and has no failed units", () => {
  expect(report.get("status")).toMatch(/^status: done$/m);
  expect(report.get("status")).toContain("DataSourceConfigDrive");
  expect(report.get("failed")).toBe("");
});

it("grows its root file system to the disk", () => {
  expect(Number.parseInt(report.get("size") ?? "", 10)).toBeGreaterThan(7.5 * 1024);
});

it("has its name and its metadata", () => {
  expect(report.get("hostname")).toBe("visa-test");
  expect(report.get("owner")).toBe(OWNER);
  expect(report.get("unknown")).toBe("1");
});

it("shows its boot on the serial console, and a login", () => {
  const console = readFileSync(join(folder, "console.log"), "utf8");
  expect(console).toContain("Linux version");
  expect(console).toContain("visa-test login:");
  expect(report.get("console")).toMatch(/console=tty0 console=ttyS0,115200$/);
});

it("lets nobody in by a password, and listens for ssh alone", () => {
  expect(report.get("root")).toBe("L");
  expect(report.get("ports")).toBe("22");
});

it("names Debian's own mirror, wherever it was made", () => {
  expect(report.get("suite")).toBe("bookworm");
  const [archive, updates, security, ...rest] = report.get("sources")?.split("\n") ?? [];
  const signed = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
  expect(archive?.startsWith(`${signed} `)).toBe(true);
  const mirror = /\] (https?:\/\/[a-z.]+debian\.org\/debian) bookworm main$/.exec(archive ?? "")?.[1];
  expect(mirror).toBeDefined();
  expect(updates).toBe(`${signed} ${mirror} bookworm-updates main`);
  expect(security).toBe(`${signed} ${mirror}-security bookworm-security main`);
  expect(rest).toEqual([]);
});

describe("visa-owner as user data", () => {
  it("creates the owner with a shell and a home", () => {
    expect(report.get("passwd")).toMatch(new RegExp(`^${OWNER}:x:1\\d{3}:1\\d{3}::/home/${OWNER}:/bin/bash$`));
    expect(report.get("home")).toBe(`${OWNER} 700 directory`);
  });

  it("writes the key, which nobody but root can change", () => {
    expect(`${report.get("key")}\n`).toBe(key);
    expect(report.get("modes")).toBe("root:root 755 root:root 644");
  });

  it("changes nothing when it runs again", () => {
    expect(report.get("again")).toBe("exit 0\nunchanged");
  });

  it("makes the owner of what cloud-init has kept, where user data are its own script, and nothing where they are not", () => {
    expect(report.get("early-others")).toBe("exit 0\ncat: /run/visa/owner: No such file or directory");
    expect(report.get("early")).toBe(`exit 0\n${OWNER}`);
  });

  it.each([
    ["root", "1"],
    ["../x", "1"],
    ["daemon", "1"],
    ["nobody", "1"],
    ["a".repeat(32), "0"],
    ["x.1", "0"],
  ])("answers for %s: %s", (name, code) => {
    expect(report.get(`check-${name}`)).toBe(code);
  });
});

function userId(): string {
  return user ? execFileSync("id", ["-u", user], { encoding: "utf8" }).trim() : String(process.getuid?.());
}
