import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "../support/scratch";
import { runCommand } from "./run-command";

const FINGERPRINT = "ab".repeat(32);
const release = {
  ...{ release: "0123456789ab", fingerprint: FINGERPRINT, template: "visa-apps", name: "VISA desktop" },
  ...{ diskFormat: "raw", imageId: "5d1f0c1e-0000-4000-8000-000000000000", sha512: "ef", sizeBytes: 1 },
  registered: "2026-11-28T19:00:00Z",
};
let folder: string;

beforeEach(() => {
  folder = scratchFolder();
  const artifact = join(folder, "cache", "artifacts", FINGERPRINT);
  mkdirSync(artifact, { recursive: true });
  const manifest = {
    ...{ version: 1, fingerprint: FINGERPRINT, template: "visa-apps", inputs: {}, tools: {}, packageVersion: "0" },
    disk: { bytes: 4, sha256: "", modified: 0, virtualSizeGb: 1 },
    ...{ createdAt: "2026-11-28T00:00:00.000Z", durationSeconds: 1 },
  };
  writeFileSync(join(artifact, "manifest.json"), JSON.stringify(manifest));
  const other = { ...release, release: "ba9876543210", fingerprint: "cd".repeat(32), imageId: "gone" };
  const lock = { version: 1, images: { "desktops/general": [other, release] } };
  writeFileSync(join(folder, "visa-images.lock.json"), JSON.stringify(lock));
});

const report = (name: string, ...more: string[]) =>
  runCommand(["report", name, "--cache", "cache", "--html", "page.html", ...more], folder);

test.each(["0123456789ab", "5d1f0c1e-0000-4000-8000-000000000000", "abababab", "visa-apps"])(
  "a release is named by its digits, its image, its fingerprint or its template: %s",
  async (name) => {
    const { status, stdout } = await report(name);
    expect(status).toBe(0);
    expect(stdout).toBe(`${join(folder, "page.html")}\n`);
    expect(readFileSync(join(folder, "page.html"), "utf8")).toContain("VISA desktop (desktops/general)");
  },
);

test("is compared with the release before, as far as that is known", async () => {
  await report("0123456789ab");
  const page = readFileSync(join(folder, "page.html"), "utf8");
  expect(page).toContain("<dt>before</dt><dd>release ba9876543210 of desktops/general");
  expect(page).toContain("Not compared");
});

test("fails for a release whose artifact is not here, and says what helps", async () => {
  const { status, stderr } = await report("ba9876543210");
  expect(status).toBe(2);
  expect(stderr).toMatch(/does not have the artifact of release "ba9876543210"/);
  expect(stderr).toContain("visa-image build visa-apps");
});

test("a release whose artifact is not here is read from what is kept beside the lock", async () => {
  const kept = join(folder, "visa-images.releases", "0123456789ab");
  mkdirSync(join(folder, "visa-images.releases"));
  renameSync(join(folder, "cache", "artifacts", FINGERPRINT), kept);
  expect((await report("0123456789ab")).status).toBe(0);
  const page = readFileSync(join(folder, "page.html"), "utf8");
  expect(page).toContain("VISA desktop (desktops/general)");
  expect(page).toContain("manifest.json");
  expect(page).not.toContain("This machine did not build it");
});

test("fails for an artifact that cannot be read", async () => {
  writeFileSync(join(folder, "cache", "artifacts", FINGERPRINT, "manifest.json"), "{");
  expect((await report("abababab")).stderr).toMatch(/the artifact "abab\w+" cannot be read/);
});

test("fails without a file, and for a name that nothing has", async () => {
  expect((await runCommand(["report", "visa-apps"], folder)).stderr).toContain("--html");
  expect((await report("visa-app")).stderr).toContain('no artifact "visa-app"');
});
