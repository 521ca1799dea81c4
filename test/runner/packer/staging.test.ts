import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stageFiles } from "../../../lib/runner/packer/staging";
import type { LayerSpecification, SpecifiedFile } from "../../../lib/specification";

let folder: string;
let scratch: string;
const sha256 = createHash("sha256").update("echo\n").digest("hex");
const good: SpecifiedFile = { path: "scripts/a.sh", source: "in/a.sh", mode: 0o755, sha256 };

const stage = (...files: SpecifiedFile[]) =>
  stageFiles({ name: "layer", files } as unknown as LayerSpecification, folder, scratch);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "visa-image-staging-"));
  scratch = join(folder, "scratch");
  mkdirSync(scratch);
  mkdirSync(join(folder, "in"));
  writeFileSync(join(folder, "in/a.sh"), "echo\n", { mode: 0o700 });
});
afterEach(() => rmSync(folder, { recursive: true }));

test("copies bytes and the mode that was planned, whatever the umask of the checkout", async () => {
  await stage(good);
  expect(readFileSync(join(scratch, "scripts/a.sh"), "utf8")).toBe("echo\n");
  expect(statSync(join(scratch, "scripts/a.sh")).mode & 0o777).toBe(0o755);
});

test.each([
  ["its content", () => writeFileSync(join(folder, "in/a.sh"), "ECHO\n"), "its content differs"],
  ["its mode", () => chmodSync(join(folder, "in/a.sh"), 0o644), "its executable bit differs"],
  ["its being there", () => rmSync(join(folder, "in/a.sh")), "it is gone"],
])("fails with exit code 4 where %s changed since the plan", async (_, change, message) => {
  change();
  await expect(stage(good)).rejects.toMatchObject({ exitCode: 4, message: expect.stringContaining(message) });
});

test.each(["../out", "/etc/out", "a/../../out", "seed/x", "build-key", "owner.json"])(
  "fails where a file would stand at %s",
  async (path) => {
    await expect(stage({ ...good, path })).rejects.toMatchObject({ exitCode: 2 });
  },
);

test("fails where two files have one path", async () => {
  await expect(stage(good, good)).rejects.toThrow('names "scripts/a.sh" twice');
});
