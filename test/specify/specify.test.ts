import { join, resolve } from "node:path";
import { relativeTo } from "../../lib/specify/relative-to";
import { specify } from "../../lib/specify/specify";
import { BaseImage } from "../../lib/template/base-image";
import { Catalog } from "../../lib/template/catalog";
import { Provisioner } from "../../lib/template/provisioner";
import { Template } from "../../lib/template/template";
import { CHAIN, GUEST_FOLDER, temporaryCatalog, writeFiles } from "../fixtures/temporary-catalog";
import { last, manifest, run } from "./support";

test("templates made in TypeScript render as those of YAML do", () => {
  const folder = temporaryCatalog(CHAIN);
  const catalog = new Catalog([]);
  catalog.add(
    new Template("one", {
      directory: join(folder, "one"),
      base: BaseImage.file({ path: "base.qcow2", checksum: `sha256:${"b".repeat(64)}` }),
      provisioners: [Provisioner.shell({ script: "scripts/one.sh" })],
    }),
  );
  catalog.add(
    new Template("two", {
      extends: "one",
      directory: join(folder, "two"),
      variables: { colour: "red", unused: 1, proxy: "", pam_public_key: "" },
      secrets: { root_password: { required: false } },
      provisioners: [
        Provisioner.shell({
          scripts: ["scripts/a.sh", "scripts/b.sh"],
          environment: {
            COLOUR: "{{ colour }}",
            PROXY: "{{ proxy }}",
            KEY: "{{ pam_public_key }}",
          },
        }),
        Provisioner.file({ source: "files", destination: "/opt" }),
        Provisioner.shell({
          inline: ["{% if root_password %}echo root:{{ root_password }} | chpasswd{% else %}true{% endif %}"],
        }),
      ],
    }),
  );
  const { layers, ...rest } = run(folder);
  expect(
    specify({
      catalog,
      template: "two",
      environment: {},
      guestFolder: GUEST_FOLDER,
    }),
    // They have no places in files.
  ).toEqual({ ...rest, layers: layers.map(({ places, ...layer }) => layer) });
});

test("a tree of packme renders whole, without change", () => {
  const warnings: string[] = [];
  const { layers } = specify({
    catalog: Catalog.fromDirectory(resolve("test/fixtures/catalogs/packme")),
    template: "visa-apps",
    environment: {},
    guestFolder: GUEST_FOLDER,
    onWarning: (warning) => warnings.push(warning),
  });
  expect(layers.map(({ name }) => name)).toEqual(["system-base", "visa-base", "visa-apps"]);
  expect(layers[0]?.base).toMatchObject({
    kind: "cloud-image",
    format: "qcow2",
  });
  expect(layers[0]?.secrets).toEqual([
    {
      name: "root_password",
      environment: "VISA_ROOT_PASSWORD",
      required: true,
    },
  ]);
  expect(layers[1]?.machine).toEqual({ cpus: 4, memoryMb: 2048 });
  expect(Object.keys(layers[2]?.inputs ?? {})).toContain("packages/editor/common.sh");
  expect(warnings).toEqual([]);
});

describe("what is verified", () => {
  const contractOf = (folder: string) => run(folder).layers.map(({ contract }) => contract);
  const withContract = (contract: string) => manifest.replace("packer:\n", `packer:\n  contract: ${contract}\n`);

  test("is what a template promises, or its parent, or the least there is; in the contract's order", () => {
    const least = ["boot", "hygiene"];
    expect(contractOf(temporaryCatalog(CHAIN))).toEqual([least, least]);
    const one = (CHAIN["one/manifest.yml"] as string).replace("packer:\n", "packer:\n  contract: login boot\n");
    expect(contractOf(temporaryCatalog({ ...CHAIN, "one/manifest.yml": one }))).toEqual([
      ["boot", "login"],
      ["boot", "login"],
    ]);
    const two = withContract(`"desktop {{ 'jupyter' if colour == 'red' else '' }}"`);
    expect(contractOf(temporaryCatalog({ ...CHAIN, "two/manifest.yml": two }))[1]).toEqual(["desktop", "jupyter"]);
    expect(contractOf(temporaryCatalog({ ...CHAIN, "two/manifest.yml": withContract("''") }))[1]).toEqual([]);
  });

  test("names a part that is none, with file and line", () => {
    const folder = temporaryCatalog({ ...CHAIN, "two/manifest.yml": withContract("boot destkop") });
    expect(() => run(folder)).toThrow(/two\/manifest\.yml:2.*"destkop" is no part[\s\S]*desktop/);
  });

  test("also a template's own checks, which are in no fingerprint", () => {
    const folder = temporaryCatalog(CHAIN);
    const before = last(run(folder));
    writeFiles(folder, {
      "two/checks/b.sh": "exit 0\n",
      "two/checks/a.sh": ["exit 0\n", 0o755],
      "two/checks/notes.txt": "none",
    });
    const after = last(run(folder));
    expect(after.checks.map(({ path }) => path)).toEqual(["files/two/checks/a.sh", "files/two/checks/b.sh"]);
    expect(before.checks).toEqual([]);
    expect(after.fingerprint).toBe(before.fingerprint);
    expect(relativeTo({ version: 1, layers: [after] }, folder).layers[0]?.checks[0]?.source).toBe("two/checks/a.sh");
  });
});

const bootstrap = (CHAIN["one/manifest.yml"] as string).replace(
  /base:\n {4}file:[\s\S]*?\n {2}provisioners/,
  "base:\n    bootstrap:\n      packages: [vim]\n  provisioners",
);

test("a cache buster makes the bootstrapped base anew too, which has most of the packages", () => {
  const folder = temporaryCatalog({ ...CHAIN, "one/manifest.yml": bootstrap });
  const [before, after] = [run(folder).layers[0], run(folder, { cacheBuster: "2026-11" }).layers[0]];
  expect(after?.base).toEqual({ ...before?.base, refresh: "2026-11" });
  expect(after?.parent).not.toBe(before?.parent);
});

describe("packages that the base brings", () => {
  const withPackages = manifest.replace("packer:\n", 'packer:\n  base_packages: "zsh {{ colour }} vim"\n');
  const baseOf = (files: Record<string, string>) => run(temporaryCatalog({ ...CHAIN, ...files })).layers[0]?.base;

  test("are those of every layer of the chain, each once", () => {
    const base = baseOf({ "one/manifest.yml": bootstrap, "two/manifest.yml": withPackages });
    expect(base).toMatchObject({ kind: "bootstrap", packages: ["red", "vim", "zsh"] });
    expect(baseOf({ "one/manifest.yml": bootstrap })).toMatchObject({ packages: ["vim"] });
  });

  test("can depend on the variables of the template with the base", () => {
    const environment = { "one/environment.yml": "environment:\n  suite: bookworm\n" };
    const own = manifest.replace(
      "packer:\n",
      "packer:\n  base_packages: \"{{ 'zsh' if suite == 'bookworm' else '' }}\"\n",
    );
    const files = { "one/manifest.yml": bootstrap, "two/manifest.yml": own, ...environment };
    expect(baseOf(files)).toMatchObject({ packages: ["vim", "zsh"] });
    expect(() => baseOf({ ...files, "two/manifest.yml": own.replace("suite", "suit") })).toThrow(
      /two\/manifest\.yml:2.*"suit" is not defined/,
    );
  });

  test("are left out where the base is not bootstrapped", () => {
    const base = baseOf({ "two/manifest.yml": withPackages });
    expect(base?.kind).toBe("file");
    expect(base).not.toHaveProperty("packages");
  });

  test("have names of Debian's, or an error with file and line", () => {
    const odd = manifest.replace("packer:\n", 'packer:\n  base_packages: ["a; reboot"]\n');
    expect(() => baseOf({ "one/manifest.yml": bootstrap, "two/manifest.yml": odd })).toThrow(
      /two\/manifest\.yml:2.*"a;" is not the name of a Debian package/,
    );
  });
});

test("a template's warnings are said, and are inputs that a plan shows and no fingerprint knows", () => {
  const warned: string[] = [];
  const layersOf = (text: string) => {
    const own = manifest.replace("packer:\n", `packer:\n  warnings: ${text}\n`);
    return run(temporaryCatalog({ ...CHAIN, "two/manifest.yml": own }), { onWarning: (each) => warned.push(each) })
      .layers;
  };
  const [, silent] = layersOf(`["{{ 'blue is odd' if colour == 'blue' else '' }}"]`);
  expect([silent?.inputs.warning, warned]).toEqual([undefined, []]);
  const [, said] = layersOf(`["{{ colour }} is odd", "so is this"]`);
  expect([said?.inputs.warning, warned]).toEqual([
    "red is odd; so is this",
    [`"two": red is odd`, `"two": so is this`],
  ]);
  expect(said?.fingerprint).toBe(silent?.fingerprint);
});

test("fails for all that is wrong with a tree at once: each with its place, and what depends on it once", () => {
  const folder = temporaryCatalog(CHAIN);
  writeFiles(folder, {
    "one/manifest.yml": `packer:
  base: {file: {path: base.qcow2, checksum: none}}
  builders: [{type: qemu, boot_wait: 5, memory: much}]
  provisioners:
    - {type: shell, script: missing.sh, pause_before: 10}
    - {type: file, source: scripts}
`,
    "two/environment.yml": "environments: {}\nsecret: {}\n",
    "two/manifest.yml": "packer:\n  provisioners:\n    - {type: shell, inlin: ls}\n    - {type: shel}\n",
  });
  let message = "";
  try {
    run(folder);
  } catch (error) {
    message = (error as Error).message;
  }
  const told = message
    .split("\n")
    .flatMap((line) => /(\w+\/\w+\.yml:\d+):\d+: (.*)/.exec(line)?.slice(1).join(" ") ?? []);
  expect(told).toEqual([
    'two/environment.yml:1 unknown key "environments"',
    'two/environment.yml:2 unknown key "secret"',
    'two/manifest.yml:3 packer.provisioners[0]: unknown key "inlin"',
    'two/manifest.yml:4 packer.provisioners[1].type: "shel" is not supported',
    'one/manifest.yml:2 "none" is not a checksum of an image',
    'one/manifest.yml:3 "5" is not a duration, which "boot_wait" needs',
    `one/manifest.yml:5 there is no script "missing.sh" in ${join(folder, "one")}`,
    'one/manifest.yml:5 "10" is not a duration, which "pause_before" needs',
    "one/manifest.yml:6 a file provisioner needs a source and a destination",
    'one/manifest.yml:3 "much" is not a whole number, which "memory" needs',
  ]);
  expect(message).toMatch(/^10 things have to be put right:\n/);
});
