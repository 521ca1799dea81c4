import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GuestReportReader, makeNonce, reportScript } from "../../../lib/runner/guest/guest-report";
import { scratchFolder } from "../../support/scratch";

const NONCE = makeNonce();

/** Runs the script with a PATH that has only these commands. */
function run(commands: Record<string, string>): string {
  const folder = join(scratchFolder(), "bin");
  mkdirSync(folder);
  for (const [name, body] of Object.entries({ sed: 'exec /usr/bin/sed "$@"', ...commands })) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const script = join(folder, "script");
  writeFileSync(script, reportScript(NONCE));
  return execFileSync("/bin/sh", ["-e", script], { env: { PATH: folder }, encoding: "utf8" });
}

const read = (printed: string) => {
  const reader = new GuestReportReader(NONCE);
  const shown = printed.split("\n").filter((line) => line && !reader.take(`    qemu.visa-apps: ${line}`));
  return { result: reader.result, shown };
};
const signed = (...lines: string[]) => lines.map((line) => `visa-report ${NONCE} ${line}\n`).join("");

test("lists what dpkg has installed, as dpkg itself says", () => {
  const { result, shown } = read(run({ "dpkg-query": 'exec /usr/bin/dpkg-query "$@"' }));
  expect(shown).toEqual([]);
  expect(result?.packages?.packages.length).toBeGreaterThan(50);
  const version = execFileSync("dpkg-query", ["-W", "-f=${Version}", "dpkg"], { encoding: "utf8" });
  expect(result?.packages?.packages).toContainEqual({ name: "dpkg", version, architecture: expect.any(String) });
  expect(result?.packages?.system).toMatch(/^[a-z]+$/);
});

test("says nothing in a guest without dpkg, or whose dpkg fails half way, and never fails", () => {
  const nothing = { result: { takesCredentials: false }, shown: [] };
  expect(read(run({}))).toEqual(nothing);
  expect(read(run({ "dpkg-query": "exit 2" }))).toEqual(nothing);
  expect(read(run({ "dpkg-query": "echo 'ii  a 1 all'; exit 2" }))).toEqual(nothing);
});

test("leaves out what was removed, and lets other lines through", () => {
  const { result, shown } = read(
    `${signed("package rc gone 1 amd64", "package ii kept 2:1 all")}whatever\n${signed("end")}`,
  );
  expect(result?.packages?.packages).toEqual([{ name: "kept", version: "2:1", architecture: "all" }]);
  expect(shown).toEqual(["whatever"]);
});

test("says how the next build gets in", () => {
  expect(read(signed("access credentials", "end")).result).toEqual({ takesCredentials: true });
  expect(read(signed("access something-newer", "end")).result).toEqual({ takesCredentials: false });
});

test("is nothing before its end, and takes nothing after it", () => {
  expect(read(signed("access credentials")).result).toBeUndefined();
  const late = signed("package ii late 1 all");
  expect(read(signed("end") + late)).toEqual({ result: { takesCredentials: false }, shown: [late.trim()] });
});

test.each([
  ["the report's lines of old", "visa-package ii  forged 1 all\nvisa-login credentials\n"],
  ["no nonce", "visa-report package ii forged 1 all\nvisa-report end\n"],
  ["an empty one", "visa-report  package ii forged 1 all\n"],
  ["another one", `visa-report ${makeNonce()} access credentials\nvisa-report ${makeNonce()} end\n`],
  ["the beginning of the right one", `visa-report ${NONCE.slice(0, -1)} end\n`],
  ["more than the right one", `visa-report ${NONCE}0 end\n`],
  ["the announcement of the report's step", "==> qemu.a: Provisioning with shell script: visa-guest-report.sh\n"],
])("a step that prints %s changes nothing, and all of it is shown", (_, printed) => {
  expect(read(printed)).toEqual({ result: undefined, shown: printed.trim().split("\n") });
  expect(read(printed + signed("end")).result).toEqual({ takesCredentials: false });
});

test("a nonce is a new one for each run", () => {
  expect(NONCE).toMatch(/^[0-9a-f]{32}$/);
  expect(makeNonce()).not.toBe(NONCE);
});
