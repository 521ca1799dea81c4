import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { VisaImageError } from "../../lib/errors";
import { specify } from "../../lib/specify/specify";
import { Catalog } from "../../lib/template/catalog";
import { Provisioner } from "../../lib/template/provisioner";
import { Template } from "../../lib/template/template";
import { type Files, GUEST_FOLDER, temporaryCatalog } from "../fixtures/temporary-catalog";

const CONFIG = "templates:\n  one:\n  two:\n    extends: one\n";
const shell = (text: string) => `packer:\n  provisioners:\n    - type: shell\n${text}`;

function open(files: Files, prepare?: (folder: string) => void, template = "one") {
  const folder = temporaryCatalog({ "config.yml": CONFIG, "one/manifest.yml": "", "two/manifest.yml": "", ...files });
  prepare?.(folder);
  return specify({
    catalog: Catalog.fromDirectory(folder, { parents: [] }),
    template,
    environment: {},
    guestFolder: GUEST_FOLDER,
  });
}

describe("errors name file, line, column and fix", () => {
  test.each<[string, Files, RegExp]>([
    [
      "an unknown key",
      { "one/manifest.yml": "packer:\n  provisoners: []\n" },
      /one\/manifest\.yml:2:3: packer: unknown key "provisoners"\n {2}fix: did you mean "provisioners"/,
    ],
    [
      "an unknown key of a provisioner",
      { "one/manifest.yml": shell("      inlin: [a]\n") },
      /one\/manifest\.yml:4:7: packer\.provisioners\[0\]: unknown key "inlin"\n {2}fix: did you mean "inline"/,
    ],
    [
      "an unknown key of a builder",
      { "one/manifest.yml": "packer:\n  builders:\n    - type: qemu\n      dsik_size: 1\n" },
      /4:7: packer\.builders\[0\]: unknown key "dsik_size"\n {2}fix: did you mean "disk_size"/,
    ],
    [
      "an unknown key of config.yml",
      { "config.yml": "templates:\n  one:\n    extend: two\n" },
      /config\.yml:3:5: templates\.one: unknown key "extend"\n {2}fix: did you mean "extends"/,
    ],
    [
      "an unknown key of environment.yml",
      { "one/environment.yml": "enviroment: {}\n" },
      /environment\.yml:1:1: unknown key "enviroment"\n {2}fix: did you mean "environment"/,
    ],
    [
      "an unknown provisioner",
      { "one/manifest.yml": "packer:\n  provisioners:\n    - type: shel\n" },
      /3:13: .*"shel" is not supported\n {2}fix: did you mean "shell"/,
    ],
    [
      "a refused provisioner",
      { "one/manifest.yml": "packer:\n  provisioners:\n    - type: shell-local\n" },
      /"shell-local" is not supported\n {2}fix: it runs on the build machine/,
    ],
    [
      "an undefined variable",
      {
        "one/manifest.yml": shell("      inline:\n        - echo {{ colour }}\n"),
        "one/environment.yml": "environment: {color: red}\n",
      },
      /one\/manifest\.yml:5:9: the variable "colour" is not defined\n {2}fix: .*did you mean "color"/,
    ],
    [
      "a syntax error of Jinja",
      { "one/manifest.yml": shell("      inline: ['{{ x']\n") },
      /one\/manifest\.yml:4:\d+: syntax error.*\n {2}fix: .*raw/,
    ],
    [
      "an endless loop",
      {
        "one/manifest.yml": shell(
          "      inline: ['{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}']\n",
        ),
      },
      /takes too long/,
    ],
    [
      "a missing script",
      { "one/manifest.yml": shell("      script: scripts/instal.sh\n"), "one/scripts/install.sh": "" },
      /one\/manifest\.yml:4:15: there is no script "scripts\/instal\.sh" in .*\n {2}fix: did you mean "scripts\/install\.sh"/,
    ],
    [
      "a missing file",
      { "one/manifest.yml": "packer:\n  provisioners:\n    - {type: file, source: x, destination: /x}\n" },
      /3:28: there is no file "x"/,
    ],
    [
      "an empty folder's file",
      {
        "one/manifest.yml":
          "packer:\n  provisioners:\n    - {type: file, source: ., destination: /x}\n      \n    - {type: file, source: 'a/', destination: /x}\n",
        "one/a": "",
      },
      /written like a folder/,
    ],
    [
      "a path that leaves the folder",
      { "one/manifest.yml": shell("      script: ../two/x.sh\n"), "two/x.sh": "" },
      /4:15: the script "\.\.\/two\/x\.sh" is outside of/,
    ],
    ["an absolute path", { "one/manifest.yml": shell("      script: /etc/passwd\n") }, /"\/etc\/passwd" is outside of/],
    [
      "a duplicate key",
      { "one/environment.yml": "environment:\n  a: 1\n  a: 2\n" },
      /environment\.yml:3:3: the same key stands here twice/,
    ],
    [
      "two templates of one name",
      { "config.yml": "templates:\n  one:\n  one:\n" },
      /config\.yml:3:3: the same key stands here twice/,
    ],
    [
      "an unusable name",
      { "config.yml": "templates:\n  one:\n  ../two:\n" },
      /config\.yml:3:3: .*"\.\.\/two" cannot be used as a name/,
    ],
    ["broken YAML", { "one/manifest.yml": "packer: [\n" }, /one\/manifest\.yml:\d+:\d+: not valid YAML/],
    [
      "a billion laughs",
      {
        "one/manifest.yml": `x-a: &a [1,1,1,1,1,1,1,1,1]\n${"bcdefghij"
          .split("")
          .map((c, i) => `x-${c}: &${c} [${`*${"abcdefghi"[i]},`.repeat(9)}]`)
          .join("\n")}\n`,
      },
      /one\/manifest\.yml:1:1: not usable YAML/,
    ],
    [
      "deep nesting",
      { "one/manifest.yml": `x-a: ${"[".repeat(5000)}${"]".repeat(5000)}\n` },
      /not (usable|valid) YAML/,
    ],
    ["a custom tag", { "one/manifest.yml": "packer: !!python/object:os.system {}\n" }, /not valid YAML/],
    [
      "a number that is none",
      { "one/manifest.yml": "packer:\n  builders:\n    - type: qemu\n      ssh_handshake_attempts: many\n" },
      /4:31: "many" is not a whole number/,
    ],
    [
      "an ambiguous base",
      { "one/manifest.yml": "packer:\n  base: {bootstrap: {}, file: {path: x, checksum: y}}\n" },
      /2:9: packer\.base: more than one of/,
    ],
    [
      "a bad checksum",
      { "one/manifest.yml": "packer:\n  base: {cloud_image: {url: 'https://x.example/a', checksum: md5:00}}\n" },
      /"md5:00" is not a checksum/,
    ],
    [
      "a secret that is declared",
      { "one/environment.yml": "environment: {a: 1}\nsecrets: {a: }\n" },
      /1:15: "a" is a secret/,
    ],
    [
      "a secret in a filter",
      { "one/manifest.yml": shell("      inline: ['{{ root_password | b64encode }}']\n") },
      /cannot be changed or looked into/,
    ],
    ["a shell provisioner that does nothing", { "one/manifest.yml": shell("      timeout: 5m\n") }, /does nothing/],
    [
      "a config drive of its own",
      { "one/manifest.yml": "packer:\n  builders:\n    - {type: qemu, cd_files: [a]}\n" },
      /taken by the config drive/,
    ],
    [
      "a missing package",
      { "config.yml": "templates:\n  one:\n    packages: [editr]\n", "packages/editor/manifest.yml": "" },
      /config\.yml:3:16: there is no package "editr".*\n {2}fix: did you mean "editor"/,
    ],
  ])("fails for %s", (_, files, message) => {
    expect(() => open(files)).toThrow(VisaImageError);
    expect(() => open(files)).toThrow(message);
  });

  test("fails for a symbolic link that leaves the folder, and for one that leads back", () => {
    const copy = {
      "one/manifest.yml": "packer:\n  provisioners:\n    - {type: file, source: files, destination: /x}\n",
      "one/files/a": "",
    };
    expect(() => open(copy, (folder) => symlinkSync("/etc/passwd", join(folder, "one/files/b")))).toThrow(
      /is outside of/,
    );
    expect(() => open(copy, (folder) => symlinkSync("..", join(folder, "one/files/b")))).toThrow(/leads back/);
    expect(() => open(copy, (folder) => symlinkSync("nowhere", join(folder, "one/files/b")))).toThrow(/cannot be read/);
    expect(() => open(copy, (folder) => execFileSync("mkfifo", [join(folder, "one/files/b")]))).toThrow(
      /neither a file nor a folder/,
    );
  });

  test("fails for an empty folder", () => {
    const copy = {
      "one/manifest.yml": "packer:\n  provisioners:\n    - {type: file, source: files, destination: /x}\n",
    };
    expect(() => open(copy, (folder) => mkdirSync(join(folder, "one/files")))).toThrow(/the folder "files" is empty/);
  });

  test("fails for a missing parent, with the nearest", () => {
    expect(() => open({ "config.yml": "templates:\n  base:\n  one:\n    extends: bse\n" })).toThrow(
      /config\.yml:4:14: "one" extends "bse", and there is no such template\n {2}fix: did you mean "base"/,
    );
  });

  test("fails for a cycle, and shows it", () => {
    const config = "templates:\n  one: {extends: two}\n  two: {extends: three}\n  three: {extends: one}\n";
    expect(() => open({ "config.yml": config, "three/manifest.yml": "" })).toThrow(/one → two → three → one/);
  });

  test("fails for a template without a folder, and for an unknown one", () => {
    expect(() => open({ "config.yml": "templates:\n  one:\n  none:\n" }, undefined, "none")).toThrow(
      /config\.yml:3:3: the template "none" has no folder/,
    );
    expect(() => open({}, undefined, "tow")).toThrow(/there is no template "tow"\n {2}fix: did you mean "two"/);
  });

  test("fails for a catalog without config.yml", () => {
    expect(() => Catalog.fromDirectory("/nonexistent")).toThrow(
      /\/nonexistent\/config\.yml: a catalog has a config\.yml/,
    );
  });
});

describe("parents", () => {
  const shipped = Catalog.fromDirectory(resolve("test/fixtures/catalogs/packme"), { parents: [] });

  test("a catalog extends a parent's template", () => {
    const folder = temporaryCatalog({
      "config.yml": "templates: {mine: {extends: visa-base}}\n",
      "mine/manifest.yml": "",
    });
    const chain = Catalog.fromDirectory(folder, { parents: [shipped] }).chain("mine");
    expect(chain.map(({ name }) => name)).toEqual(["system-base", "visa-base", "mine"]);
  });

  test("a catalog that finds all it extends among its own may use a parent's names", () => {
    const folder = resolve("test/fixtures/catalogs/packme");
    expect(Catalog.fromDirectory(folder, { parents: [shipped] }).chain("visa-apps")).toHaveLength(3);
  });

  const tree = (config: string, ...own: string[]) =>
    Catalog.fromDirectory(
      temporaryCatalog({
        "config.yml": config,
        ...Object.fromEntries(own.map((name) => [`${name}/manifest.yml`, "packer: {description: own}\n"])),
      }),
      { parents: [shipped] },
    );
  const described = (templates: readonly Template[]) => templates.map(({ name, description }) => [name, description]);

  test("a catalog's own template of a name goes before a parent's, which is taken where the catalog has none", () => {
    const catalog = tree(
      "templates: {visa-base: {extends: system-base}, visa-apps: {extends: visa-base}}\n",
      "visa-base",
      "visa-apps",
    );
    expect(described(catalog.chain("visa-apps"))).toEqual([
      ["system-base", shipped.template("system-base").description],
      ["visa-base", "own"],
      ["visa-apps", "own"],
    ]);
    expect(catalog.sharedNames("visa-apps")).toEqual([
      { template: "visa-base", isOwn: true },
      { template: "visa-apps", isOwn: true },
    ]);
  });

  test("a parent's template stands on the parent's own, whatever the catalog calls its own", () => {
    const catalog = tree("templates: {system-base: , mine: {extends: visa-base}}\n", "system-base", "mine");
    expect(catalog.chain("mine")[0]).toBe(shipped.template("system-base"));
    expect(catalog.chain("mine")[1]).toBe(shipped.template("visa-base"));
    expect(catalog.sharedNames("mine")).toEqual([{ template: "system-base", isOwn: false }]);
    expect(described(catalog.chain("system-base"))).toEqual([["system-base", "own"]]);
  });

  test.each([
    ["itself", "templates: {visa-base: {extends: visa-base}}\n", "visa-base → visa-base"],
    ["what stands on it", "templates: {visa-base: {extends: visa-apps}}\n", "visa-base → visa-apps → visa-base"],
  ])("fails where two layers of a chain would have one name: a template extends %s", (_, config, circle) => {
    const failing = () => tree(config, "visa-base").chain("visa-base");
    expect(failing).toThrow(`config.yml:1:34: two layers would have the name "visa-base": ${circle}`);
    expect(failing).toThrow(/fix: give yours another name: "my-visa-base: \{extends: visa-(base|apps)\}"/);
  });

  describe("same_as", () => {
    const open = (config: string, files: Files = {}) =>
      Catalog.fromDirectory(temporaryCatalog({ "config.yml": config, ...files }), { parents: [Catalog.shipped()] });
    const config = `templates: {mine: , system: {extends: mine, same_as: system-base}, desktop: {extends: system, same_as: visa-base}}\n`;
    const base = `packer: {base: {file: {path: /x.raw, format: raw, checksum: 'sha256:${"a".repeat(64)}'}}}\n`;

    test("puts the package's templates on another base, with all their files and variables", () => {
      const { layers } = specify({
        catalog: open(config, { "mine/manifest.yml": base }),
        template: "desktop",
        environment: {},
      });
      expect(layers.map(({ name }) => name)).toEqual(["mine", "system", "desktop"]);
      expect(layers[0]?.base).toMatchObject({ kind: "file" });
      const original = specify({ catalog: Catalog.shipped(), template: "visa-base", environment: {} }).layers;
      for (const [i, layer] of original.entries()) {
        expect(layers[i + 1]?.files).toEqual(layer.files);
        expect(layers[i + 1]?.contract).toEqual(layer.contract);
      }
    });

    test("fails for a template that the package has not", () => {
      expect(() => open("templates: {one: {same_as: visa-bse}}\n").template("one")).toThrow(
        /config\.yml:1:28: there is no template "visa-bse" in the package[\s\S]*visa-base/,
      );
    });
  });

  test("the example of a facility's own layer extends visa-base", () => {
    const catalog = Catalog.fromDirectory(resolve("examples/facility-layer"), { parents: [shipped] });
    const { layers } = specify({ catalog, template: "my-apps", environment: {}, guestFolder: GUEST_FOLDER });
    expect(layers.at(-1)?.inputs).toMatchObject({ "variable packages": "gnuplot-nox" });
    expect(layers.at(-1)?.files.map(({ path }) => path)).toContain("files/my-apps/scripts/install.sh");
  });
});

describe("templates in TypeScript", () => {
  test("fails for two of one name", () => {
    expect(() => Catalog.of(new Template("a"), new Template("a"))).toThrow(/two templates of the name "a"/);
  });

  test("fails for an unknown key, and says which template", () => {
    expect(() => new Template("a", { builder: { dsik_size: 1 } })).toThrow(
      /template "a": packer\.builders\[0\]: unknown key "dsik_size"/,
    );
  });

  test("fails for a script without a folder", () => {
    const catalog = new Catalog([]).add(new Template("a", { provisioners: [Provisioner.shell({ script: "x.sh" })] }));
    expect(() => specify({ catalog, template: "a", environment: {}, guestFolder: GUEST_FOLDER })).toThrow(
      /has no folder/,
    );
  });
});

test("scalars of environment.yml are taken as they are written", () => {
  const folder = temporaryCatalog({
    "config.yml": "templates: {one: }\n",
    "one/environment.yml":
      "environment:\n  a: yes\n  b: 1.10\n  c: 0755\n  d: 2026-11-23\n  e:\n  f: 'x: y'\n  g: true\n  h: 1e3\n  i: |\n    two\n    lines\n",
  });
  expect(Catalog.fromDirectory(folder, { parents: [] }).template("one").variables).toEqual({
    a: "yes",
    b: "1.10",
    c: "0755",
    d: "2026-11-23",
    e: "",
    f: "x: y",
    g: "true",
    h: "1e3",
    i: "two\nlines\n",
  });
});

test.each([
  ['"*"', ["shell", "shell"]],
  ["", ["shell"]],
])("packages: %s", (packages, types) => {
  const folder = temporaryCatalog({
    "config.yml": `templates:\n  one:\n    packages: ${packages}\n`,
    "one/manifest.yml": "packer: {provisioners: [{type: shell, inline: [a]}]}\n",
    "packages/editor/manifest.yml": "provisioners: [{type: shell, inline: [b]}]\n",
  });
  const { provisioners } = Catalog.fromDirectory(folder).template("one").parts;
  expect(provisioners.map(({ type }) => type)).toEqual(types);
});
