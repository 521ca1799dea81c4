import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { migrate } from "../../lib/migrate/migrate";
import { specify } from "../../lib/specify/specify";
import { Catalog } from "../../lib/template/catalog";
import { type Files, temporaryCatalog, writeFiles } from "../fixtures/temporary-catalog";
import { scratchFolder } from "../support/scratch";

const TREE = resolve("test/fixtures/catalogs/to-migrate");
const CONFIG = "templates: {one: {}}\n";
const shell = (step: string) => `packer:\n  provisioners:\n    - type: shell\n${step}`;

let target: string;
beforeEach(() => {
  target = join(scratchFolder(), "new");
});

/** All files of a folder with their texts. */
function textsIn(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((file) => [join(file.parentPath, file.name), readFileSync(join(file.parentPath, file.name), "utf8")]),
  );
}

const migrateFiles = (files: Files) => migrate(temporaryCatalog(files), target);

describe("a tree of the original's shape", () => {
  test("can be built once it is migrated, and is as it was", () => {
    const before = textsIn(TREE);
    const { folder, changes, left } = migrate(TREE, target);
    expect(left).toEqual([]);
    expect(folder).toBe(target);
    expect(textsIn(TREE)).toEqual(before);
    const { layers } = specify({
      catalog: Catalog.fromDirectory(target),
      template: "visa-apps",
      environment: {},
      onWarning: () => undefined,
    });
    expect(layers.map(({ name }) => name)).toEqual(["system-base", "visa-base", "visa-apps"]);
    expect(layers[0]?.base).toMatchObject({
      kind: "bootstrap",
      suite: "bookworm",
      packages: ["bzip2", "cloud-init", "openssh-server", "systemd-timesyncd"],
    });
    expect(layers[1]?.files.map(({ path }) => path)).toContain("files/visa-base/shared/motd.sh");
    expect(layers[2]?.files.map(({ path }) => path)).toContain("packages/viewer/visa-apps/install.sh");
    expect(changes.map(({ file, line, what }) => `${file}:${line}: ${what}`)).toEqual(
      expect.arrayContaining([
        'config.yml:2: "defaults" is "x-defaults" now',
        "templates/system-base/manifest.yml:1: base: a bootstrapped Debian 12, with the packages that the installer's answers name",
        'templates/system-base/manifest.yml:14: removed "boot_command"',
        "templates/system-base/manifest.yml:31: removed the step that writes /etc/apt/sources.list",
        'templates/visa-base/environment.yml:3: removed "site"',
        "templates/visa-base/manifest.yml:7: pause_before: 1s",
        'templates/visa-base/manifest.yml:16: "templates/visa-base/scripts/tidy.sh" is "scripts/tidy.sh" now',
      ]),
    );
  });

  test("keeps comments, order and quotes: nothing differs but what was told", () => {
    const { changes } = migrate(TREE, target);
    const lines = (folder: string, file: string) => readFileSync(join(folder, file), "utf8").split("\n");
    const manifest = "templates/system-base/manifest.yml";
    expect(lines(target, manifest).filter((line) => !lines(TREE, manifest).includes(line))).toEqual([
      '  base: { bootstrap: { suite: bookworm, packages: "openssh-server cloud-init bzip2 systemd-timesyncd" } }',
    ]);
    expect(readFileSync(join(target, manifest), "utf8")).not.toMatch(/\{%|mini\.iso|root-password|postprocessors|vbox/);
    const told = new Set(changes.map(({ file }) => file));
    const same = Object.keys(textsIn(TREE))
      .map((path) => path.slice(TREE.length + 1))
      .filter((path) => existsSync(join(target, path)) && !told.has(path));
    expect(same.length).toBeGreaterThan(4);
    for (const path of same) expect(lines(target, path)).toEqual(lines(TREE, path));
  });

  test("says plainly that its medium is gone, and what is to be looked at", () => {
    const { changes, advice } = migrate(TREE, target);
    expect(changes.find(({ what }) => what.startsWith("base:"))?.why).toMatch(
      /bionic-updates\/main\/.*\/mini\.iso is no longer published/,
    );
    expect(advice.map(({ file, line, what }) => `${file}:${line}: ${what}`)).toEqual(
      expect.arrayContaining([
        "templates/visa-base/scripts/install.sh:5: written for Ubuntu, and the base is Debian 12 now (and 1 more lines)",
        expect.stringMatching(/system-base\/manifest\.yml:14: root had the password that was typed/),
        expect.stringMatching(/"system-base", "visa-base", "visa-apps": the tree's own go before/),
      ]),
    );
  });

  test("is done once: nothing is to be done with what was written", () => {
    migrate(TREE, target);
    expect(migrate(target, `${target}-2`)).toMatchObject({ changes: [], left: [] });
    expect(existsSync(`${target}-2`)).toBe(false);
  });

  test("leaves behind what tools have made", () => {
    const folder = scratchFolder();
    cpSync(TREE, folder, { recursive: true });
    mkdirSync(join(folder, ".venv_packme"));
    mkdirSync(join(folder, "templates/visa-base/builds"));
    writeFileSync(join(folder, "templates/system-base/environment.yml"), "environment: {proxy: old}\n");
    symlinkSync("common", join(folder, "link"));
    const { leftOut } = migrate(folder, target);
    const files = [".venv_packme", "templates/system-base/environment.yml", "templates/visa-base/builds"];
    expect(leftOut.map(({ file }) => file).sort()).toEqual(files);
    for (const file of files) expect(existsSync(join(target, file))).toBe(false);
    expect(readdirSync(join(target, "link"))).toEqual(["motd.sh"]);
  });
});

test("an installer whose medium is there stays, with its typed password and without a checksum", () => {
  const { changes, left, advice } = migrate(resolve("test/fixtures/catalogs/original"), target);
  expect({ changes, left }).toEqual({ changes: [], left: [] });
  expect(advice.map(({ what }) => what).join("\n")).toMatch(/has no checksum: the first build takes it as it is/);
});

test.each<[string, Files, string, RegExp]>([
  [
    "a breakpoint",
    { "one/manifest.yml": `${shell("      inline: ['true']\n")}    - type: breakpoint\n` },
    "one/manifest.yml",
    /^(?!.*breakpoint)/s,
  ],
  [
    "a boot_wait without a unit",
    { "one/manifest.yml": "packer:\n  builders:\n    - type: qemu\n      boot_wait: 5\n" },
    "one/manifest.yml",
    /boot_wait: 5s\n/,
  ],
  [
    "an absolute path into the template",
    { "one/manifest.yml": shell("      script: one/a.sh\n"), "one/a.sh": "" },
    "one/manifest.yml",
    /script: a\.sh\n/,
  ],
  [
    "a disk image without a checksum",
    {
      "one/manifest.yml":
        "packer:\n  builders:\n    - {type: qemu, disk_image: true, iso_url: a.qcow2, iso_checksum: none}\n",
      "one/a.qcow2": "x",
    },
    "one/manifest.yml",
    /iso_checksum: sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\}/,
  ],
  [
    "a variable of the environment, where nothing is declared",
    { "one/manifest.yml": shell("      inline: ['echo {{ site }}']\n") },
    "one/environment.yml",
    /^environment:\n {2}site: ""\n$/,
  ],
])("mended: %s", (_, files, file, expected) => {
  const { changes, left } = migrateFiles({ "config.yml": CONFIG, ...files });
  expect(left).toEqual([]);
  expect(changes.length).toBeGreaterThan(0);
  expect(readFileSync(join(target, file), "utf8")).toMatch(expected);
});

test("fails for what it cannot mend: all of it is told, with place and fix, and the rest is mended", () => {
  const { left, changes, folder } = migrateFiles({
    "config.yml": "templates: {one: {}, two: {extends: one}}\n",
    "one/manifest.yml": `${shell("      pause_before: 3\n      script: missing.sh\n")}    - {type: shell-local, inline: [ls]}\n`,
    "two/manifest.yml": shell("      inline: ['{{ ']\n"),
  });
  expect(folder).toBe(target);
  expect(changes).toHaveLength(1);
  expect(left).toEqual([
    expect.objectContaining({
      file: "one/manifest.yml",
      line: 6,
      what: expect.stringContaining('"shell-local"'),
      fix: expect.stringContaining("shell provisioner"),
    }),
    expect.objectContaining({ file: "two/manifest.yml", line: 4, fix: expect.any(String) }),
  ]);
});

test("fails where there is no tree, and where something stands in the new one's place", () => {
  expect(() => migrate(scratchFolder(), target)).toThrow(/config\.yml is missing\n {2}fix: name the folder/);
  const folder = temporaryCatalog({ "config.yml": CONFIG });
  expect(() => migrate(folder, join(folder, "new"))).toThrow(/is inside of the tree\n {2}fix: .*--output/);
  mkdirSync(target);
  writeFiles(target, { mine: "mine" });
  expect(() => migrate(folder, target)).toThrow(/is there already\n {2}fix: .*--output/);
  expect(readFileSync(join(target, "mine"), "utf8")).toBe("mine");
  rmSync(folder, { recursive: true });
});
