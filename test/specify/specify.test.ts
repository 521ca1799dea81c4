import { generateKeyPairSync } from "node:crypto";
import { chmodSync, cpSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { BuildSpecification, LayerSpecification } from "../../lib/specification";
import { relativeTo } from "../../lib/specify/relative-to";
import { specify } from "../../lib/specify/specify";
import type { SpecifyOptions } from "../../lib/specify/specify-options";
import { BaseImage } from "../../lib/template/base-image";
import { Catalog } from "../../lib/template/catalog";
import { Provisioner } from "../../lib/template/provisioner";
import { Template } from "../../lib/template/template";
import { CHAIN, GUEST_FOLDER, temporaryCatalog, writeFiles } from "../fixtures/temporary-catalog";
import { scratchFolder } from "../support/scratch";

type Options = Partial<Omit<SpecifyOptions, "catalog">>;

function run(folder: string, options: Options = {}): BuildSpecification {
  return specify({
    catalog: Catalog.fromDirectory(folder, { parents: [] }),
    template: "two",
    environment: {},
    guestFolder: GUEST_FOLDER,
    ...options,
  });
}

function last(specification: BuildSpecification): LayerSpecification {
  return specification.layers.at(-1) as LayerSpecification;
}

/** Inputs that differ. */
function changed(a: LayerSpecification, b: LayerSpecification): string[] {
  const keys = new Set([...Object.keys(a.inputs), ...Object.keys(b.inputs)]);
  return [...keys].filter((key) => a.inputs[key] !== b.inputs[key]).sort();
}

function publicKey(bits: number): string {
  const file = join(scratchFolder(), "public.pem");
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  writeFileSync(file, publicKey.export({ type: "spki", format: "pem" }));
  return file;
}

const manifest = CHAIN["two/manifest.yml"] as string;

describe("a fingerprint", () => {
  const before = last(run(temporaryCatalog(CHAIN)));

  const key = publicKey(1024);
  test.each<[string, (folder: string) => unknown, string[]]>([
    [
      "a script's bytes",
      (f) =>
        void writeFiles(f, {
          "two/scripts/a.sh": ["#!/bin/sh\necho A\n", 0o755],
        }),
      ["scripts/a.sh"],
    ],
    ["a script's mode", (f) => chmodSync(join(f, "two/scripts/a.sh"), 0o644), ["scripts/a.sh"]],
    [
      "bytes moved between files",
      (f) =>
        void writeFiles(f, {
          "two/scripts/a.sh": ["#!/bin/sh\necho ", 0o755],
          "two/scripts/b.sh": ["a\n#!/bin/sh\necho b\n", 0o755],
        }),
      ["scripts/a.sh", "scripts/b.sh"],
    ],
    [
      "a renamed file",
      (f) => renameSync(join(f, "two/files/f.txt"), join(f, "two/files/g.txt")),
      ["files/f.txt", "files/g.txt"],
    ],
    ["an added file", (f) => void writeFiles(f, { "two/files/h.txt": "" }), ["files/h.txt"]],
    [
      "a variable in environment.yml",
      (f) =>
        void writeFiles(f, {
          "two/environment.yml": (CHAIN["two/environment.yml"] as string).replace("red", "blue"),
        }),
      ["variable colour"],
    ],
    ["a variable given", () => ({ variables: { two: { colour: "blue" } } }), ["variable colour"]],
    ["a declared variable in the environment", () => ({ environment: { colour: "blue" } }), ["variable colour"]],
    [
      "a parent's script",
      (f) =>
        void writeFiles(f, {
          "one/scripts/one.sh": ["#!/bin/sh\necho 1\n", 0o755],
        }),
      ["parent"],
    ],
    [
      "the base",
      (f) =>
        void writeFiles(f, {
          "one/manifest.yml": (CHAIN["one/manifest.yml"] as string).replaceAll("bbbb", "cccc"),
        }),
      ["parent"],
    ],
    ["the PAM public key", () => ({ pamPublicKeyFile: key }), ["variable pam_public_key"]],
    ["a proxy that stays", () => ({ environment: { proxy: "http://proxy.example:3128" } }), ["variable proxy"]],
    ["whether an optional secret is set", () => ({ environment: { VISA_ROOT_PASSWORD: "x" } }), ["packer"]],
    [
      "the order of steps",
      (f) =>
        void writeFiles(f, {
          "two/manifest.yml": manifest.replace("scripts/a.sh, scripts/b.sh", "scripts/b.sh, scripts/a.sh"),
        }),
      ["packer"],
    ],
    ["refresh", () => ({ cacheBuster: "2026-11" }), ["parent", "refresh"]],
  ])("changes with %s, and the inputs name it alone", (_, change, inputs) => {
    const folder = temporaryCatalog(CHAIN);
    const options = (change(folder) ?? {}) as Options;
    const after = last(run(folder, options));
    expect(after.fingerprint).not.toBe(before.fingerprint);
    expect(changed(before, after)).toEqual(inputs);
  });

  test.each<[string, (folder: string) => unknown]>([
    ["the checkout's path and copied files", () => undefined],
    ["file times", (f) => utimesSync(join(f, "two/scripts/a.sh"), 1, 1)],
    ["permission bits that a umask decides", (f) => chmodSync(join(f, "two/scripts/a.sh"), 0o700)],
    [
      "the build machine",
      () => ({
        machine: {
          cpus: 7,
          memoryMb: 9000,
          accelerator: "tcg",
          headless: false,
        },
      }),
    ],
    ["headless", () => ({ environment: { headless: "false" } })],
    [
      "what editors, version control and Python leave in its folders",
      (f) =>
        void writeFiles(f, {
          "two/files/.DS_Store": "x",
          "two/files/.f.txt.swp": "x",
          "two/files/__pycache__/f.cpython-311.pyc": "x",
          "two/files/.git/config": "x",
        }),
    ],
    [
      "a preset and all else that environment.yml says of the build machine",
      (f) =>
        void writeFiles(f, {
          "two/environment.yml": `${CHAIN["two/environment.yml"]}machine: {preset: production, cpus: 3, timeout_minutes: 30, vnc_port: 5901, mirror: "http://x/"}\n`,
        }),
    ],
    ["a preset in code", () => ({ machine: { preset: "production", proxy: "http://build.example" } })],
    [
      "CPUs and memory in the template",
      (f) =>
        void writeFiles(f, {
          "two/manifest.yml": `${manifest}  builders:\n    - type: qemu\n      cpus: 4\n      memory: 8192\n      vnc_port_min: 6000\n      accelerator: kvm\n      qemuargs: [['-m', '8192'], ['-smp', '4']]\n`,
        }),
    ],
    [
      "unrelated environment variables",
      () => ({
        environment: {
          HOME: "/x",
          http_proxy: "http://build.example",
          PATH: "",
        },
      }),
    ],
    ["a variable that nothing uses", () => ({ variables: { two: { unused: 2 } } })],
    ["a file that no step reads", (f) => void writeFiles(f, { "two/notes.txt": "x" })],
    [
      "a description",
      (f) =>
        void writeFiles(f, {
          "two/manifest.yml": manifest.replace("packer:", "packer:\n  description: x"),
        }),
    ],
  ])("does not change with %s, nor does any input", (_, change) => {
    const folder = temporaryCatalog(CHAIN);
    const options = (change(folder) ?? {}) as Options;
    const after = last(run(folder, options));
    expect(changed(before, after)).toEqual([]);
    expect(after.fingerprint).toBe(before.fingerprint);
  });

  test("does not change with a secret's value, which appears nowhere", () => {
    const folder = temporaryCatalog(CHAIN);
    const a = run(folder, {
      environment: { VISA_ROOT_PASSWORD: "correct horse" },
    });
    const b = run(folder, {
      environment: { VISA_ROOT_PASSWORD_FILE: "/run/secrets/battery" },
    });
    expect(last(a).fingerprint).toBe(last(b).fingerprint);
    expect(JSON.stringify(a)).not.toContain("correct horse");
    expect(JSON.stringify(b)).not.toContain("battery");
    expect(last(a).secrets).toEqual([
      {
        name: "root_password",
        environment: "VISA_ROOT_PASSWORD",
        required: true,
      },
    ]);
    expect(last(run(folder)).secrets).toEqual([]);
    expect(last(run(folder, { secrets: { root_password: true } })).fingerprint).toBe(last(a).fingerprint);
  });

  test("has the golden value of version 1", () => {
    const folder = temporaryCatalog(CHAIN);
    expect(run(folder, { cacheBuster: "2026-11" }).layers.map(({ fingerprint }) => fingerprint)).toMatchInlineSnapshot(`
      [
        "f87facd57821f7e5002f7a0536a4f95d541c7e5c0c184c5239996c1abb0f502f",
        "a191599fb6b1230746b2936215696e8a64c08466104ba0404e077457e4648ab7",
      ]
    `);
  });
});

describe("variables", () => {
  test("are not inherited from a parent", () => {
    const folder = temporaryCatalog({
      ...CHAIN,
      "one/environment.yml": "environment:\n  shade: dark\n",
      "two/manifest.yml": "packer:\n  provisioners:\n    - type: shell\n      inline: ['echo {{ shade }}']\n",
    });
    expect(() => run(folder)).toThrow(/two\/manifest\.yml:4:\d+: the variable "shade" is not defined/);
  });

  test.each<[string, string, string[]]>([
    ["a filter", "{{ colour | b64encode }}", ["variable colour"]],
    ["filters, beside another variable", "{{ shade }}-{{colour|upper|b64encode}}.{{ shade }}", ["variable colour"]],
    // Here a value may change and the text not: the text is what is shown.
    ["a condition", "{% if colour == 'red' %}warm{% else %}cold{% endif %}", ["packer"]],
    ["a filter with arguments", "{{ colour | replace('r', 'R') }}", ["packer"]],
    ["Packer's own braces", "{% raw %}{{ colour | b64encode }}{% endraw %}{{ colour | b64encode }}", ["packer"]],
  ])("behind %s are shown by name where that says all", (_, text, inputs) => {
    const folder = temporaryCatalog({
      ...CHAIN,
      "two/environment.yml": "environment:\n  colour: red\n  shade: dark\n",
      "two/manifest.yml": `packer:\n  provisioners:\n    - type: shell\n      inline: ["true"]\n      execute_command: ${JSON.stringify(`echo ${text}`)}\n`,
    });
    const before = last(run(folder));
    const after = last(run(folder, { variables: { two: { colour: "blue" } } }));
    expect(after.fingerprint).not.toBe(before.fingerprint);
    expect(changed(before, after)).toEqual(inputs);
    expect(JSON.stringify(after.configuration)).not.toMatch(/[\uE000-\uE003]/);
  });

  test("given in code win over the environment, and that over environment.yml", () => {
    const folder = temporaryCatalog(CHAIN);
    const colour = (options: Options) => last(run(folder, options)).inputs["variable colour"];
    expect(colour({})).toBe("red");
    expect(colour({ environment: { colour: "green" } })).toBe("green");
    expect(
      colour({
        environment: { colour: "green" },
        variables: { two: { colour: "blue" } },
      }),
    ).toBe("blue");
  });

  test("that are proxies lose their credentials", () => {
    const layer = last(
      run(temporaryCatalog(CHAIN), {
        environment: { proxy: "http://joe:s3cret@proxy.example:3128" },
      }),
    );
    expect(layer.inputs["variable proxy"]).toBe("http://proxy.example:3128");
    expect(JSON.stringify(layer)).not.toContain("s3cret");
  });

  test.each(["p@ss-w0rd", "pa/ss-w0rd", "p@s/s:w0rd", "p%40ss-w0rd"])(
    "that are proxies lose the password %s",
    (password) => {
      const folder = temporaryCatalog({
        ...CHAIN,
        "two/files/environment.tlt": "http_proxy={http_proxy}\n",
        "two/manifest.yml": manifest.replace("source: files", "source: files/environment").replace("/opt", "/opt/"),
      });
      const proxy = `http://jane:${password}@proxy.example:3128`;
      const layer = last(run(folder, { environment: { proxy, VISA_HTTP_PROXY: proxy } }));
      const text = JSON.stringify(layer);
      expect(text).toContain("http_proxy=http://proxy.example:3128");
      expect(layer.inputs["variable proxy"]).toBe("http://proxy.example:3128");
      expect(text).not.toMatch(/w0rd|jane/);
    },
  );

  test("fails for a name that the template does not declare, with the nearest", () => {
    expect(() => run(temporaryCatalog(CHAIN), { variables: { two: { color: "x" } } })).toThrow(/did you mean "colour"/);
    expect(() => run(temporaryCatalog(CHAIN), { variables: { tow: { colour: "x" } } })).toThrow(/did you mean "two"/);
  });

  test("fails for a secret that is given as a variable", () => {
    expect(() =>
      run(temporaryCatalog(CHAIN), {
        variables: { two: { root_password: "x" } },
      }),
    ).toThrow(/is a secret/);
  });
});

describe("the PAM public key", () => {
  test("goes byte for byte into templates that declare it", () => {
    const folder = temporaryCatalog(CHAIN);
    const layer = last(run(folder, { pamPublicKeyFile: publicKey(1024) }));
    expect(layer.inputs["variable pam_public_key"]).toMatch(
      /^-----BEGIN PUBLIC KEY-----\n[\s\S]*\n-----END PUBLIC KEY-----\n$/,
    );
  });

  test.each([
    [1024, 0],
    [1408, 1],
  ])("of %d bits gives %d warnings", (bits, count) => {
    const warnings: string[] = [];
    run(temporaryCatalog(CHAIN), {
      pamPublicKeyFile: publicKey(bits),
      onWarning: (warning) => warnings.push(warning),
    });
    expect(warnings).toHaveLength(count);
  });

  test.each<[string, () => string, RegExp]>([
    [
      "EC",
      () =>
        generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({
          type: "spki",
          format: "pem",
        }) as string,
      /of type "ec"/,
    ],
    [
      "private",
      () =>
        generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({
          type: "pkcs8",
          format: "pem",
        }) as string,
      /private key/,
    ],
    [
      "PKCS#1",
      () =>
        generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({
          type: "pkcs1",
          format: "pem",
        }) as string,
      /PUBLIC KEY/,
    ],
    ["garbled", () => "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", /can't be read/],
    ["empty", () => "", /PEM/],
  ])("fails when it is %s", (_, make, message) => {
    const folder = temporaryCatalog({ ...CHAIN, "key.pem": make() });
    expect(() => run(folder, { pamPublicKeyFile: join(folder, "key.pem") })).toThrow(message);
  });
});

describe("disk sizes", () => {
  const sized = (one: string, two: string) =>
    temporaryCatalog({
      ...CHAIN,
      "one/environment.yml": one,
      "two/environment.yml": `${CHAIN["two/environment.yml"]}`.replace("environment:", `environment:\n  ${two}`),
    });

  test("are the variable, else the builder's, else the parent's, else 10", () => {
    expect(run(temporaryCatalog(CHAIN)).layers.map(({ diskSizeGb }) => diskSizeGb)).toEqual([10, 10]);
    expect(run(sized("environment: {disk_size_gb: 12}", "a: b")).layers.map(({ diskSizeGb }) => diskSizeGb)).toEqual([
      12, 12,
    ]);
    const builder = {
      ...CHAIN,
      "one/manifest.yml": `${CHAIN["one/manifest.yml"]}  builders: [{type: qemu, disk_size: 20480}]\n`,
    };
    expect(last(run(temporaryCatalog(builder))).diskSizeGb).toBe(20);
  });

  test("fails for a child that is smaller than its parent", () => {
    expect(() => run(sized("environment: {disk_size_gb: 12}", "disk_size_gb: 8"))).toThrow(
      /"two" \(8 GiB\) is smaller than that of "one" \(12 GiB\)/,
    );
  });

  test("fails for what is no size", () => {
    expect(() => run(sized("environment: {disk_size_gb: 0}", "a: b"))).toThrow(/"0" is not the size of a disk/);
  });
});

test("sources become relative to the folder of the specification, and no absolute path is left", () => {
  const folder = temporaryCatalog(CHAIN);
  const staged = relativeTo(run(folder), join(folder, "out", "stacks"));
  expect(JSON.stringify(staged)).not.toContain(folder);
  expect(last(staged).files.map(({ source }) => source)).toContain("../../two/scripts/a.sh");
  expect(staged.layers[0]?.base).toMatchObject({
    kind: "file",
    path: "../../one/base.qcow2",
  });
});

test("a copy of the catalog elsewhere gives the same specification, but for the sources", () => {
  const folder = temporaryCatalog(CHAIN);
  const copy = scratchFolder();
  cpSync(folder, copy, { recursive: true });
  expect(relativeTo(run(copy), copy)).toEqual({
    ...relativeTo(run(folder), folder),
    layers: relativeTo(run(folder), folder).layers.map((layer) => ({
      ...layer,
      files: layer.files.map((file) =>
        file.path.startsWith("guest/") ? expect.objectContaining({ path: file.path }) : file,
      ),
    })),
  });
});

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

describe("the build machine", () => {
  const environment = (machine: string) => ({
    "two/environment.yml": `${CHAIN["two/environment.yml"]}machine: ${machine}\n`,
  });

  test("as environment.yml says, which goes before the manifest", () => {
    const folder = temporaryCatalog({
      ...CHAIN,
      ...environment('{preset: trial, memory_mb: 3000, headless: false, ca: "ca.pem"}'),
      "two/manifest.yml": `${manifest}  builders:\n    - {type: qemu, cpus: 4, memory: 8192}\n`,
    });
    const { machine } = last(run(folder));
    expect(machine).toEqual({
      preset: "trial",
      cpus: 4,
      memoryMb: 3000,
      headless: false,
      ca: join(folder, "two/ca.pem"),
    });
  });

  test("as the guide's example says", () => {
    const [, yaml] = /```yaml\n(machine:[\s\S]*?)```/.exec(readFileSync("docs/inputs.md", "utf8")) ?? [];
    const folder = temporaryCatalog({ ...CHAIN, "two/environment.yml": `${CHAIN["two/environment.yml"]}${yaml}` });
    const machine = { preset: "production", mirror: "http://mirror.facility.example/debian" };
    expect(last(run(folder)).machine).toEqual(machine);
  });

  test("as code says is kept apart from what templates say, and staged with relative paths", () => {
    const folder = temporaryCatalog({ ...CHAIN, ...environment("{cpus: 3}") });
    const specification = run(folder, { machine: { cpus: 5, memoryMb: undefined, ca: join(folder, "ca.pem") } });
    expect(specification.machine).toEqual({ cpus: 5, ca: join(folder, "ca.pem") });
    expect(last(specification).machine).toEqual({ cpus: 3 });
    expect(relativeTo(specification, join(folder, "two")).machine).toEqual({ cpus: 5, ca: "../ca.pem" });
  });

  test.each([
    ["4G", 4096],
    ["4 GiB", 4096],
    ["'3000'", 3000],
    ["512M", 512],
  ])("memory may have a unit: %s", (text, memoryMb) => {
    expect(last(run(temporaryCatalog({ ...CHAIN, ...environment(`{memory_mb: ${text}}`) }))).machine).toEqual({
      memoryMb,
    });
  });

  test.each([
    ["an unknown key", "{memory: 4}", /two\/environment.yml:9:.*unknown key "memory"/],
    ["memory of no size", "{memory_mb: much}", /environment.yml:9:\d+: "much" is no size.*\n.*"memory_mb: 4G"/],
    ["memory of no whole MiB", "{memory_mb: 0.5M}", /"0.5M" is no size of memory/],
    ["memory in words of YAML", "{memory_mb: true}", /true stands where integer or string is needed/],
    ["a size that is not there", "{preset: large}", /"large" is not supported\n.*known values: production, trial/],
    ["a proxy with a password", '{proxy: "http://u:p@proxy"}', /environment.yml.*holds a password\n.*VISA_BUILD_PROXY/],
    ["an address that is none", "{vnc_address: here}", /environment.yml.*"here" is no address for VNC/],
  ])("fails for %s in environment.yml", (_, machine, message) => {
    expect(() => run(temporaryCatalog({ ...CHAIN, ...environment(machine) }))).toThrow(message);
  });

  test("fails for a proxy with a password in code", () => {
    expect(() => run(temporaryCatalog(CHAIN), { machine: { proxy: "u:p@proxy:3128" } })).toThrow(/holds a password/);
  });
});

test("VISA's public key by its own option gives way to a variable of the image", () => {
  const folder = temporaryCatalog(CHAIN);
  const pamPublicKeyFile = publicKey(1024);
  const key = (options: Options) =>
    last(run(folder, { pamPublicKeyFile, ...options })).inputs["variable pam_public_key"];
  expect(key({ environment: { pam_public_key: "from the shell" } })).toMatch(/^-----BEGIN PUBLIC KEY/);
  expect(key({ variables: { two: { pam_public_key: "given" } } })).toBe("given");
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

describe("packages that the base brings", () => {
  const bootstrap = (CHAIN["one/manifest.yml"] as string).replace(
    /base:\n {4}file:[\s\S]*?\n {2}provisioners/,
    "base:\n    bootstrap:\n      packages: [vim]\n  provisioners",
  );
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

describe("what of a template's folder is no input", () => {
  const copy = (provisioner: string, rest = "") => ({
    "config.yml": "templates: {two: }",
    "two/manifest.yml": `packer:\n  provisioners:\n    - { type: file, destination: /opt/own, ${provisioner} }\n${rest}`,
    "two/files/f.txt": "f\n",
    "two/files/f.bak": "f\n",
    "two/files/deep/g.bak": "g\n",
    "two/files/deep/g.txt": "g\n",
    "two/files/__pycache__/f.pyc": "f\n",
  });
  const inputs = (files: Parameters<typeof temporaryCatalog>[0]) =>
    Object.keys(last(run(temporaryCatalog(files))).inputs).filter((name) => name.startsWith("files/"));

  test("is what the template leaves out", () => {
    expect(inputs(copy("source: files", "  exclude: ['*.bak']\n"))).toEqual(["files/deep/g.txt", "files/f.txt"]);
  });

  test("is what a step leaves out, from its own source; ! takes something back", () => {
    expect(inputs(copy("source: files, exclude: [deep/*.bak, '!__pycache__']"))).toEqual([
      "files/__pycache__/f.pyc",
      "files/deep/g.txt",
      "files/f.bak",
      "files/f.txt",
    ]);
  });

  test("is still copied by another step that does not leave it out", () => {
    const both = copy("source: files, exclude: ['*.bak']", "    - { type: file, destination: /srv, source: files }\n");
    const { configuration, files } = last(run(temporaryCatalog(both)));
    const [build] = configuration.build as [{ provisioner: { file?: { source: string } }[] }];
    const sources = build.provisioner.flatMap(({ file }) => file?.source ?? []).filter((own) => own !== "build-ca.crt");
    expect(sources).toEqual([expect.stringMatching(/^files\/two-but-[0-9a-f]{12}\/files$/), "files/two/files"]);
    const below = (folder: string) => files.filter(({ path }) => path.startsWith(`${folder}/`)).length;
    expect(sources.map((source) => below(source as string))).toEqual([2, 4]);
  });

  test("is named, with the pattern", () => {
    const named: string[] = [];
    const onExcluded: Options["onExcluded"] = (template, { label, pattern }) =>
      named.push(`${template}: ${label} by ${pattern}`);
    run(temporaryCatalog(copy("source: files", "  exclude: ['*.bak']\n")), { onExcluded });
    expect(named).toEqual([
      "two: files/__pycache__/ by __pycache__/",
      "two: files/deep/g.bak by *.bak",
      "two: files/f.bak by *.bak",
    ]);
  });

  test("in TypeScript as in YAML", () => {
    const folder = temporaryCatalog(copy("source: files", "  exclude: ['*.bak']\n"));
    const template = new Template("two", {
      directory: join(folder, "two"),
      exclude: ["*.txt"],
      provisioners: [Provisioner.file({ source: "files", destination: "/opt", exclude: ["*.bak"] })],
    });
    const make = () => specify({ catalog: Catalog.of(template), template: "two", environment: {} });
    expect(make).toThrow(/the folder "files" is empty but for what is left out \(files\/__pycache__\/, .*f\.txt\)/);
  });

  test("never a file that a step names itself", () => {
    expect(inputs(copy("source: files/__pycache__/f.pyc"))).toEqual(["files/__pycache__/f.pyc"]);
  });
});
