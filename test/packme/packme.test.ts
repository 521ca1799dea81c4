/** The same trees rendered by packme 0.8.0 and by us: builders and provisioners, field by field. */
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { LayerSpecification } from "../../lib/specification";
import { renderLegacy } from "../../lib/specify/render-legacy";
import { specify } from "../../lib/specify/specify";
import { Catalog } from "../../lib/template/catalog";
import { GUEST_FOLDER, writeFiles } from "../fixtures/temporary-catalog";
import { packmePrograms, runPackme } from "../support/packme";

jest.setTimeout(180_000);

type Json = Record<string, unknown>;
type Manifest = { builders: Json[]; provisioners: Json[]; description: string; variables: Json };

/** What build-image.sh exports, with Packer's own reference in the place of the password: it is in ours too. */
const EXPORTED = { headless: "true", root_password: "{{user `root_password`}}" };
const ENVIRONMENT = { headless: "true", VISA_ROOT_PASSWORD: "never rendered" };

let folder: string;

beforeAll(() => packmePrograms());
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "visa-image-packme-")));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** packme writes a line break of a value as `\n`, two characters, into what the shell of the guest gets. */
function withLineBreaks(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll("\\\\n", "\\n"));
}

function compare(templates: readonly string[], variables: Record<string, string> = {}) {
  const theirs = runPackme(folder, templates, { ...EXPORTED, ...variables });
  const catalog = Catalog.fromDirectory(folder, { parents: [] });
  for (const template of templates) {
    const ours = renderLegacy({ catalog, template, environment: { ...ENVIRONMENT, ...variables } });
    expect({ template, ...(withLineBreaks(ours) as Json) }).toEqual({
      template,
      ...(withLineBreaks(theirs[template]) as Json),
    });
  }
  return theirs as Record<string, Manifest>;
}

const INSTALLER = {
  "config.yml":
    "templates:\n  system: {}\n  desktop:\n    extends: system\n  apps:\n    extends: desktop\n    packages: ['*']\n",
  "templates/system/environment.yml":
    "environment:\n  proxy: ''\n  no_proxy: localhost\n  cpus: 1\n  memory: 4096\n  disk_size: 10000\n  mirror: http://mirror.example/ubuntu\n  preseed: preseed.cfg\n",
  "templates/system/manifest.yml": `packer:
  description: "A system from an installer"
  variables: {}
  builders:
    - name: qemu
      type: qemu
      format: qcow2
      iso_checksum: none
      iso_url: "{{ mirror }}/mini.iso"
      ssh_password: "{{ root_password }}"
      accelerator: kvm
      headless: "{{ headless }}"
      memory: "{{ memory }}"
      cpus: "{{ cpus }}"
      disk_size: "{{ disk_size }}"
      qemuargs:
        - - "-m"
          - "{{ memory }}M"
      boot_wait: 5s
      boot_command:
        - "<tab> "
        - "preseed/url=http://{% raw %}{{ .HTTPIP }}:{{ .HTTPPort }}{% endraw %}/{{ preseed }} "
        - "netcfg/get_hostname={{ vm_name }} {% if proxy %}mirror/http/proxy={{ proxy }} {% endif %}"
      http_directory: "http"
    - name: vbox
      type: virtualbox-iso
      iso_url: http://mirror.example/other.iso
  provisioners:
    - type: file
      source: "system/{{ preseed }}"
      destination: /etc/apt/sources.list
    - type: shell
      scripts: [scripts/one.sh, scripts/two.sh]
    - type: shell
      inline: ["true", "echo {{ no_proxy | upper }}"]
      only: [qemu]
`,
  "templates/desktop/environment.yml": "environment:\n  disk_size: 10000\n",
  "templates/desktop/manifest.yml": `packer:
  description: "A desktop"
  builders:
    - name: qemu
      type: qemu
      boot_command: none
      iso_checksum: none
      disk_image: True
      disk_size: "{{ disk_size }}"
      ssh_password: "{{ root_password }}"
  provisioners:
    - type: shell
      script: scripts/desktop.sh
      environment_vars: ["A={{ disk_size }}"]
    - type: file
      source: /etc/hostname
      destination: /tmp/hostname
  postprocessors:
    - type: compress
      output: x.tar.gz
`,
  "templates/apps/environment.yml": "environment:\n  edition: community\n",
  "templates/apps/manifest.yml": "packer:\n  description: Applications\n",
  "packages/editor/manifest.yml":
    "provisioners:\n  - type: shell\n    script: install.sh\n  - type: file\n    source: ../common/{{ edition }}.conf\n    destination: /etc/editor.conf\n",
};

test("an installer, children on its disk, a builder of the parent alone, packages, a post-processor", () => {
  writeFiles(folder, INSTALLER);
  const theirs = compare(["system", "desktop", "apps"]);
  // What is compared is not nothing.
  expect(theirs.desktop?.builders.map(({ name }) => name)).toEqual(["vbox", "qemu"]);
  expect(theirs.apps?.provisioners).toHaveLength(2);
  expect(theirs.system?.builders[0]?.ssh_password).toBe("{{user `root_password`}}");
});

test("variables of the process take the place of those of environment.yml", () => {
  writeFiles(folder, INSTALLER);
  const theirs = compare(["system", "desktop", "apps"], {
    memory: "512",
    proxy: "http://proxy.example:3128",
    edition: "x",
  });
  expect(theirs.system?.builders[0]?.boot_command).toContain(
    "netcfg/get_hostname=system mirror/http/proxy=http://proxy.example:3128 ",
  );
});

test("packages, Packer's own variables, scripts with arguments, folders", () => {
  cpSync(resolve("test/fixtures/catalogs/packme"), folder, { recursive: true });
  // Values on which packme breaks, which PyYAML reads as something else, or which only we have: see the tests below.
  compare(["system-base", "visa-base", "visa-apps"], { greeting: "hello", autologin: "yes", proxy: "" });
});

test("block tags that span the items of a list", () => {
  writeFiles(folder, {
    "config.yml": "templates: {one: }\n",
    "templates/one/environment.yml": "environment:\n  desktop: xfce\n  proxy: ''\n",
    "templates/one/manifest.yml": `packer:
  builders: [{name: qemu, type: qemu}]
  provisioners:
    - type: shell
      inline:
        - "{% if desktop == 'xfce' %}apt-get install xfce4"
        - "echo {{ desktop }}{% endif %}"
        - "{% if proxy %}echo never{% endif %}"
    - type: shell
      inline: ["{% for n in range(2) %}echo {{ n }}; {% endfor %}"]
`,
  });
  const catalog = Catalog.fromDirectory(folder, { parents: [] });
  const warnings: string[] = [];
  const ours = renderLegacy({ catalog, template: "one", environment: {}, onWarning: (text) => warnings.push(text) });
  expect(ours).toEqual(runPackme(folder, ["one"], EXPORTED).one);
  expect(ours.provisioners).toMatchObject([
    { inline: ["apt-get install xfce4", "echo xfce", ""] },
    { inline: ["echo 0; echo 1; "] },
  ]);
  expect(warnings.join()).toContain("rendered as text");
});

describe("what is built is what packme would have built", () => {
  /** Ours as packme writes it: HCL's escapes undone, paths of the template's folder. */
  function asPackme(value: unknown, template: string): unknown {
    const text = JSON.stringify(value)
      .replaceAll(/\$\{\\"([$%]+)\\"\}|([$%])\2(?=\{)|\$\{var\.(\w+)\}/g, (_, run, sign, name) =>
        name ? `{{user \`${name}\`}}` : (run ?? sign),
      )
      .replaceAll(`"files/${template}/`, `"${folder}/templates/${template}/`)
      .replaceAll(/"packages\/(\w+)\//g, `"${folder}/packages/$1/`);
    return withLineBreaks(JSON.parse(text));
  }

  test("the same provisioners in the same order, and the same settings of the builder", () => {
    cpSync(resolve("test/fixtures/catalogs/packme"), folder, { recursive: true });
    const image = join(folder, "templates/system-base/manifest.yml");
    writeFileSync(image, readFileSync(image, "utf8").replace("sha256:{{ image_sha256 }}", `sha256:${"a".repeat(64)}`));
    const variables = { greeting: "hello", autologin: "yes", proxy: "" };
    const theirs = runPackme(folder, ["system-base", "visa-base", "visa-apps"], { ...EXPORTED, ...variables });
    const { layers } = specify({
      catalog: Catalog.fromDirectory(folder, { parents: [] }),
      template: "visa-apps",
      environment: { ...ENVIRONMENT, ...variables },
      guestFolder: GUEST_FOLDER,
      onWarning: () => {},
    });
    for (const { name, configuration } of layers) {
      const build = (configuration.build as { provisioner: Json[] }[])[0]?.provisioner ?? [];
      const own = build.slice(3, -1).map((each) => asPackme(each, name));
      const expected = ((theirs[name] as unknown as Manifest).provisioners as Json[])
        .filter(({ except }) => except === undefined)
        .map(({ type, only: _, ...settings }) => ({ [String(type)]: settings }));
      // packme leaves the paths of `scripts` alone, and Packer looks for them from where it was started.
      const paths = (value: unknown) =>
        JSON.parse(
          JSON.stringify(value).replaceAll(/"(install\.sh|\.\.\/common\.sh)"/g, (_, path: string) =>
            JSON.stringify(
              path.startsWith("..")
                ? `${folder}/packages/editor/common.sh`
                : `${folder}/packages/editor/${name}/${path}`,
            ),
          ),
        );
      expect({ name, own }).toEqual({ name, own: paths(withLineBreaks(expected)) });
    }
    const [system] = layers as [LayerSpecification, ...LayerSpecification[]];
    const source = (system.configuration.source as { qemu: Record<string, Json> }).qemu["system-base"];
    const builder = (theirs["system-base"] as unknown as Manifest).builders[0] as Json;
    expect(source).toMatchObject({ ssh_timeout: builder.ssh_timeout });
    expect(source).not.toHaveProperty("boot_command");
    expect(builder.boot_command).toBe("none");
  });
});

describe("where packme is wrong, ours is right", () => {
  const manifest = (inline: string) =>
    `packer:\n  builders: [{name: qemu, type: qemu}]\n  provisioners:\n    - type: shell\n      inline:\n${inline}`;
  const render = () =>
    (
      renderLegacy({
        catalog: Catalog.fromDirectory(folder, { parents: [] }),
        template: "one",
        environment: {},
      }) as unknown as Manifest
    ).provisioners[0]?.inline;

  test("a quote in a value", () => {
    writeFiles(folder, {
      "config.yml": "templates: {one: }\n",
      "templates/one/environment.yml": `environment:\n  greeting: "it's"\n`,
      "templates/one/manifest.yml": manifest('        - "echo {{ greeting }}"\n'),
    });
    expect(() => runPackme(folder, ["one"])).toThrow(/ParserError|while parsing/);
    expect(render()).toEqual(["echo it's"]);
  });

  test("a line break in a value", () => {
    writeFiles(folder, {
      "config.yml": "templates: {one: }\n",
      "templates/one/environment.yml": "environment: {a: 1}\n",
      "templates/one/manifest.yml": manifest("        - |\n          echo a\n          echo b\n"),
    });
    expect(runPackme(folder, ["one"]).one).toMatchObject({ provisioners: [{ inline: ["echo a\\necho b\\n"] }] });
    expect(render()).toEqual(["echo a\necho b\n"]);
  });

  test("yes and 1.10 in environment.yml", () => {
    writeFiles(folder, {
      "config.yml": "templates: {one: }\n",
      "templates/one/environment.yml": "environment: {login: yes, version: 1.10}\n",
      "templates/one/manifest.yml": manifest('        - "{{ login }} {{ version }}"\n'),
    });
    expect(runPackme(folder, ["one"]).one).toMatchObject({ provisioners: [{ inline: ["True 1.1"] }] });
    expect(render()).toEqual(["yes 1.10"]);
  });
});
