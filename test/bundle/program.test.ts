/** The installer as a process, with Node.js alone: it is killed, and its disk is full. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bundleLock } from "../../lib/bundle/lock";
import { startProcess } from "../integration/runner-support";
import { compileCommand } from "../runner/support/command";
import { scratchFolder } from "../support/scratch";
import { someFiles, writeArchive } from "./support";

jest.setTimeout(60_000);

const scratch = scratchFolder();
const slow = join(scratch, "slow");
let program: string;
let archive: string;
let cache: string;

beforeAll(() => {
  program = join(compileCommand(), "..", "..", "bundle", "program.js");
  // Unpacks for a minute, and says that it has begun.
  mkdirSync(slow);
  writeFileSync(
    join(slow, "tar"),
    `#!/bin/sh\ncase $1 in --extract) echo $$ >"$STARTED"; exec sleep 60 ;; esac\nexec /bin/tar "$@"\n`,
  );
  chmodSync(join(slow, "tar"), 0o755);
});
beforeEach(() => {
  const folder = mkdtempSync(join(scratch, "machine-"));
  archive = join(folder, "visa-bundle.tar");
  cache = join(folder, "cache");
});

const names = (folder: string) => readdirSync(join(cache, folder));
const isRunning = (pid: string) =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));

/** Starts an install, and ends it while tar runs: how it ended, and what it said. */
async function stopWhileItUnpacks(signal: NodeJS.Signals) {
  const started = join(cache, "..", "started");
  const env = { ...process.env, VISA_IMAGE_CACHE: cache, PATH: `${slow}:${process.env.PATH}`, STARTED: started };
  const running = startProcess(process.execPath, [program, archive], env);
  while (!existsSync(started) || readFileSync(started, "utf8") === "") await sleep(20);
  running.kill(signal);
  const ended = await running.ended;
  const tar = readFileSync(started, "utf8").trim();
  for (let i = 0; i < 100 && isRunning(tar); i++) await sleep(20);
  expect(isRunning(tar)).toBe(false);
  for (const folder of ["artifacts", "downloads"]) expect(names(folder)).toEqual([]);
  expect(existsSync(join(cache, "npm"))).toBe(false);
  return ended;
}

function install() {
  const env = { ...process.env, VISA_IMAGE_CACHE: cache };
  return spawnSync(process.execPath, [program, archive], { env, encoding: "utf8" });
}

/**
 * @fault bundle: SIGINT, SIGTERM or SIGHUP of an install
 * @then 130, 143, 129: tar ends with it, nothing is left or in place
 */
test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("%s ends it and what it runs, and nothing is left", async (signal, exitCode) => {
  writeArchive(archive, someFiles(scratch));
  const { code, stderr } = await stopWhileItUnpacks(signal);
  expect([code, stderr]).toEqual([exitCode, expect.stringContaining(`visa-image: stopped by ${signal}\n`)]);
  expect(names("scratch")).toEqual([]);
});

/**
 * @fault bundle: SIGKILL of an install
 * @then the kernel ends its tar; the next one removes what it has left, and installs
 */
test("after SIGKILL the next one removes what is left, and installs", async () => {
  writeArchive(archive, someFiles(scratch));
  await stopWhileItUnpacks("SIGKILL");
  expect(names("scratch").length).toBe(1);
  const { status, stdout, stderr } = install();
  expect([status, stderr]).toEqual([0, expect.stringContaining("removed what an interrupted build left behind")]);
  expect(stdout).toContain(`npm ci --offline --cache ${join(cache, "npm")}`);
  expect(names("scratch")).toEqual([]);
  expect(names("artifacts").length).toBe(3);
});

/**
 * @fault bundle: no room for the archive where it is installed
 * @then 1: `… MiB are needed` before it begins, or tar's own words where others take the room meanwhile; nothing is in place
 */
test("fails on a disk that becomes full, and leaves it as it was", () => {
  const large = `media/sha256-${"e".repeat(64)}`;
  // As if there had been room: the list says less than what comes.
  writeArchive(archive, { ...someFiles(scratch), [large]: Buffer.alloc(12 << 20, 1) }, (listed) =>
    bundleLock(listed.map((file) => (file.path === large ? { ...file, bytes: 1 } : file))),
  );
  mkdirSync(cache);
  const script =
    'mount -t tmpfs -o size=8m tmpfs "$1" || exit 99; "$2" "$3" "$4"; code=$?; find "$1" -type f; exit $code';
  const asRoot = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const args = ["--mount", ...asRoot, "sh", "-c", script, "sh", cache, process.execPath, program, archive];
  const env = { ...process.env, VISA_IMAGE_CACHE: cache };
  const { status, stdout, stderr } = spawnSync("unshare", args, { env, encoding: "utf8" });
  expect([status, stderr]).toEqual([1, expect.stringMatching(/(No space left|Wrote only)[\s\S]*fix: make room/)]);
  expect(stdout.split("\n").filter((name) => name !== "" && !name.includes("/locks/"))).toEqual([]);
});

test("fails where no archive is named", () => {
  const { status, stderr } = spawnSync(process.execPath, [program], { encoding: "utf8" });
  expect([status, stderr]).toEqual([2, expect.stringContaining("node installer visa-bundle.tar")]);
});
