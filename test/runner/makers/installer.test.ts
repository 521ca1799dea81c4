import { execFile, execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { RunTool } from "../../../lib/runner/makers/base-disk";
import {
  fillSecrets,
  followConsole,
  hasBootLoader,
  plainText,
  withPasswordHashes,
} from "../../../lib/runner/makers/installer";
import { createMasker } from "../../../lib/runner/output/masking";
import type { InstallerBase } from "../../../lib/specification";
import { packerVariable } from "../../../lib/template/marks";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "installer-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const base = (...contents: string[]): InstallerBase => ({
  kind: "installer",
  media: [],
  configuration: {},
  files: contents.map((content, i) => ({ path: `file${i}`, source: "/x", mode: 0o600, sha256: "", content })),
  secrets: [{ name: "pw", environment: "VISA_PW", required: true }],
  diskSizeGb: 10,
  timeout: "2h",
});

test("a password is hashed as /etc/shadow holds it, each time with another salt, where a file shows the hash", () => {
  const values = new Map([["pw", "Péage $1"]]);
  const hash = withPasswordHashes(base(`x ${packerVariable("pw_hash")}`), values).get("pw_hash") ?? "";
  const [, method, salt = ""] = hash.split("$");
  expect(method).toBe("6");
  const again = execFileSync("openssl", ["passwd", "-6", "-salt", salt, "-stdin"], { input: "Péage $1" });
  expect(hash).toBe(String(again).trim());
  expect(withPasswordHashes(base(packerVariable("pw_hash")), values).get("pw_hash")).not.toBe(hash);
  expect([...withPasswordHashes(base(packerVariable("pw")), values).keys()]).toEqual(["pw"]);
});

test("fails to hash a password of two lines", () => {
  const values = new Map([["pw", "one\ntwo"]]);
  expect(() => withPasswordHashes(base(packerVariable("pw_hash")), values)).toThrow('"pw" has more than one line');
});

test("secrets go into the files that have their names, which stay their owner's", async () => {
  for (const name of ["file0", "file1"]) writeFileSync(join(folder, name), "staged", { mode: 0o600 });
  const values = new Map([["pw", "s$&cret"]]);
  await fillSecrets(base(`a ${packerVariable("pw")} b\n`, "no secret"), folder, values);
  expect(readFileSync(join(folder, "file0"), "utf8")).toBe("a s$&cret b\n");
  expect(statSync(join(folder, "file0")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(folder, "file1"), "utf8")).toBe("staged");
});

describe("a disk", () => {
  const run: RunTool = async (command, args) => void (await promisify(execFile)(command, [...args]));
  const disk = async (write: (sector: Buffer) => void) => {
    const raw = join(folder, "disk.raw");
    const sector = Buffer.alloc(1 << 20);
    write(sector);
    writeFileSync(raw, sector);
    await run("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, join(folder, "disk.qcow2")]);
    return hasBootLoader(join(folder, "disk.qcow2"), folder, run);
  };

  test.each<[string, boolean, (sector: Buffer) => void]>([
    ["that is empty has no boot loader", false, () => {}],
    ["with a table of partitions alone has none", false, (sector) => sector.writeUInt16LE(0xaa55, 510)],
    ["with code before the table has one", true, (sector) => sector.fill(0xeb, 0, 400).writeUInt16LE(0xaa55, 510)],
  ])("%s", async (_, expected, write) => expect(await disk(write)).toBe(expected));
});

test("the console is followed line by line, masked, without escape sequences, to its last words", async () => {
  const file = join(folder, "console.log");
  const lines: string[] = [];
  const stop = followConsole(file, createMasker(["canary"]), (line) => lines.push(line));
  await sleep(10);
  writeFileSync(file, "\u001b[2J\u001b[1;1Hfirst\r\n\r\nsecond can");
  for (const deadline = Date.now() + 10_000; lines.length < 1 && Date.now() < deadline; ) await sleep(50);
  expect(lines).toEqual(["first"]);
  appendFileSync(file, "ary\nlast");
  await stop();
  expect(lines).toEqual(["first", "second ****", "last"]);
});

test("text of a console is what a person would read", () => {
  expect(plainText("\u001b(B\u001b[0;1;31mred\u001b[m\u0007 \u001b[?25h\u001b)0tail\r")).toBe("red tail");
});
