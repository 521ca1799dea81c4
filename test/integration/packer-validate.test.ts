// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are literals for HCL
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { hcl } from "../../lib/packer/hcl";
import type { InstallerBase, LayerSpecification } from "../../lib/specification";
import { specify } from "../../lib/specify/specify";
import { BaseImage } from "../../lib/template/base-image";
import { Catalog } from "../../lib/template/catalog";
import { packerVariable } from "../../lib/template/marks";
import { Renderer } from "../../lib/template/render";
import { Template } from "../../lib/template/template";
import { GUEST_FOLDER, specifyChain, temporaryCatalog } from "../fixtures/temporary-catalog";
import { scratchFolder } from "../support/scratch";

/** A scratch folder as the runner stages it, with dummies for what only a build makes. */
function scratch(layer: Pick<LayerSpecification | InstallerBase, "files" | "configuration">): string {
  const folder = scratchFolder();
  for (const { path, source, mode, content } of layer.files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    if (content === undefined) copyFileSync(source, join(folder, path));
    else writeFileSync(join(folder, path), content);
    chmodSync(join(folder, path), mode);
  }
  for (const name of ["installer.iso", "kernel", "initrd", "empty.qcow2"]) writeFileSync(join(folder, name), "");
  mkdirSync(join(folder, "seed/openstack/latest"), { recursive: true });
  writeFileSync(join(folder, "seed/openstack/latest/meta_data.json"), "{}");
  writeFileSync(join(folder, "build-ca.crt"), "");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, "build-key")]);
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", join(folder, "parent.qcow2"), "1G"]);
  writeFileSync(join(folder, "layer.pkr.json"), JSON.stringify(layer.configuration));
  return folder;
}

function packer(folder: string, ...args: string[]): string {
  return execFileSync("packer", args, {
    cwd: folder,
    encoding: "utf8",
    stdio: "pipe",
    env: { ...process.env, CHECKPOINT_DISABLE: "1" },
  });
}

test.each([
  ["packme", "visa-apps", []],
  ["../../../examples/facility-layer", "my-apps", ["packme"]],
])(
  "packer validate accepts every layer of %s",
  (catalog, template, parents) => {
    const open = (name: string, above: Catalog[]) =>
      Catalog.fromDirectory(resolve("test/fixtures/catalogs", name), { parents: above });
    const { layers } = specify({
      catalog: open(
        catalog,
        parents.map((name) => open(name, [])),
      ),
      template,
      environment: {},
      guestFolder: GUEST_FOLDER,
    });
    for (const layer of layers) expect(() => packer(scratch(layer), "validate", "layer.pkr.json")).not.toThrow();
  },
  60_000,
);

const SHA256 = `sha256:${"a".repeat(64)}`;

test.each<[string, string, Record<string, string>]>([
  ["debian-13", "debian-desktop", { image_checksum: SHA256 }],
  ["ubuntu-24.04", "ubuntu-desktop", { image_checksum: SHA256 }],
  [
    "debian-installer",
    "debian-desktop",
    { kernel: "linux", kernel_checksum: SHA256, initrd: "i", initrd_checksum: SHA256, mirror_host: "mirror.example" },
  ],
  ["ubuntu-installer", "ubuntu-desktop", { iso: "https://images.example/u.iso", iso_checksum: SHA256 }],
])(
  "packer validate accepts the base and every layer of the example %s",
  (example, template, variables) => {
    const catalog = Catalog.fromDirectory(join("examples", example));
    const [first = ""] = catalog.names();
    const environment = { VISA_ROOT_PASSWORD: "x" };
    expect(() => specify({ catalog, template, environment })).toThrow(/ is empty\n.*set the variable/);
    const { layers } = specify({ catalog, template, environment, variables: { [first]: variables } });
    expect(layers.map(({ name }) => name)).toEqual(catalog.names());
    const base = layers[0]?.base;
    for (const each of [...(base?.kind === "installer" ? [base] : []), ...layers]) {
      expect(() => packer(scratch(each), "validate", "layer.pkr.json")).not.toThrow();
    }
  },
  60_000,
);

test("packer validate accepts an ISO whose new system Packer logs in to", () => {
  const installer = {
    iso: "debian.iso",
    checksum: SHA256,
    bootCommand: ["<enter>"],
    sshPassword: "{{ root_password }}",
  };
  const template = new Template("one", { base: BaseImage.installer(installer), directory: "test/fixtures" });
  const environment = { VISA_ROOT_PASSWORD: "x" };
  const { layers } = specify({ catalog: new Catalog([]).add(template), template: "one", environment });
  expect(() => packer(scratch(layers[0]?.base as InstallerBase), "validate", "layer.pkr.json")).not.toThrow();
}, 60_000);

test("braces in a step's variables arrive as they were written", () => {
  const variables = {
    A: "{b}",
    B: '{"a": {"c": [1]}}',
    C: "${HOME} %{if} $${x}",
    D: 'it\'s "q" {} }}',
    E: "awk '{print $1}'",
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const folder = temporaryCatalog({
    "config.yml": "templates: {two: {}}",
    "two/manifest.yml": JSON.stringify({
      packer: { provisioners: [{ type: "shell", inline: ["true"], environment_vars: lines }] },
    }),
  });
  const [layer] = specifyChain(folder).layers as [LayerSpecification];
  expect(() => packer(scratch(layer), "validate", "layer.pkr.json")).not.toThrow();
  const [{ provisioner }] = layer.configuration.build as [{ provisioner: { shell: Record<string, unknown> }[] }];
  const rendered = provisioner[3]?.shell.environment_vars;
  // What reads it is the same; it runs here, without a guest.
  const local = { "shell-local": { environment_vars: rendered, inline: ["env > got"] } };
  const build = [{ sources: ["source.null.here"], provisioner: [local] }];
  writeFileSync(
    join(folder, "t.pkr.json"),
    JSON.stringify({ source: { null: { here: { communicator: "none" } } }, build }),
  );
  packer(folder, "build", "t.pkr.json");
  expect(readFileSync(join(folder, "got"), "utf8").split("\n")).toEqual(expect.arrayContaining(lines));
});

test("packer reads every literal as it was written", () => {
  const texts = [
    "a ${b} c",
    "%{if}",
    "$${x}",
    "$$${x}",
    "%%{x}",
    "$%{x}",
    "%${x}",
    "$",
    "${",
    "a$${",
    "{{ pw }}",
    "${{ pw }}",
    "$${{ pw }}",
    "%{{ pw }}",
    "\\${x}",
    '"q" \\n',
    '${"x"}',
    "~}",
    "é\u2028\n",
  ];
  const renderer = new Renderer(new Map([["pw", packerVariable("pw")]]));
  const folder = scratchFolder();
  const rendered = texts.map((text) => renderer.render(text));
  const configuration = {
    variable: { pw: { type: "string", default: "SECRET" } },
    source: {
      file: Object.fromEntries(
        rendered.map((text, i) => [`t${i}`, { target: `${i}.txt`, content: hcl(text, "real") }]),
      ),
    },
    build: [{ sources: texts.map((_, i) => `source.file.t${i}`) }],
  };
  writeFileSync(join(folder, "t.pkr.json"), JSON.stringify(configuration));
  packer(folder, "build", "t.pkr.json");
  const expected = rendered.map((text) => text.real.replaceAll(packerVariable("pw"), "SECRET"));
  expect(texts.map((_, i) => readFileSync(join(folder, `${i}.txt`), "utf8"))).toEqual(expected);
}, 60_000);
