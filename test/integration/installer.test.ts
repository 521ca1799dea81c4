/** Installers, booted by Packer and QEMU through the command, with one more answer each that ends the machine early. */
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { digestFile } from "../../lib/fingerprint/file-digest";
import { writeFiles } from "../fixtures/temporary-catalog";
import { debianInstaller } from "../support/debian-installer";
import { workspaces } from "./runner-support";

const PASSWORD = "canary-Root-7391";
const workspace = workspaces();
const MACHINE = ["--cpus", "1", "--memory", "1024", "--accelerator", "tcg"];

test("an ISO is booted, its boot command typed, and the CD with the answers has the password", async () => {
  const { folder } = workspace();
  // A boot loader that shows what is on the CD, by commands that are short to type.
  writeFiles(folder, {
    "iso/boot/grub/grub.cfg": `serial --unit=0 --speed=115200
terminal_output console serial
function show {
  nativedisk
  search --no-floppy --label cidata --set=answers
  cat ($answers)/user-data
  halt
}
set timeout=-1
menuentry nothing { true }
`,
    "catalog/config.yml": "templates: {one: }\n",
    "catalog/one/environment.yml": "environment: {zone: Etc/UTC, iso: , iso_checksum: }\nsecrets: {root_password: }\n",
    "catalog/one/manifest.yml": `packer:
  base:
    installer: {iso: "{{ iso }}", checksum: "{{ iso_checksum }}", boot_wait: 3s, boot_command: ["c<wait>show<enter>"]}
`,
    "catalog/one/cd/user-data.j2": "zone: {{ zone }}\npassword: {{ root_password }}\n",
    "catalog/one/cd/meta-data": "",
  });
  const iso = join(folder, "grub.iso");
  execFileSync("grub-mkrescue", ["-d", "/usr/lib/grub/i386-pc", "-o", iso, join(folder, "iso")], { stdio: "pipe" });
  const variables = { iso, iso_checksum: `sha256:${digestFile(iso).sha256}` };
  const { code, stderr } = await workspace().run(
    [
      ...["build", "one", "--catalog", join(folder, "catalog"), ...MACHINE],
      ...Object.entries(variables).flatMap(([name, value]) => ["--variable", `${name}=${value}`]),
    ],
    { VISA_ROOT_PASSWORD: PASSWORD },
  );
  expect(workspace().log()).toContain("console: zone: Etc/UTC");
  expect(workspace().log()).toContain("console: password: ****");
  expect(workspace().log()).not.toContain(PASSWORD);
  expect(stderr).toMatch(/the installer ended without a boot loader on the disk:\n[\s\S]*password: \*{4}/);
  expect(code).toBe(3);
}, 120_000);

test("Debian's installer has its preseed file with values and the password's hash, and what it says is in the log and the error", async () => {
  const { folder, cache } = workspace();
  const catalog = join(folder, "catalog");
  cpSync("examples/debian-installer", catalog, { recursive: true });
  appendFileSync(
    join(catalog, "debian-installer/http/preseed.cfg.j2"),
    `d-i preseed/early_command string exec >/dev/console; echo "zone: {{ timezone }}"; \\
  echo "hash: $(debconf-get passwd/root-password-crypted | wc -c) $(debconf-get passwd/root-password-crypted)"; \\
  echo "arguments: $(cat /proc/cmdline)"; url=$(debconf-get preseed/url); \\
  fetch-url "\${url%/*}/late.sh" /tmp/late.sh && echo "late: $(wc -l </tmp/late.sh)"; poweroff\n`,
  );
  const variables = Object.entries({ ...debianInstaller(), mirror_host: "mirror.example", timezone: "Europe/Paris" });
  const seen: string[] = [];
  const timer = setInterval(() => seen.push(...commandLines()), 1000);
  const { code, stderr } = await workspace().run(
    [
      ...["build", "debian-installer", "--catalog", catalog, ...MACHINE],
      ...variables.flatMap(([name, value]) => ["--variable", `${name}=${value}`]),
    ],
    { VISA_ROOT_PASSWORD: PASSWORD },
  );
  clearInterval(timer);

  const log = workspace().log();
  expect(log).toContain("console: zone: Europe/Paris");
  // The hash of 106 characters, which the log does not show.
  expect(log).toContain("console: hash: 107 ****");
  expect(log).toMatch(/console: arguments: .*url=http:\/\/10\.0\.2\.2:\d+\/preseed\.cfg/);
  expect(log).toMatch(/console: late: \d+/);
  expect(code).toBe(3);
  expect(stderr).toMatch(
    /the installer ended without a boot loader on the disk:\n[\s\S]*zone: Europe\/Paris[\s\S]*fix: /,
  );

  // Nothing of the password anywhere: nor of its hash, but for the file that the guest fetched.
  expect(seen.join("\n")).toContain("preseed.cfg");
  for (const text of [...seen, log, stderr]) {
    expect(text).not.toContain(PASSWORD);
    expect(text).not.toMatch(/\$6\$/);
  }
  expect(workspace().leftovers()).toEqual([]);
  expect(readdirSync(join(cache, "scratch"))).toEqual([]);
  await workspace().untilNothingRuns();
}, 300_000);

/** Of the processes of this machine, whoever's they are. */
function commandLines(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
      } catch {
        return "";
      }
    })
    .filter((line) => /packer|qemu|openssl/.test(line));
}
