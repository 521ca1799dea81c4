/** docs/api is what the docstrings say. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The pages of a folder, by their paths. */
function pages(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".md"));
  return Object.fromEntries(files.sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

test("the API reference is up to date: npm run docs makes it anew", () => {
  const folder = mkdtempSync(join(tmpdir(), "visa-images-api-"));
  try {
    const typedoc = join("node_modules", "typedoc", "bin", "typedoc");
    const { status, stderr, stdout } = spawnSync(process.execPath, [typedoc, "--out", folder], { encoding: "utf8" });
    expect({ status, said: status === 0 ? "" : stdout + stderr }).toEqual({ status: 0, said: "" });
    const made = pages(folder);
    for (const name of ["VisaImage", "Template", "Provisioner"])
      expect(made).toHaveProperty([`index/classes/${name}.md`]);
    expect(made).toHaveProperty(["advanced/classes/LayerBuild.md"]);
    expect(made).toEqual(pages(join("docs", "api")));
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
