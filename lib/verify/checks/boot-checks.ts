/** Assertions 1 to 12, 59 and 63: the boot, the metadata, the owner. */
import { compareBoots, NO_BUDGET } from "../boot-report";
import { describeBootEvents } from "../boot-times";
import { BOOT_SECONDS, ODD_NAME } from "../boots";
import { type Check, expect, NotApplicable } from "./check";
import type { Subject } from "./subject";

/** The names that `visa-owner --check` is tried with. */
const REFUSED = ["root", "daemon", "../x", "", "a,b", "a;b", "a:b", "a b", "-rf", ".", "0123", "x".repeat(33)];
const ALLOWED = [ODD_NAME, "ada.lovelace", "x", "1a", "under_score"];

/** Reads what `cloud-init status` would, which itself takes seconds to start without KVM. */
export async function cloudInitDone({ instance, guest }: Subject, source: RegExp): Promise<string> {
  await instance.waitFor("end of cloud-init", BOOT_SECONDS, async () => {
    return (await guest.run("test -e /run/cloud-init/result.json")).code === 0;
  });
  const { v1 } = JSON.parse(await guest.text("cat /run/cloud-init/result.json")) as {
    v1: { datasource: string | null; errors: string[] };
  };
  expect(v1.errors.length === 0, `cloud-init's errors: ${v1.errors.join("; ")}`);
  expect(source.test(v1.datasource ?? ""), `cloud-init took its data from "${v1.datasource}"`);
  return v1.datasource ?? "";
}

async function ownerExists({ guest, owner }: Subject): Promise<string> {
  const entry = await guest.text(`getent passwd '${owner}'`);
  const [name, , uid, , , home, shell] = entry.split(":");
  expect(name === owner, `the account is called "${name}"`);
  expect(Number(uid) >= 1000, `the owner has uid ${uid}`);
  expect(shell === "/bin/bash", `the owner's shell is ${shell}`);
  const [holder, mode = "", ...kind] = (await guest.text(`stat -c '%U %a %F' '${home}'`)).split(" ");
  expect(kind.join(" ") === "directory", `${home} is a ${kind.join(" ")}`);
  expect(holder === owner, `${home} belongs to ${holder}`);
  expect((Number.parseInt(mode, 8) & 0o022) === 0, `${home} can be written by others: mode ${mode}`);
  return `uid ${uid}, ${home}`;
}

async function keyDigest({ guest }: Subject): Promise<string> {
  return guest.text("sha256sum < /etc/visa/public.pem");
}

/** What the instance's id signs in to is the instance alone: VISA_FS and VISA_PRINT take it for a token. */
async function knowsItsId({ guest, instance }: Subject): Promise<undefined> {
  const said = await guest.text("cloud-init query ds.meta_data.instance-id");
  expect(said === instance.id, `the query for instance-id answers "${said}", and not the instance's UUID`);
}

/** What has to be the same after a reboot. */
async function identity({ guest, owner }: Subject): Promise<string> {
  return guest.text(
    `getent passwd '${owner}'; cat /etc/machine-id; cat /etc/ssh/ssh_host_*_key.pub | sha256sum
     sha256sum /etc/visa/* 2>/dev/null; sha256sum /etc/xrdp/visa-cert.pem /etc/xrdp/rsakeys.ini 2>/dev/null; true`,
  );
}

/** Of the image, as a template promises the part `boot`. */
export const BOOT_CHECKS: readonly Check[] = [
  {
    ...{ assertion: 2, boot: "main", profile: "gate" },
    run: (subject) => cloudInitDone(subject, /ConfigDrive/),
  },
  {
    ...{ assertion: 1, boot: "service", profile: "full" },
    run: (subject) => cloudInitDone(subject, /OpenStack/),
  },
  {
    ...{ assertion: 3, boot: "main", profile: "gate" },
    async run({ guest, owner }) {
      const [said, unknown] = await Promise.all([
        guest.text("cloud-init query ds.meta_data.meta.owner"),
        guest.run("cloud-init query ds.meta_data.meta.no_such_key"),
      ]);
      expect(said === owner, `the query for owner answers "${said}"`);
      expect(unknown.code !== 0, "the query for an unknown key succeeds");
      return undefined;
    },
  },
  { assertion: 59, boot: "main", profile: "full", run: knowsItsId },
  { assertion: 59, boot: "service", profile: "full", run: knowsItsId },
  { assertion: 4, boot: "main", profile: "gate", run: ownerExists },
  { assertion: 5, boot: "bare", profile: "full", run: ownerExists },
  { assertion: 6, boot: "service", profile: "full", run: ownerExists },
  {
    ...{ assertion: 7, boot: "service", profile: "full" },
    async run(subject) {
      const baked = await subject.guest.text("cat /run/visa-verify/baked");
      const now = await keyDigest(subject);
      expect(baked === now, "/etc/visa/public.pem is no longer the one that was baked in");
      return undefined;
    },
  },
  {
    ...{ assertion: 8, boot: "main", profile: "gate" },
    async run({ guest, metadata }) {
      const { stdout } = await guest.run("cat /etc/visa/public.pem");
      expect(stdout.trim() === metadata.pamPublicKey?.trim(), "/etc/visa/public.pem is not the key of the metadata");
      // Others pass through the folder; nobody but root writes. A key is no secret.
      const modes = await guest.text("stat -c '%n is %U:%G %a' /etc/visa /etc/visa/public.pem");
      for (const mode of modes.split("\n")) {
        expect(/^\/etc\/visa is root:root [57][15][15]$|\.pem is root:root [4-7][0145][0145]$/.test(mode), mode);
      }
      return modes.split("\n").join(", ");
    },
  },
  {
    ...{ assertion: 9, boot: "main", profile: "full", late: true },
    async run(subject) {
      const { instance, guest } = subject;
      const before = await identity(subject);
      const began = await guest.text("cat /proc/sys/kernel/random/boot_id");
      guest.expectHello();
      // The agent ends with the instance, before it can answer.
      guest.run("systemctl reboot").catch(() => {});
      await instance.waitForGuest(BOOT_SECONDS);
      expect((await guest.text("cat /proc/sys/kernel/random/boot_id")) !== began, "it did not boot again");
      await guest.run("cloud-init status --wait; systemctl is-system-running --wait", { timeoutSeconds: BOOT_SECONDS });
      const after = await identity(subject);
      expect(after === before, `before:\n${before}\nafter:\n${after}`);
      return undefined;
    },
  },
  {
    ...{ assertion: 10, boot: "main", profile: "gate" },
    async run({ guest }) {
      const program = "/usr/local/sbin/visa-owner";
      if ((await guest.run(`test -x ${program}`)).code !== 0) throw new NotApplicable(`the image has no ${program}`);
      const words = [...ALLOWED, ...REFUSED].map((name) => `'${name}'`).join(" ");
      const script = `for name in ${words}; do ${program} --check "$name" >/dev/null 2>&1 && echo yes || echo no; done`;
      const answers = (await guest.text(script)).split("\n");
      [...ALLOWED, ...REFUSED].forEach((name, index) => {
        const wanted = index < ALLOWED.length ? "yes" : "no";
        expect(answers[index] === wanted, `"${name}" ${wanted === "yes" ? "is refused" : "could be an owner"}`);
      });
      return `${ALLOWED.length} names taken, ${REFUSED.length} refused`;
    },
  },
  { assertion: 10, boot: "bare", profile: "full", run: ownerExists },
  {
    ...{ assertion: 11, boot: "ownerless", profile: "full" },
    async run({ guest }) {
      const { stdout } = await guest.run("cloud-init status --wait; systemctl is-system-running --wait", {
        timeoutSeconds: BOOT_SECONDS,
      });
      expect(/status: done/.test(stdout), `the boot did not end: ${stdout.trim()}`);
      const people = await guest.text("getent passwd | awk -F: '$3 >= 1000 && $3 < 60000 { print $1 }'");
      expect(people === "", `there are accounts: ${people}`);
      const { "3389": rdp, "4822": guacd, "8888": jupyter } = await guest.events();
      expect(!rdp && !guacd && !jupyter, `ports are open: ${JSON.stringify({ rdp, guacd, jupyter })}`);
      return undefined;
    },
  },
  {
    ...{ assertion: 12, boot: "main", profile: "gate" },
    async run({ guest }) {
      const { owner, "3389": rdp, "4822": guacd } = await guest.events();
      expect(owner !== undefined, "there is no sign of the owner (/run/visa/owner)");
      for (const [port, time] of Object.entries({ "3389": rdp, "4822": guacd })) {
        expect(
          time === undefined || time >= owner,
          `${port} was open ${time?.toFixed(1)} s after the boot, before the owner`,
        );
      }
      return describeBootEvents({ owner, "3389": rdp, "4822": guacd });
    },
  },
  {
    ...{ assertion: 63, boot: "main", profile: "gate" },
    async run(subject) {
      const { standard, instance } = subject;
      // Kept in any case: the next release may be compared with this one.
      const boot = await subject.measureBoot().catch((error: Error) => {
        if (standard) throw error;
      });
      if (!standard || !boot) throw new NotApplicable(NO_BUDGET);
      return compareBoots(boot, instance.accelerator, standard);
    },
  },
];
