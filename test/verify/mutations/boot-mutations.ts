/** What assertions 1 to 12, 59 and 63 must catch: the boot, the metadata, the owner. */
import { add, alter, edit, type Mutation, then } from "./mutation";

const NO_OWNER = /the boot has ended, and nothing has made the owner/;
const WANTED = "etc/systemd/system/multi-user.target.wants";

/** cloud-init's last stage, again; what it says of the boot is written anew. */
const FINAL_STAGE = "cloud-init modules --mode=final >/dev/null 2>&1 || true";

const FAILING_SCRIPT = then(
  (() => {
    const script = "/var/lib/cloud/scripts/per-boot/50-mutation";
    const made = add(script, "#!/bin/sh\nexit 1");
    return { break: `${made.break}\nchmod +x ${script}`, mend: made.mend };
  })(),
  FINAL_STAGE,
);

const VISA_OWNER = "/usr/local/sbin/visa-owner";

/** A unit that a layer brings by mistake: the owner waits for it. */
export function slowUnit(name: string, seconds: number): string {
  return `cat > etc/systemd/system/${name} <<'END'
[Unit]
DefaultDependencies=no
Before=visa-owner-early.service visa-owner.service cloud-final.service
[Service]
Type=oneshot
ExecStart=sleep ${seconds}
END
mkdir -p etc/systemd/system/cloud-init.target.wants
ln -s /etc/systemd/system/${name} etc/systemd/system/cloud-init.target.wants/${name}`;
}

export const BOOT_MUTATIONS: readonly Mutation[] = [
  {
    what: "a script of the image's for each boot fails",
    boot: "service",
    caughtBy: { 1: /cloud-init's errors: .*scripts.per.boot/ },
    change: FAILING_SCRIPT,
  },
  {
    what: "a script of the image's for each boot fails",
    boot: "main",
    caughtBy: { 2: /cloud-init's errors: .*scripts.per.boot/ },
    change: FAILING_SCRIPT,
    always: true,
  },
  {
    what: "cloud-init answers another owner",
    boot: "main",
    caughtBy: { 3: /the query for owner answers "eve"/ },
    change: edit("/run/cloud-init/instance-data-sensitive.json", 's/"owner": "[^"]*"/"owner": "eve"/'),
    always: true,
  },
  {
    what: "cloud-init answers another instance's id",
    boot: "main",
    caughtBy: { 59: /the query for instance-id answers "i-00000001"/ },
    change: edit(
      "/run/cloud-init/instance-data-sensitive.json",
      's/"instance-id": "[^"]*"/"instance-id": "i-00000001"/',
    ),
    always: true,
  },
  {
    what: "the metadata service's instance has another's id",
    boot: "service",
    caughtBy: { 59: /the query for instance-id answers "i-00000001"/ },
    change: edit(
      "/run/cloud-init/instance-data-sensitive.json",
      's/"instance-id": "[^"]*"/"instance-id": "i-00000001"/',
    ),
  },
  {
    what: "the owner's number is a system user's",
    boot: "main",
    caughtBy: { 4: /the owner has uid 900/ },
    change: ({ owner }) => edit("/etc/passwd", `s/^(${owner}:x:)[0-9]+/\\1900/`),
  },
  {
    what: "the owner's shell is another one",
    boot: "main",
    caughtBy: { 4: /the owner's shell is \/bin\/sh/ },
    change: ({ owner }) => edit("/etc/passwd", `/^${owner}:/s|/bin/bash$|/bin/sh|`),
    always: true,
  },
  {
    what: "everybody may write into the owner's home",
    boot: "main",
    caughtBy: { 4: /\/home\/\S+ can be written by others: mode 777/ },
    change: ({ owner }) => ({ break: `chmod 777 /home/${owner}`, mend: `chmod 700 /home/${owner}` }),
  },
  {
    what: "without user data nothing makes the owner: its services are switched off",
    caughtOn: { bare: { 5: NO_OWNER, 10: NO_OWNER, 43: NO_OWNER } },
    booted: "(cd etc/systemd/system/cloud-init.target.wants && rm visa-owner.service visa-owner-early.service)",
  },
  {
    what: "the home of the owner belongs to root",
    boot: "service",
    caughtBy: { 6: /\/home\/grace belongs to root/ },
    change: { break: "chown root /home/grace", mend: "chown grace /home/grace" },
  },
  {
    what: "a line end is added to the baked key",
    boot: "service",
    caughtBy: { 7: /no longer the one that was baked in/ },
    change: alter("/etc/visa/public.pem", "echo >> /etc/visa/public.pem"),
  },
  {
    what: "another key is in the place of the metadata's",
    boot: "main",
    caughtBy: { 8: /is not the key of the metadata/ },
    change: edit("/etc/visa/public.pem", "2s/^(.)(.)/\\2\\1/"),
  },
  {
    what: "everybody may change the key",
    boot: "main",
    caughtBy: { 8: /public\.pem is root:root 666/ },
    change: alter("/etc/visa/public.pem", "chmod 666 /etc/visa/public.pem"),
    always: true,
  },
  {
    what: "the key's folder is closed to others",
    boot: "main",
    caughtBy: { 8: /\/etc\/visa is root:root 700/ },
    change: { break: "chmod 700 /etc/visa", mend: "chmod 755 /etc/visa" },
  },
  {
    what: "each boot makes other host keys",
    boot: "main",
    caughtBy: { 9: /before:[\s\S]*after:/ },
    late: true,
    change: (() => {
      const script = "/var/lib/cloud/scripts/per-boot/50-mutation";
      const made = add(script, "#!/bin/sh\nrm /etc/ssh/ssh_host_ed25519_key*\nssh-keygen -A");
      return { break: `${made.break}\nchmod +x ${script}`, mend: made.mend };
    })(),
  },
  {
    what: "visa-owner would take any name",
    boot: "main",
    caughtBy: { 10: /"root" could be an owner/ },
    change: edit(VISA_OWNER, "s/^refusal\\(\\) \\{/refusal() { return/"),
    always: true,
  },
  {
    what: "visa-owner refuses a name with dots",
    boot: "main",
    caughtBy: { 10: /"0a\.b-c_d\.\S+" is refused/ },
    change: edit(VISA_OWNER, "s/\\[A-Za-z0-9\\._-\\]\\*\\$/[A-Za-z0-9_-]*$/"),
  },
  {
    what: "somebody else can log in",
    boot: "ownerless",
    caughtBy: { 11: /there are accounts: eve/ },
    change: { break: "useradd eve", mend: "userdel eve" },
  },
  {
    what: "guacd waits for nobody: multi-user.target starts it",
    caughtOn: {
      ownerless: { 11: /ports are open: \{"guacd":/ },
      main: { 12: /4822 was open .* before the owner/ },
    },
    booted: `sed -i '/visa-ready\\.target$/d' etc/systemd/system/guacd.service
mkdir -p ${WANTED}
ln -s /etc/systemd/system/guacd.service ${WANTED}/guacd.service`,
  },
  {
    what: "a unit takes a minute before the owner",
    caughtOn: {
      main: {
        63: /^slower than the release in use .*: owner .*units that grew: .*visa-mutation-slow\.service 6\d\.\d s \(new among the slowest\)/,
      },
    },
    booted: slowUnit("visa-mutation-slow.service", 60),
  },
];
