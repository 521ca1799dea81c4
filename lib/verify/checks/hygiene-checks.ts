/** Assertions 45 to 50, and 57: services and hygiene; of the running instance, and of the image's disk as it will be registered. */

import { VisaImageError } from "../../errors";
import { type ImageRelease, RELEASE_FILE } from "../../runner/guest/image-release";
import { PROMISED_PORTS } from "../../visa-protocols";
import { PLUGGED_DISK } from "../instance/test-instance";
import { type Check, expect, NotApplicable } from "./check";
import { LISTENERS, LOOPBACK } from "./desktop-checks";
import type { Subject } from "./subject";

/** TCP ports that an instance may open to its network: ssh, RDP, guacd, Jupyter. */
const DECLARED_PORTS: readonly number[] = [22, ...PROMISED_PORTS];
/** What each field of an image's own words looks like. */
const RELEASE_FIELDS: Readonly<Record<keyof ImageRelease, RegExp>> = {
  name: /./,
  version: /^\d+\.\d+\.\d+/,
  release: /^[0-9a-f]{12}$/,
  fingerprint: /^[0-9a-f]{64}$/,
  date: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
  commit: /^[0-9a-f]{40,64}(, modified)?$/,
};
/** The guest's own DHCP clients. */
const DHCP_PORTS = [68, 546];

/** A script that mounts the image's disk itself, which no boot has touched, once it is plugged in. */
export function mountImage(how: "ro" | "rw"): string {
  const mount = `mount -o ${how}`;
  return `set -e
mkdir -p /run/visa-verify/image
for try in $(seq 100); do [ -e ${PLUGGED_DISK} ] && break; sleep 0.1; done
udevadm settle
largest=$(lsblk --noheadings --list --bytes --sort SIZE --output NAME,TYPE ${PLUGGED_DISK} | awk '$2 == "part" { name = $1 } END { print name }')
[ "$largest" ] || { echo "the disk has no partition" >&2; exit 1; }
${
  how === "rw"
    ? `${mount} "/dev/$largest" /run/visa-verify/image`
    : // The names of the option are ext4's and XFS's: a journal is not played back.
      `${mount},noload "/dev/$largest" /run/visa-verify/image 2>/dev/null ||
  ${mount},norecovery "/dev/$largest" /run/visa-verify/image`
}`;
}

/** Prints one line for each thing that is in the image and should not be. */
const IDENTITY_LEFT = `cd /run/visa-verify/image
[ -e etc/machine-id ] || echo "etc/machine-id is missing: it has to be there, empty"
[ ! -s etc/machine-id ] || grep -qx uninitialized etc/machine-id || echo "etc/machine-id is not empty"
find etc/ssh -name 'ssh_host_*' | sed 's/$/ is a host key/'
for file in etc/xrdp/{rsakeys.ini,visa-key.pem,key.pem} etc/ssl/private/ssl-cert-snakeoil.key var/lib/systemd/random-seed; do
  [ ! -e "$file" ] || echo "$file is of one machine"
done
find var/lib/cloud -mindepth 1 -maxdepth 1 2>/dev/null | sed 's/$/ is cloud-init state/'
find var/log -type f -size +0 | sed 's/$/ is a log/'
find var/lib/dhcp -name '*.leases' 2>/dev/null | sed 's/$/ is a lease/'
find var/lib/apt/lists var/cache/apt -type f -size +0 ! -name lock | sed 's/$/ is a cache of apt/' | head -n 3
true`;

const SECRETS_LEFT = `cd /run/visa-verify/image
find root home etc -name authorized_keys -size +0 | sed 's/$/ lets somebody in/'
awk -F: '$3 >= 1000 && $3 < 60000 { print "etc/passwd has the user " $1 }' etc/passwd
find . -xdev -path ./proc -prune -o -name '*visa-build*' -print | sed 's/$/ is of the build/'
grep -rIl -e 'visa-build' etc/environment etc/apt etc/ssl/certs root/.bashrc 2>/dev/null | sed 's/$/ has a mark of the build/'
grep -rIlE 'https?://[^/@[:space:]]+:[^/@[:space:]]+@' etc/environment etc/apt etc/profile.d etc/systemd etc/pip.conf root 2>/dev/null | sed 's/$/ has credentials in an address/'
true`;

const LOGIND_ACTIONS = ["power-off", "reboot", "halt", "suspend", "hibernate"].flatMap((verb) =>
  ["", "-multiple-sessions", "-ignore-inhibit"].map((suffix) => `org.freedesktop.login1.${verb}${suffix}`),
);

/** Runs a script in the guest while the image's disk is mounted there, and returns what it printed. */
async function ofImage({ instance, guest, image }: Subject, script: string): Promise<string> {
  if (!image) throw new NotApplicable("the image's disk is not here");
  await instance.plugInDisk(image);
  try {
    await guest.text(mountImage("ro"));
    return await guest.text(script);
  } finally {
    await guest.run("umount /run/visa-verify/image");
    await instance.unplugDisk();
  }
}

/**
 * What the image says of itself; of an artifact that was built here, to the letter what its manifest has.
 *
 * @throws NotApplicable for an image that says nothing, where nobody knows that it should
 */
async function saysWhatItIs({ guest, release }: Subject): Promise<string> {
  const { code, stdout } = await guest.run(`stat -c '%U:%G %a %F' ${RELEASE_FILE} && cat ${RELEASE_FILE}`);
  if (code !== 0 && !release) {
    throw new NotApplicable(`there is no ${RELEASE_FILE}: built by an earlier version, or elsewhere`);
  }
  expect(code === 0, `there is no ${RELEASE_FILE}`);
  const [state = "", ...text] = stdout.split("\n");
  expect(state === "root:root 644 regular file", `${RELEASE_FILE} is ${state}`);
  const said = parsedRelease(text.join("\n"));
  for (const [field, value] of Object.entries(release ?? {})) {
    const found = said[field as keyof ImageRelease];
    expect(found === value, `${field} is ${JSON.stringify(found)}, and ${JSON.stringify(value)} by the artifact`);
  }
  return `${said.name} ${said.version}, release ${said.release} of ${said.date}`;
}

/** @throws VisaImageError for what is no JSON, and for a field that is not as it should be */
export function parsedRelease(text: string): ImageRelease {
  let said: Record<string, unknown>;
  try {
    said = JSON.parse(text);
  } catch (error) {
    throw new VisaImageError(`${RELEASE_FILE} is no JSON: ${(error as Error).message}`);
  }
  for (const [field, pattern] of Object.entries(RELEASE_FIELDS)) {
    const value = said[field];
    const fine = (typeof value === "string" && pattern.test(value)) || (field === "commit" && value === null);
    expect(fine, `${RELEASE_FILE} has the ${field} ${JSON.stringify(value)}`);
  }
  return said as unknown as ImageRelease;
}

/** Of the image, as a template promises the part `hygiene`. */
export const HYGIENE_CHECKS: readonly Check[] = [
  {
    ...{ assertion: 45, boot: "main", profile: "gate" },
    async run({ guest }) {
      const failed = await guest.text("systemctl list-units --failed --plain --no-legend | awk '{ print $1 }'");
      expect(failed === "", `failed units: ${failed.replaceAll("\n", ", ")}`);
      const clock = await guest.run(
        "systemctl is-active systemd-timesyncd chrony chronyd ntpsec ntp 2>/dev/null | grep -qx active",
      );
      expect(clock.code === 0, "nothing synchronises the time");
      return "the time service runs; on the test instance's network it finds no server";
    },
  },
  {
    ...{ assertion: 46, boot: "main", profile: "full" },
    async run({ guest, owner }) {
      const { stdout: session } = await guest.run(`pgrep -u '${owner}' -x xfce4-session | head -n 1`);
      if (!session.trim()) throw new NotApplicable("there is no desktop session to ask from");
      const allowed = await guest.text(
        `for action in ${LOGIND_ACTIONS.join(" ")}; do
           pkaction --action-id $action >/dev/null 2>&1 || continue
           pkcheck --action-id $action --process ${session.trim()} >/dev/null 2>&1 && echo $action
         done; true`,
        { timeoutSeconds: 120 },
      );
      expect(allowed === "", `the owner may ${allowed.replaceAll("\n", ", ")}`);
      const tried = await guest.run(`runuser -u '${owner}' -- systemctl --no-ask-password reboot`);
      expect(tried.code !== 0, "the owner could reboot");
      const masked = await guest.text("systemctl is-enabled sleep.target suspend.target hibernate.target || true");
      expect(!/static|enabled/.test(masked), "a sleep target is not masked");
      return undefined;
    },
  },
  {
    ...{ assertion: 47, boot: "main", profile: "gate", needs: "disk" },
    async run(subject) {
      const left = await ofImage(subject, SECRETS_LEFT);
      expect(left === "", left);
      const ssh = await subject.guest.run("sshd -T -C user=root,host=localhost,addr=127.0.0.1 2>/dev/null");
      const root = /^permitrootlogin (.*)$/m.exec(ssh.stdout)?.[1];
      expect(root !== "yes", "sshd lets root in by password");
      const { stdout: status } = await subject.guest.run("passwd -S root");
      return `root's password: ${status.split(" ")[1] === "P" ? "set" : "locked"}; ssh: ${root ?? "not installed"}`;
    },
  },
  {
    ...{ assertion: 48, boot: "main", profile: "gate", needs: "disk" },
    async run(subject) {
      const left = await ofImage(subject, IDENTITY_LEFT);
      expect(left === "", left);
      return undefined;
    },
  },
  {
    ...{ assertion: 49, boot: "main", profile: "gate" },
    async run({ guest }) {
      const disk = Number(
        await guest.text(
          'lsblk --noheadings --bytes --nodeps --output SIZE "/dev/$(lsblk -no PKNAME "$(findmnt -no SOURCE /)")"',
        ),
      );
      const root = Number(await guest.text("echo $(($(stat -f -c '%S * %b' /)))"));
      const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
      // A file system keeps some of it for itself, and a disk may have a small partition for its firmware.
      expect(root > disk * 0.9, `the file system has ${gib(root)}, the disk ${gib(disk)}`);
      return `${gib(root)} of ${gib(disk)}`;
    },
  },
  {
    ...{ assertion: 50, boot: "main", profile: "gate" },
    async run({ guest }) {
      const open = (await guest.text(LISTENERS)).split("\n").map((line) => line.split(" "));
      const strange = open.filter(([kind, address = "", text]) => {
        const port = Number(text);
        if (LOOPBACK.test(address)) return false;
        return kind === "tcp" ? !DECLARED_PORTS.includes(port) : !DHCP_PORTS.includes(port);
      });
      expect(strange.length === 0, `also open: ${strange.map((each) => each.join(" ")).join(", ")}`);
      const ports = open.filter(([kind, address = ""]) => kind === "tcp" && !LOOPBACK.test(address));
      return [...new Set(ports.map(([, , port]) => port))].sort().join(", ");
    },
  },
  { assertion: 57, boot: "main", profile: "gate", run: saysWhatItIs },
  // Of the late ones it has the highest number: nothing can be asked of the instance afterwards.
  {
    ...{ assertion: 46, boot: "main", profile: "full", late: true, needs: "power button" },
    async run(subject) {
      const most = subject.seconds(120);
      expect(await subject.instance.powerOff(most), `it did not power off within ${most} s of a press of the button`);
      return undefined;
    },
  },
];
