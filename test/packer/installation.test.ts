/** Installers as a base: what becomes of a template, what an error says, and what the fingerprint sees. */
import { join } from "node:path";
import type { BuildSpecification, InstallerBase, LayerSpecification } from "../../lib/specification";
import { relativeTo } from "../../lib/specify/relative-to";
import { specify } from "../../lib/specify/specify";
import type { SpecifyOptions } from "../../lib/specify/specify-options";
import { BaseImage, type InstallerOptions } from "../../lib/template/base-image";
import { Catalog } from "../../lib/template/catalog";
import { Template } from "../../lib/template/template";
import { type Files, GUEST_FOLDER, temporaryCatalog } from "../fixtures/temporary-catalog";

const SUM = `sha256:${"a".repeat(64)}`;
const OTHER_SUM = `sha256:${"b".repeat(64)}`;

const ISO = (more = "") =>
  `packer:\n  base:\n    installer:\n      iso: https://images.example/debian.iso\n      checksum: ${SUM}\n${more}`;
const KERNEL = (more = "") =>
  `packer:\n  base:\n    installer:\n      kernel: boot/linux\n      kernel_checksum: ${SUM}\n      initrd: boot/initrd.gz\n      initrd_checksum: ${SUM}\n${more}`;
const ENVIRONMENT = "environment:\n  zone: Etc/UTC\n  unused: 1\nsecrets:\n  root_password:\n    required: false\n";
const PRESEED = "zone {{ zone }}\n{% if root_password %}hash {{ root_password_hash }}{% else %}none{% endif %}\n";

function tree(manifest: string, files: Files = {}): string {
  return temporaryCatalog({
    "config.yml": "templates:\n  one:\n",
    "one/manifest.yml": manifest,
    "one/environment.yml": ENVIRONMENT,
    ...files,
  });
}

function run(folder: string, options: Partial<SpecifyOptions> = {}): BuildSpecification {
  return specify({
    catalog: Catalog.fromDirectory(folder, { parents: [] }),
    template: "one",
    environment: {},
    guestFolder: GUEST_FOLDER,
    onWarning: () => undefined,
    ...options,
  });
}

const first = (specification: BuildSpecification) => specification.layers[0] as LayerSpecification;
const base = (specification: BuildSpecification) => first(specification).base as InstallerBase;
type Json = Record<string, unknown>;
const source = (configuration: Json) => (configuration.source as { qemu: Record<string, Json> }).qemu.one as Json;

test("an ISO is booted from a CD, what it asks is typed, and a machine that boots again is done", () => {
  const made = base(
    run(tree(ISO("      boot_command: ['<esc>install {{ zone }} ', '<enter>']\n"), { "one/http/preseed.cfg": "x\n" })),
  );
  expect(made.media).toEqual([{ name: "iso", source: "https://images.example/debian.iso", checksum: SUM }]);
  const own = source(made.configuration);
  expect(own).toMatchObject({
    iso_url: "installer.iso",
    boot_command: ["<esc>install Etc/UTC ", "<enter>"],
    boot_wait: "5s",
    http_directory: "http",
    http_bind_address: "127.0.0.1",
    communicator: "none",
    disk_size: "10G",
    output_directory: "output",
    vm_name: "disk.qcow2",
  });
  expect(own).not.toHaveProperty("disk_image");
  expect(own.qemuargs).toContainEqual(["-no-reboot"]);
  expect(own.qemuargs).toContainEqual(["-netdev", "user,id=user.0"]);
});

test("a kernel and an initrd are booted with their arguments, on an empty disk", () => {
  const folder = tree(KERNEL("      kernel_arguments: 'zone={{ zone }}'\n"));
  const { media, configuration } = base(run(folder));
  expect(media).toEqual([
    { name: "kernel", source: join(folder, "one/boot/linux"), checksum: SUM },
    { name: "initrd", source: join(folder, "one/boot/initrd.gz"), checksum: SUM },
  ]);
  expect(source(configuration)).toMatchObject({ disk_image: true, iso_url: "empty.qcow2", skip_resize_disk: true });
  const { qemuargs } = source(configuration);
  for (const pair of [
    ["-kernel", "kernel"],
    ["-initrd", "initrd"],
    ["-append", "zone=Etc/UTC"],
  ]) {
    expect(qemuargs).toContainEqual(pair);
  }
});

test("files that end in .j2 are rendered, others are given as they are; a CD has the label that autoinstall looks for", () => {
  const made = base(
    run(
      tree(ISO(), {
        "one/cd/user-data.j2": "#cloud-config\nzone: {{ zone }}\n",
        "one/cd/meta-data": "{{ not rendered }}",
        "one/cd/more/a": "a",
      }),
    ),
  );
  expect(source(made.configuration)).toMatchObject({
    cd_files: ["cd/meta-data", "cd/more", "cd/user-data"],
    cd_label: "cidata",
  });
  expect(made.files.map(({ path, content }) => [path, content])).toEqual([
    ["cd/meta-data", undefined],
    ["cd/more/a", undefined],
    ["cd/user-data", "#cloud-config\nzone: Etc/UTC\n"],
  ]);
});

test("a template in TypeScript gives the same base as its YAML", () => {
  const folder = tree(ISO("      boot_command: [a, b]\n      timeout: 90m\n"), { "one/http/preseed.cfg.j2": PRESEED });
  const inCode = (installer: InstallerOptions) =>
    new Template("one", {
      base: BaseImage.installer(installer),
      directory: join(folder, "one"),
      variables: { zone: "Etc/UTC" },
      secrets: { root_password: { required: false } },
    });
  const template = inCode({
    iso: "https://images.example/debian.iso",
    checksum: SUM,
    bootCommand: ["a", "b"],
    timeout: "90m",
  });
  const yaml = run(folder);
  const code = run(folder, { catalog: new Catalog([]).add(template) });
  expect(base(code)).toEqual(base(yaml));
  expect(base(code).timeout).toBe("90m");
  expect(first(code).parent).toBe(first(yaml).parent);
});

test("packme's builder of an ISO is the same base; its boot command and what it serves are no part of the layer", () => {
  const folder = temporaryCatalog({
    "config.yml": "templates:\n  one:\n",
    "one/manifest.yml": `packer:
  builders:
    - name: qemu
      type: qemu
      iso_url: https://images.example/debian.iso
      iso_checksum_type: sha256
      iso_checksum: ${"a".repeat(64)}
      boot_wait: 3s
      boot_command: ["<tab> ", "preseed/url=http://{% raw %}{{ .HTTPIP }}:{{ .HTTPPort }}{% endraw %}/preseed.cfg<enter>"]
      http_directory: http
      disk_size: 10000
      ssh_password: "{{ root_password }}"
      ssh_timeout: 1h
`,
    "one/http/preseed.cfg": "x\n",
  });
  const specification = run(folder);
  const made = base(specification);
  expect(made.media).toEqual([{ name: "iso", source: "https://images.example/debian.iso", checksum: SUM }]);
  expect(made).toMatchObject({ timeout: "1h", diskSizeGb: 10, secrets: [{ name: "root_password" }] });
  expect(source(made.configuration)).toMatchObject({
    boot_command: ["<tab> ", "preseed/url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/preseed.cfg<enter>"],
    boot_wait: "3s",
    http_directory: "http",
    // It boots the new system, where Packer logs in and installs cloud-init.
    communicator: "ssh",
    ssh_username: "root",
    ssh_password: "${var.root_password}",
    ssh_timeout: "${var.installer_timeout}",
  });
  expect(JSON.stringify(made.configuration.build)).toContain("guest/cloud-init.sh");
  expect(made.files.map(({ path }) => path)).toEqual([
    "guest/cloud-init.sh",
    "guest/prepare.sh",
    "guest/seal.sh",
    "http/preseed.cfg",
  ]);
  const layer = source(first(specification).configuration);
  expect(layer).toMatchObject({ iso_url: "parent.qcow2", ssh_private_key_file: "build-key", boot_wait: "1s" });
  for (const key of ["boot_command", "http_directory", "ssh_password"]) expect(layer).not.toHaveProperty(key);
});

describe("secrets", () => {
  const files = { "one/http/preseed.cfg.j2": PRESEED };
  const set = { environment: { VISA_ROOT_PASSWORD: "canary" } };

  test("stand by name in a file that its owner alone can read, and the build needs them", () => {
    const made = base(run(tree(ISO(), files), set));
    expect(made.files[0]).toMatchObject({
      mode: 0o600,
      content: "zone Etc/UTC\nhash \uE000root_password_hash\uE001\n",
    });
    expect(made.secrets).toEqual([{ name: "root_password", environment: "VISA_ROOT_PASSWORD", required: true }]);
    expect(JSON.stringify(made)).not.toContain("canary");
  });

  test("that are optional and not set are empty", () => {
    const made = base(run(tree(ISO(), files)));
    expect(made.files[0]).toMatchObject({ mode: 0o644, content: "zone Etc/UTC\nnone\n" });
    expect(made.secrets).toEqual([]);
  });

  test("in plain are for the CD alone", () => {
    const plain = "a\nb {{ root_password }}\n";
    expect(base(run(tree(ISO(), { "one/cd/user-data.j2": plain }), set)).secrets).toHaveLength(1);
    expect(() => run(tree(ISO(), { "one/http/preseed.cfg.j2": plain }), set)).toThrow(
      /preseed\.cfg\.j2: the secret "root_password" stands in "http\/preseed\.cfg", which any user .* can fetch\n.*fix: write \{\{ root_password_hash \}\}/s,
    );
  });

  test.each([
    ["boot_command", ISO("      boot_command: ['a', 'pw={{ root_password }}']\n")],
    ["kernel_arguments", KERNEL("      kernel_arguments: 'pw={{ root_password }}'\n")],
  ])("fail in %s, which is the kernel's command line", (key, manifest) => {
    expect(() => run(tree(manifest), set)).toThrow(
      /manifest\.yml:\d+:\d+: the secret "root_password" would stand on the kernel's command line[\s\S]*fix: move it into a file/,
    );
    expect(key).toBeDefined();
  });
});

describe("a medium without a checksum", () => {
  const URL = "https://images.example/mini.iso";
  const manifest = (more = "iso_checksum: none") =>
    `packer: {builders: [{type: qemu, iso_url: "${URL}", ${more}}], provisioners: [{type: file, source: files/, destination: /x}]}\n`;
  const made = (text: string, lock: Files = {}) => {
    const folder = tree(text, { "one/files/a": "a", ...lock });
    const warnings: string[] = [];
    return { folder, warnings, specification: run(folder, { onWarning: (message) => warnings.push(message) }) };
  };
  const locked = (sum: string) => JSON.stringify({ version: 1, media: { [URL]: sum } });

  test("is taken on first use, with a warning, and has the same plan once its checksum is in the lock", () => {
    const before = made(manifest());
    const lockFile = join(before.folder, "one/visa-media.lock.json");
    expect(base(before.specification).media).toEqual([{ name: "iso", source: URL, firstUse: { lockFile, name: URL } }]);
    expect(before.warnings).toEqual([
      `"${URL}" has no checksum: the first build takes it as it is, and writes its SHA-256 into ${lockFile}`,
    ]);
    expect(first(before.specification).inputs["base iso"]).toBe(`${URL}, taken on first use`);
    // Also where a provisioner takes the lock's folder.
    const text = manifest().replace("files/", ".");
    const [one, two] = [made(text), made(text, { "one/visa-media.lock.json": locked(SUM) })];
    expect(two.warnings).toEqual([]);
    expect(first(two.specification).fingerprint).toBe(first(one.specification).fingerprint);
    expect(first(two.specification).inputs).toEqual(first(one.specification).inputs);
    expect(first(made(manifest().replace("mini", "max")).specification).parent).not.toBe(
      first(before.specification).parent,
    );
  });

  test("is the same by iso_checksum_type and in base, and its lock is found from the specification's file", () => {
    const { folder, specification } = made(manifest("iso_checksum_type: none"));
    expect(base(specification).media).toMatchObject([{ firstUse: { name: URL } }]);
    const { media } = base(relativeTo(specification, join(folder, "out")));
    expect(media[0]?.firstUse?.lockFile).toBe("../one/visa-media.lock.json");
    const inBase = base(run(tree(ISO().replace(SUM, "none").replace("https://images.example/debian.iso", "a/b.iso"))));
    expect(inBase.media).toMatchObject([{ firstUse: { name: "a/b.iso" } }]);
  });

  test.each([
    ["a disk image", "disk_image: true, iso_checksum: none", /"none" is not a checksum of an image/],
    ["nothing said of it", "memory: 1024", /"" is not a checksum of an image/],
  ])("fails for %s", (_, more, message) => {
    expect(() => made(manifest(more))).toThrow(message);
  });

  test("fails for a template without a folder, and for a lock that is none", () => {
    const template = new Template("one", { base: BaseImage.installer({ iso: URL, checksum: "none" }) });
    expect(() => run(tree(""), { catalog: new Catalog([]).add(template) })).toThrow(
      /the template has no folder for its lock/,
    );
    expect(() => made(manifest(), { "one/visa-media.lock.json": locked("x") })).toThrow(
      /visa-media\.lock\.json: the checksum of "https:\/\/images\.example\/mini\.iso" is "x", expected "sha256:"/,
    );
    expect(() => made(manifest(), { "one/visa-media.lock.json": "<<<" })).toThrow(/no JSON \(a merge conflict\?\)/);
  });
});

describe("a password that a boot command types for Debian's installer", () => {
  const typed = (line: string) =>
    run(tree(ISO(`      boot_command: ['<tab>', '${line}', '<enter>']\n`)), {
      environment: { VISA_ROOT_PASSWORD: "canary" },
    });

  test.each([
    [
      "passwd/root-password={{ root_password }} passwd/root-password-again={{ root_password }} quiet",
      `passwd/root-password-crypted=\${var.root_password_hash} quiet`,
    ],
    ["passwd/root-password={{ root_password }}<wait>", `passwd/root-password-crypted=\${var.root_password_hash}<wait>`],
    [
      'passwd/user-password="{{ root_password }}" passwd/user-password-again="{{ root_password }}"',
      `passwd/user-password-crypted="\${var.root_password_hash}" `,
    ],
  ])("is sent as its hash: %s", (line, expected) => {
    const made = base(typed(line));
    expect(source(made.configuration).boot_command).toEqual(["<tab>", expected, "<enter>"]);
    expect(Object.keys(made.configuration.variable as object)).toContain("root_password_hash");
    expect(Object.keys(made.configuration.variable as object)).not.toContain("root_password");
    expect(made.secrets).toEqual([{ name: "root_password", environment: "VISA_ROOT_PASSWORD", required: true }]);
  });

  test.each([
    "passwd/root-password={{ root_password }}x",
    "netcfg/wireless_wpa={{ root_password }}",
    "passwd/root-password={{ root_password }} echo={{ root_password }}",
  ])("fails where more than the installer's question would show it: %s", (line) => {
    expect(() => typed(line)).toThrow(/the secret "root_password" would stand on the kernel's command line/);
  });
});

test("fails for all secrets of a boot command at once", () => {
  const secrets = "secrets: {one: {required: true}, two: {required: true}}\n";
  const folder = tree(ISO("      boot_command: ['a={{ one }}', 'b={{ two }} c={{ one }}']\n"), {
    "one/environment.yml": secrets,
  });
  expect(() => run(folder)).toThrow(
    /the secret "one" and the secret "two" would stand [\s\S]*as \{\{ one_hash \}\} and \{\{ two_hash \}\}/,
  );
});

describe("the fingerprint", () => {
  const files: Files = { "one/http/preseed.cfg.j2": PRESEED, "one/http/late.sh": "true\n" };
  const manifest = ISO("      boot_command: ['{{ zone }}']\n");
  const name = (specification: BuildSpecification) => first(specification).parent;
  const unchanged = () => name(run(tree(manifest, files)));

  test.each<[string, string, Files, Partial<SpecifyOptions>]>([
    ["the ISO", manifest.replace(SUM, OTHER_SUM), files, {}],
    ["the boot command", manifest.replace("zone", "zone }} {{ zone"), files, {}],
    ["a file", manifest, { ...files, "one/http/late.sh": "false\n" }, {}],
    ["a file's name", manifest, { "one/http/preseed.cfg.j2": PRESEED, "one/http/l.sh": "true\n" }, {}],
    ["a variable in a file", manifest, files, { variables: { one: { zone: "Europe/Paris" } } }],
    ["the size of the disk", `${manifest}  builders: [{type: qemu, disk_size: 20G}]\n`, files, {}],
    ["whether a password is set", manifest, files, { environment: { VISA_ROOT_PASSWORD: "x" } }],
  ])("changes with %s", (_, text, own, options) => {
    expect(name(run(tree(text, own), options))).not.toBe(unchanged());
  });

  test.each<[string, string, Partial<SpecifyOptions>]>([
    ["where the ISO is", manifest.replace("images.example", "mirror.example"), {}],
    ["the time it may take", `${manifest}      timeout: 5h\n`, {}],
    ["a variable that is not shown", manifest, { variables: { one: { unused: 2 } } }],
    ["the machine", `${manifest}  builders: [{type: qemu, memory: 8192, cpus: 4}]\n`, {}],
  ])("does not change with %s", (_, text, options) => {
    expect(name(run(tree(text, files), options))).toBe(unchanged());
  });

  test("does not change with the password, and a layer changes with its installer alone", () => {
    const folder = tree(manifest, files);
    const one = run(folder, { environment: { VISA_ROOT_PASSWORD: "one" } });
    const two = run(folder, { environment: { VISA_ROOT_PASSWORD: "two" } });
    expect(two).toEqual(one);
    const other = first(run(folder));
    expect(other.fingerprint).not.toBe(first(one).fingerprint);
    expect(other.configuration).toEqual(first(one).configuration);
  });

  test("is told by one entry for each medium, file and variable", () => {
    const set = { environment: { VISA_ROOT_PASSWORD: "x" } };
    const { inputs } = first(run(tree(manifest, files), set));
    expect(Object.keys(inputs)).toEqual(
      expect.arrayContaining(["base", "base iso", "base packer", "base http/preseed.cfg", "base http/late.sh"]),
    );
    expect(inputs["variable zone"]).toBe("Etc/UTC");
    // The value has an entry of its own.
    const moved = first(run(tree(manifest, files), { ...set, variables: { one: { zone: "Europe/Paris" } } })).inputs;
    expect(Object.keys(inputs).filter((key) => inputs[key] !== moved[key])).toEqual(["base", "variable zone"]);
  });

  test("has paths relative to the specification's file", () => {
    const folder = tree(KERNEL(), { "one/http/late.sh": "true\n" });
    const { media, files: own } = base(relativeTo(run(folder), join(folder, "out")));
    expect(media.map(({ source: path }) => path)).toEqual(["../one/boot/linux", "../one/boot/initrd.gz"]);
    expect(own.map(({ source: path }) => path)).toEqual(["../one/http/late.sh"]);
    expect(base(relativeTo(run(tree(ISO())), folder)).media[0]?.source).toBe("https://images.example/debian.iso");
  });
});

test.each<[string, string, RegExp]>([
  [
    "neither an ISO nor a kernel",
    "packer: {base: {installer: {timeout: 1h}}}\n",
    /an installer is an ISO, or a kernel/,
  ],
  [
    "a kernel without an initrd",
    `packer: {base: {installer: {kernel: k, kernel_checksum: '${SUM}'}}}\n`,
    /"" is not a path/,
  ],
  ["both", ISO("      kernel: k\n"), /an installer is an ISO, or a kernel/],
  ["an ISO without a checksum", "packer: {base: {installer: {iso: x.iso}}}\n", /"" is not a checksum/],
  [
    "arguments of a kernel with an ISO",
    ISO("      kernel_arguments: quiet\n"),
    /manifest\.yml:6:25: "kernel_arguments" is of no use with an ISO/,
  ],
  [
    "keys that are typed with a kernel",
    KERNEL("      boot_command: [x]\n"),
    /"boot_command" is of no use with a kernel/,
  ],
  [
    "a time that is none",
    ISO("      timeout: soon\n"),
    /manifest\.yml:6:16: "soon" is not a time\n.*fix: for example 90m/,
  ],
  ["an unknown key", ISO("      http: x\n"), /manifest\.yml:6:7: .*unknown key "http"/],
  ["an address with a password", ISO().replace("https://", "https://u:p@"), /shows a password/],
  ["an empty variable", ISO().replace(SUM, "'{{ sum }}'"), /"checksum" is empty\n.*fix: set the variable "sum"/],
])("fails for %s", (_, manifest, message) => {
  const environment = "environment:\n  sum: ''\n";
  expect(() => run(tree(manifest, { "one/environment.yml": environment }))).toThrow(message);
});

test("fails for a file with an undefined variable, with file and line", () => {
  const files = { "one/http/preseed.cfg.j2": "a\nb {{ nobody }}\n" };
  expect(() => run(tree(ISO(), files))).toThrow(/preseed\.cfg\.j2:2: the variable "nobody" is not defined/);
});

test("fails for a file that is there with and without .j2", () => {
  const files = { "one/http/a.j2": "a\n", "one/http/a": "a\n" };
  expect(() => run(tree(ISO(), files))).toThrow('"http/a" is there with and without .j2');
});
