import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { reportOfDisk } from "../../../lib/runner/guest/disk-report";
import { scratchFolder } from "../../support/scratch";

const WANTS = "/etc/systemd/system/multi-user.target.wants";
const SOURCES = "datasource_list: [ConfigDrive, OpenStack, None]\n";
const OURS: Readonly<Record<string, string>> = {
  "/usr/lib/tmpfiles.d/provision.conf": "f^ /root/.ssh/authorized_keys 600 root :root - ssh.authorized_keys.root\n",
  "/etc/systemd/network/80-visa-qemu.network": "[Match]\n",
  [`${WANTS}/ssh.service`]: "-> /lib/systemd/system/ssh.service",
  [`${WANTS}/systemd-networkd.service`]: "-> /lib/systemd/system/systemd-networkd.service",
  "/etc/cloud/cloud.cfg": "users: []\n",
  "/etc/cloud/cloud.cfg.d/90_visa.cfg": SOURCES,
};

/** A disk with two partitions, an empty one and one with these files. */
function makeDisk(folder: string, files: Readonly<Record<string, string>>): string {
  const root = join(folder, "root");
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    if (content.startsWith("-> ")) symlinkSync(content.slice(3), join(root, path));
    else writeFileSync(join(root, path), content);
  }
  const raw = join(folder, "disk.raw");
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: "ignore" });
  run("truncate", "-s", "24M", raw);
  execFileSync("sfdisk", ["--quiet", raw], { input: "label: dos\nstart=2048, size=4096\nstart=8192, size=32768\n" });
  run("mkfs.ext4", "-q", "-d", root, "-E", `offset=${8192 * 512}`, raw, "16M");
  const disk = join(folder, "disk.qcow2");
  run("qemu-img", "convert", "-O", "qcow2", raw, disk);
  return disk;
}

async function report(disk: string): Promise<string> {
  const scratch = scratchFolder();
  let printed = "";
  await reportOfDisk(disk, scratch, async (command, args, options) => {
    printed += execFileSync(command, args, {
      cwd: options?.cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  });
  expect(readdirSync(scratch)).toEqual([]);
  return printed;
}

test("says that a disk takes credentials where all is in its place", async () => {
  await expect(report(makeDisk(scratchFolder(), OURS))).resolves.toBe("visa-login credentials\n");
});

test.each<[string, Readonly<Record<string, string>>]>([
  ["has no network for it", without("/etc/systemd/network/80-visa-qemu.network")],
  ["does not start sshd", without(`${WANTS}/ssh.service`)],
  ["has an older systemd", { ...OURS, "/usr/lib/tmpfiles.d/provision.conf": "d /root/.ssh\n" }],
  ["looks elsewhere for its instance's data", { ...OURS, "/etc/cloud/cloud.cfg": `${SOURCES.replace("Open", "No")}` }],
])("says nothing of a disk that %s", async (_, files) => {
  await expect(report(makeDisk(scratchFolder(), files))).resolves.toBe("");
});

test("says nothing of a disk that it cannot read, and does not fail", async () => {
  const folder = scratchFolder();
  const disk = join(folder, "disk.qcow2");
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", disk, "8M"]);
  await expect(report(disk)).resolves.toBe("");
  rmSync(disk);
  await expect(report(disk)).resolves.toBe("");
});

function without(path: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(OURS).filter(([name]) => name !== path));
}
