/**
 * Debian's installer, booted by Packer and QEMU through the command: it fetches the preseed file of the example tree, with
 * one more answer that tells on the console what it has got and ends the machine, which a whole installation would take
 * an hour for.
 */
import { appendFileSync, cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { debianInstaller } from "../support/debian-installer";
import { workspaces } from "./runner-support";

const PASSWORD = "canary-Root-7391";
const workspace = workspaces();

test("the installer has its preseed file with values and the password's hash, and what it says is in the log and the error", async () => {
  const { folder, cache } = workspace();
  const catalog = join(folder, "catalog");
  cpSync("examples/debian-installer", catalog, { recursive: true });
  appendFileSync(
    join(catalog, "debian-installer/http/preseed.cfg.j2"),
    `d-i preseed/early_command string exec >/dev/console; echo "zone: {{ timezone }}"; \\
  echo "hash: $(debconf-get passwd/root-password-crypted | wc -c) $(debconf-get passwd/root-password-crypted)"; \\
  echo "arguments: $(cat /proc/cmdline)"; preseed_fetch late.sh /tmp/late && echo "late: $(wc -l </tmp/late)"; poweroff\n`,
  );
  const variables = Object.entries({ ...debianInstaller(), mirror_host: "mirror.example", timezone: "Europe/Paris" });
  const seen: string[] = [];
  const timer = setInterval(() => seen.push(...commandLines()), 1000);
  const { code, stderr } = await workspace().run(
    [
      ...["build", "debian-installer", "--catalog", catalog, "--cpus", "1", "--memory", "1024", "--accelerator", "tcg"],
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
