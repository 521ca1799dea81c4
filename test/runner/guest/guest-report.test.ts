import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GuestReportReader, REPORT_TEXT } from "../../../lib/runner/guest/guest-report";
import { scratchFolder } from "../../support/scratch";

/** Runs the script with a PATH that has only these commands. */
function run(commands: Record<string, string>): string {
  const folder = join(scratchFolder(), "bin");
  mkdirSync(folder);
  for (const [name, body] of Object.entries(commands)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const script = join(folder, "script");
  writeFileSync(script, REPORT_TEXT);
  return execFileSync("/bin/sh", ["-e", script], { env: { PATH: folder }, encoding: "utf8" });
}

const read = (printed: string) => {
  const reader = new GuestReportReader();
  const shown = printed.split("\n").filter((line) => line && !reader.take(`    qemu.visa-apps: ${line}`));
  return { reader, shown };
};

test("lists what dpkg has installed, as dpkg itself says", () => {
  const { reader, shown } = read(run({ "dpkg-query": 'exec /usr/bin/dpkg-query "$@"' }));
  expect(shown).toEqual([]);
  expect(reader.result.packages?.packages.length).toBeGreaterThan(50);
  const version = execFileSync("dpkg-query", ["-W", "-f=${Version}", "dpkg"], { encoding: "utf8" });
  expect(reader.result.packages?.packages).toContainEqual({ name: "dpkg", version, architecture: expect.any(String) });
  expect(reader.result.packages?.system).toMatch(/^[a-z]+$/);
});

test("says nothing in a guest without dpkg, and never fails", () => {
  expect(read(run({})).reader.result).toEqual({});
  expect(read(run({ "dpkg-query": "exit 2" })).reader.result).toEqual({});
});

test("leaves out what was removed, and lets other lines through", () => {
  const { reader, shown } = read("visa-package rc gone 1 amd64\nvisa-package ii kept 2:1 all\nwhatever\n");
  expect(reader.result.packages?.packages).toEqual([{ name: "kept", version: "2:1", architecture: "all" }]);
  expect(shown).toEqual(["whatever"]);
  expect(reader.take("==> qemu.a: Provisioning with shell script: visa-guest-report.sh")).toBe(true);
  expect(reader.take("==> qemu.a: Provisioning with shell script: scripts/apps.sh")).toBe(false);
});

test("says how the next build gets in, as a base's recipe does too", () => {
  expect(read("visa-login credentials\n").reader.result).toEqual({ login: "credentials" });
  expect(read("visa-login something-newer\n").reader.result).toEqual({});
  const reader = new GuestReportReader();
  expect(["visa-login credentials", "I: visa-login"].map((line) => reader.take(line))).toEqual([true, false]);
  expect(reader.result).toEqual({ login: "credentials" });
});
