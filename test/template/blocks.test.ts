import { rmSync } from "node:fs";
import type { LayerSpecification } from "../../lib/specification";
import { specify } from "../../lib/specify/specify";
import { hasBlocks, renderBlocks } from "../../lib/template/blocks";
import { Catalog } from "../../lib/template/catalog";
import { Renderer } from "../../lib/template/render";
import { GUEST_FOLDER, temporaryCatalog } from "../fixtures/temporary-catalog";

const BASE = `  base: {file: {path: base.qcow2, checksum: "sha256:${"b".repeat(64)}"}}\n`;
let folder: string;
let warnings: string[];
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function inline(manifest: string, environment = "environment: {desktop: xfce, greeting: plain}\n", secrets = {}) {
  folder = temporaryCatalog({
    "config.yml": "templates: {one: }\n",
    "one/environment.yml": environment,
    "one/manifest.yml": manifest,
  });
  warnings = [];
  const { layers } = specify({
    catalog: Catalog.fromDirectory(folder, { parents: [] }),
    template: "one",
    environment: secrets,
    guestFolder: GUEST_FOLDER,
    onWarning: (text) => warnings.push(text),
  });
  const { configuration } = layers[0] as LayerSpecification;
  const [{ provisioner }] = configuration.build as [{ provisioner: { shell?: { inline?: string[] } }[] }];
  return provisioner.slice(3, -1).map(({ shell }) => shell?.inline);
}

const AROUND_LINES = `packer:
${BASE}  provisioners:
{% if desktop == "xfce" %}
    - type: shell
      inline: ["apt-get install xfce4", "echo {{ greeting }}"]
{% endif %}
{% for package in ["vim", "nano"] %}
    - type: shell
      inline: ["apt-get install {{ package }}"]
{% endfor %}
    - type: shell
      inline: ["echo {% raw %}{{ upper \`x\` }}{% endraw %}"]
`;

test("blocks around lines choose and repeat them, with a warning", () => {
  expect(inline(AROUND_LINES)).toEqual([
    ["apt-get install xfce4", "echo plain"],
    ["apt-get install vim"],
    ["apt-get install nano"],
    ["echo {{ upper `x` }}"],
  ]);
  expect(warnings).toEqual([expect.stringContaining("one/manifest.yml: block tags stand around lines")]);
  expect(inline(AROUND_LINES, "environment: {desktop: none, greeting: x}\n")).toHaveLength(3);
});

test("quotes and line breaks in a value do no harm, as in other manifests", () => {
  const environment = `environment: {desktop: xfce, greeting: "it's \\"so\\":\\n- x"}\n`;
  expect(inline(AROUND_LINES, environment)[0]).toEqual(["apt-get install xfce4", `echo it's "so":\n- x`]);
});

test("a secret decides, and stays a variable", () => {
  const manifest = `packer:\n${BASE}  provisioners:\n{% if root_password %}\n    - type: shell\n      inline: ["echo {{ root_password }}"]\n{% endif %}\n    - {type: shell, inline: ["true"]}\n`;
  const environment = "secrets: {root_password: {required: false}}\n";
  expect(inline(manifest, environment, { VISA_ROOT_PASSWORD: "Canary" })).toEqual([
    ["echo ${var.root_password}"],
    ["true"],
  ]);
  expect(inline(manifest, environment)).toEqual([["true"]]);
});

test("manifests whose blocks stay inside one value are read as before", () => {
  const manifest = `packer:\n${BASE}  provisioners:\n    - {type: shell, inline: ["{% if desktop %}a{% endif %}"]}\n# {% if not closed\n`;
  expect(inline(manifest)).toEqual([["a"]]);
  expect(warnings).toEqual([]);
});

test("errors name the line of the file", () => {
  const wrong = AROUND_LINES.replace('inline: ["echo {%', 'inlin: ["echo {%');
  expect(() => inline(wrong)).toThrow(/one\/manifest\.yml:13:7: packer\.provisioners\[3\]: unknown key "inlin"/);
  expect(() => inline(AROUND_LINES.replace("{% endif %}", ""))).toThrow(/one\/manifest\.yml:\d+/);
  expect(() => inline(AROUND_LINES.replace("desktop ==", "dektop =="))).toThrow(
    /one\/manifest\.yml:4: the variable "dektop" is not defined\n {2}fix: .*did you mean "desktop"/,
  );
  expect(() => inline("packer: [\n{% if desktop %}\n{% endif %}\n")).toThrow(
    /one\/manifest\.yml:\d+:\d+: not valid YAML/,
  );
});

test("tags that trim blanks work as in Jinja, and lines are still known", () => {
  const render = (text: string) => new Renderer(new Map([["on", "1"]]), "keep").render(text).real;
  const { text, lines } = renderBlocks(
    "a:\n{%- if on %} 1\n{%- endif %}\nb: {{ on }}\n",
    (name) => name === "on",
    render,
  );
  expect(text).toBe("a: 1\nb: {{ on }}\n");
  expect(lines).toHaveLength(3);
});

test("raw is no block", () => {
  expect(hasBlocks("{% raw %}{% if x %}{% endraw %}")).toBe(false);
  expect(hasBlocks("{% if x %}")).toBe(true);
});
