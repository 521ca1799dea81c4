import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { takesCredentials } from "../../../lib/runner/guest/disk-report";
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

async function answer(disk: string): Promise<boolean> {
  const scratch = scratchFolder();
  const takes = await takesCredentials(disk, scratch, async (command, args, options) => {
    execFileSync(command, args, { cwd: options?.cwd, stdio: "ignore" });
  });
  expect(readdirSync(scratch)).toEqual([]);
  return takes;
}

test("a disk takes credentials where all is in its place", async () => {
  await expect(answer(makeDisk(scratchFolder(), OURS))).resolves.toBe(true);
});

test.each<[string, Readonly<Record<string, string>>]>([
  ["has no network for it", without("/etc/systemd/network/80-visa-qemu.network")],
  ["does not start sshd", without(`${WANTS}/ssh.service`)],
  ["has an older systemd", { ...OURS, "/usr/lib/tmpfiles.d/provision.conf": "d /root/.ssh\n" }],
  ["looks elsewhere for its instance's data", { ...OURS, "/etc/cloud/cloud.cfg": `${SOURCES.replace("Open", "No")}` }],
])("a disk takes none that %s", async (_, files) => {
  await expect(answer(makeDisk(scratchFolder(), files))).resolves.toBe(false);
});

test("a disk that cannot be read takes none, for all that is known", async () => {
  const folder = scratchFolder();
  const disk = join(folder, "disk.qcow2");
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", disk, "8M"]);
  await expect(answer(disk)).resolves.toBe(false);
  rmSync(disk);
  await expect(answer(disk)).resolves.toBe(false);
});

function without(path: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(OURS).filter(([name]) => name !== path));
}
