import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fillSecrets, hasBootLoader } from "../../../lib/runner/makers/installer";
import type { RunTool } from "../../../lib/runner/processes/run-tool";
import { packerVariable } from "../../../lib/template/marks";
import { installerBase } from "../support/installer-base";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "installer-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("secrets go into the files that have their names, which stay their owner's", async () => {
  for (const name of ["file0", "file1"]) writeFileSync(join(folder, name), "staged", { mode: 0o600 });
  const values = new Map([["pw", "s$&cret"]]);
  await fillSecrets(installerBase(`a ${packerVariable("pw")} b\n`, "no secret"), folder, values);
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
