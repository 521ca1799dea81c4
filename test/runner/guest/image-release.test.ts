import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeNonce, reportScript } from "../../../lib/runner/guest/guest-report";
import { imageRelease, writeRelease } from "../../../lib/runner/guest/image-release";
import { scratchFolder } from "../../support/scratch";

const FINGERPRINT = "5884972f171d".padEnd(64, "0");
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const built = { template: "visa-apps", fingerprint: FINGERPRINT, packageVersion: "1.2.3" };
const date = new Date("2026-11-28T14:05:06.789Z");

function run(folder: string, umask = "022"): void {
  const script = reportScript(makeNonce(), { first: writeRelease(imageRelease({ ...built, date }), folder) });
  execFileSync("sh", ["-s"], { input: `umask ${umask}\n${script}`, stdio: ["pipe", "ignore", "pipe"] });
}

test("names template, package, artifact, time and commit, as Glance does", () => {
  const { commit, ...common } = imageRelease({ ...built, date, git: { commit: COMMIT, modified: false } });
  expect(common).toEqual({
    name: "visa-apps",
    version: "1.2.3",
    release: "5884972f171d",
    fingerprint: FINGERPRINT,
    date: "2026-11-28T14:05:06Z",
  });
  expect(commit).toBe(COMMIT);
  expect(imageRelease({ ...built, git: { commit: COMMIT, modified: true } }).commit).toBe(`${COMMIT}, modified`);
  expect(imageRelease(built).commit).toBeNull();
});

test("is written for all to read, whatever was there and whatever the umask", () => {
  const folder = join(scratchFolder(), "visa");
  run(folder, "077");
  const file = join(folder, "release.json");
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(imageRelease({ ...built, date }));
  expect([statSync(folder).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o755, 0o644]);
  writeFileSync(file, "{", { mode: 0o600 });
  run(folder);
  expect(JSON.parse(readFileSync(file, "utf8")).name).toBe("visa-apps");
  expect(readdirSync(folder)).toEqual(["release.json"]);
});

test("fails where it cannot be written: a build ends there", () => {
  const folder = join(scratchFolder(), "visa");
  mkdirSync(join(folder, "release.json"), { recursive: true });
  writeFileSync(join(folder, "release.json", "in-the-way"), "");
  expect(() => run(join(folder, "release.json", "in-the-way"))).toThrow();
});
