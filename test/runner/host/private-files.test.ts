import { spawnSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { openPrivateLog, privateFolder, writePrivateFile } from "../../../lib/runner/host/private-files";
import { scratchFolder } from "../../support/scratch";

/** Only root can act as somebody else. */
const asRoot = process.getuid?.() === 0 ? test : test.skip;
const NOBODY = 65534;

/** A folder in which everybody may make what they like, as in /tmp. */
function sharedFolder(): string {
  const folder = scratchFolder();
  chmodSync(folder, 0o1777);
  return folder;
}

/** What another user of this machine does. */
function asNobody(...command: string[]): void {
  const ids = ["--reuid", String(NOBODY), "--regid", String(NOBODY), "--clear-groups"];
  const { status, stderr } = spawnSync("setpriv", [...ids, ...command], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

test("makes a folder that nobody else may enter, and those above it", () => {
  const folder = join(scratchFolder(), "a", "b");
  privateFolder(folder);
  expect([modeOf(join(folder, "..")), modeOf(folder)]).toEqual([0o700, 0o700]);
});

test("closes a folder of one's own that was open to others, and what is a link of one's own", () => {
  const folder = scratchFolder();
  mkdirSync(join(folder, "open"));
  chmodSync(join(folder, "open"), 0o775);
  symlinkSync("open", join(folder, "link"));
  privateFolder(join(folder, "link"));
  expect(modeOf(join(folder, "open"))).toBe(0o700);
});

test("fails, and leaves nothing, where a folder stands in the place of the file", () => {
  const folder = scratchFolder();
  mkdirSync(join(folder, "file"));
  expect(() => writePrivateFile(join(folder, "file"), "text")).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
  expect(readdirSync(folder)).toEqual(["file"]);
});

/**
 * @fault machine: another user has made the cache's folder first, or has laid a link in its place or in that of a file
 * @then 2, with the user: `is a folder of user …, who could change or read what is kept there`. A link in the place
 *   of a file is replaced, and not followed
 */
describe("what another user has laid in the way", () => {
  asRoot("fails for a folder that another user has made first, and says whose it is", () => {
    const shared = sharedFolder();
    const folder = join(shared, "visa-images-0");
    asNobody("mkdir", folder);
    expect(() => privateFolder(folder)).toThrow(
      `"${folder}" is a folder of user ${NOBODY}, who could change or read what is kept there\n  fix: `,
    );
    expect(lstatSync(folder).uid).toBe(NOBODY);
  });

  asRoot("fails for another user's link, wherever it leads", () => {
    const shared = sharedFolder();
    const victim = scratchFolder();
    chmodSync(victim, 0o755);
    const link = join(shared, "visa-images-0");
    asNobody("ln", "-s", victim, link);
    expect(() => privateFolder(link)).toThrow(`is a link of user ${NOBODY}`);
    expect(modeOf(victim)).toBe(0o755);
  });

  asRoot("another user's link in the place of a file is replaced, and a victim's file stays as it was", () => {
    const shared = sharedFolder();
    const victim = join(scratchFolder(), "victim");
    writeFileSync(victim, "precious", { mode: 0o644 });
    const file = join(shared, "note");
    asNobody("ln", "-s", victim, file);
    writePrivateFile(file, "ours");
    expect(readFileSync(victim, "utf8")).toBe("precious");
    expect(lstatSync(file).isSymbolicLink()).toBe(false);
    expect([readFileSync(file, "utf8"), modeOf(file)]).toEqual(["ours", 0o600]);
  });
});

test("fails to open a log where a link stands in its place", () => {
  const folder = scratchFolder();
  writeFileSync(join(folder, "victim"), "precious");
  symlinkSync("victim", join(folder, "log"));
  expect(() => openPrivateLog(join(folder, "log"))).toThrow("ELOOP");
  const file = openPrivateLog(join(folder, "another"));
  writeSync(file, "one\n");
  expect([readFileSync(join(folder, "another"), "utf8"), modeOf(join(folder, "another"))]).toEqual(["one\n", 0o600]);
  expect(readFileSync(join(folder, "victim"), "utf8")).toBe("precious");
});
