/** docs/api is what the docstrings say. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

test("the API reference is up to date: npm run docs makes it anew", () => {
  const folder = mkdtempSync(join(tmpdir(), "visa-images-api-"));
  try {
    const typedoc = join("node_modules", "typedoc", "bin", "typedoc");
    const { status, stderr, stdout } = spawnSync(process.execPath, [typedoc, "--out", folder], { encoding: "utf8" });
    expect({ status, said: status === 0 ? "" : stdout + stderr }).toEqual({ status: 0, said: "" });
    expect(readdirSync(folder)).toEqual(readdirSync(join("docs", "api")));
    const text = readFileSync(join(folder, "README.md"), "utf8");
    for (const name of ["VisaImage", "Template", "Provisioner", "MachineOptions"])
      expect(text).toContain(`### ${name}\n`);
    expect(text).toBe(readFileSync(join("docs", "api", "README.md"), "utf8"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
