import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { specify } from "../../lib/specify/specify";
import { Catalog } from "../../lib/template/catalog";

const root = resolve(__dirname, "../..");
const shippedApps = join(root, "templates/visa-apps/apps");
const folders = [shippedApps, join(root, "examples/facility-app/my-desktop/apps")].flatMap((folder) =>
  readdirSync(folder).map((name): [string, string] => [name, join(folder, name)]),
);
const scratch = mkdtempSync(join(tmpdir(), "visa-apps-"));

afterAll(() => rmSync(scratch, { recursive: true }));

/** Calls the installer with a folder of applications; none of the cases below gets as far as installing. */
function install(apps: string, ...names: string[]) {
  return spawnSync("bash", [join(root, "templates/visa-apps/tools/install-apps"), ...names], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, VISA_APPS_FOLDER: apps },
  });
}

test.each(folders)("%s has all that an application needs", (name, folder) => {
  const entry = readFileSync(join(folder, `${name}.desktop`), "utf8");
  expect(entry).toMatch(/^\[Desktop Entry\]\nType=Application\n/);
  for (const key of ["Name", "Comment", "Exec", "Categories"]) expect(entry).toMatch(new RegExp(`^${key}=.`, "m"));
  const icon = /^Icon=(.+)$/m.exec(entry)?.[1];
  expect([".svg", ".png"].some((ending) => existsSync(join(folder, `${icon}${ending}`)))).toBe(true);
  for (const script of ["install.sh", "smoke.sh"]) {
    expect(readFileSync(join(folder, script), "utf8")).toMatch(/^#!\/bin\/bash\n[\s\S]*^set -euo pipefail$/m);
  }
});

test("an empty list installs nothing", () => {
  expect(install(shippedApps)).toMatchObject({ status: 0, stdout: "", stderr: "" });
});

test.each([
  [["silx", "paraview"], /there is no application "paraview"; there are: mantid nexpy silx/],
  [["../visa-base"], /"\.\.\/visa-base" cannot be the name of an application/],
  [[""], /"" cannot be the name of an application/],
])("fails for %j before anything is installed", (names, message) => {
  const { status, stdout, stderr } = install(shippedApps, ...names);
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toMatch(message);
});

test.each(["install.sh", "smoke.sh", "silx.desktop"])("fails for an application without its %s", (missing) => {
  const apps = join(scratch, missing);
  mkdirSync(apps);
  cpSync(join(shippedApps, "silx"), join(apps, "silx"), { recursive: true });
  rmSync(join(apps, "silx", missing));
  writeFileSync(join(apps, "README"), "not an application");
  const { status, stdout, stderr } = install(apps, "silx");
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toContain(missing === "silx.desktop" ? "has no entry for the menu" : `has no ${missing}`);
});

test("the list of applications and JupyterLab are variables of visa-apps", () => {
  const { layers } = specify({ catalog: Catalog.shipped(), template: "visa-apps", environment: {} });
  expect(layers.at(-1)?.inputs).toMatchObject({ "variable apps": "silx nexpy", "variable jupyter": "true" });
});

test("the guide's manifest is the example's, which adds a folder to the shipped applications", () => {
  const manifest = readFileSync(join(root, "examples/facility-app/my-desktop/manifest.yml"), "utf8");
  const guide = readFileSync(join(root, "docs/how-to-application.md"), "utf8");
  expect(guide).toContain(`\`\`\`yaml\n${manifest}\`\`\``);
  const catalog = Catalog.fromDirectory(join(root, "examples/facility-app"));
  const { layers } = specify({ catalog, template: "my-desktop", environment: {} });
  expect(layers.map(({ name }) => name)).toEqual(["system-base", "visa-base", "visa-apps", "my-desktop"]);
  expect(layers.at(-1)?.files.map(({ path }) => path)).toContain("files/my-desktop/apps/gnuplot/smoke.sh");
  expect(JSON.stringify(layers.at(-1)?.configuration)).toContain("/usr/lib/visa/install-apps gnuplot");
});
