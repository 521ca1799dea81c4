/** Trees that build-image.sh prepares before it calls packme. */
import { generateKeyPairSync } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stageFiles } from "../../lib/runner/packer/staging";
import type { LayerSpecification } from "../../lib/specification";
import { specify } from "../../lib/specify/specify";
import { originsOf } from "../../lib/specify/values";
import { Catalog } from "../../lib/template/catalog";
import { fillFile } from "../../lib/template/original";
import { GUEST_FOLDER, temporaryCatalog, writeFiles } from "../fixtures/temporary-catalog";

const DISK = `base: {file: {path: base.qcow2, checksum: "sha256:${"b".repeat(64)}"}}`;
const TREE = {
  "config.yml": "templates: {system-base: }\n",
  "templates/system-base/environment.yml.tlt":
    "environment:\n  proxy: {http_proxy}\n  no_proxy: {no_proxy}\n  cpus: 1\n",
  "templates/system-base/manifest.yml": `packer:
  ${DISK}
  provisioners:
    - type: file
      source: system/etc/environment
      destination: /etc/environment
    - type: shell
      inline: ["echo {{ proxy }} {{ no_proxy }}"]
`,
  "templates/system-base/system/etc/environment.tlt":
    "http_proxy={http_proxy}\nhttps_proxy={https_proxy}\nno_proxy={no_proxy}\n",
};

let folder: string;
beforeEach(() => {
  folder = temporaryCatalog(TREE);
});
afterEach(() => rmSync(folder, { recursive: true }));

function layer(
  environment: Record<string, string> = {},
  pamPublicKeyFile?: string,
  onWarning?: (text: string) => void,
) {
  const { layers } = specify({
    catalog: Catalog.fromDirectory(folder, { parents: [] }),
    template: "system-base",
    environment,
    pamPublicKeyFile,
    onWarning,
    guestFolder: GUEST_FOLDER,
  });
  return layers[0] as LayerSpecification;
}

const echoed = (own: LayerSpecification) => /echo [^"]*/.exec(JSON.stringify(own.configuration))?.[0];
const file = (own: LayerSpecification, name: string) => own.files.find(({ path }) => path.endsWith(name));

test("without a proxy: hosts without one are localhost, and the file says nothing", () => {
  const own = layer();
  expect(echoed(own)).toBe("echo  localhost");
  expect(file(own, "system/etc/environment")?.content).toBe("");
});

test("with a proxy: it is filled into both, without its password", () => {
  const own = layer({ VISA_HTTP_PROXY: "http://ada:Canary-1@proxy.example:3128", VISA_NO_PROXY_HOSTS: "a.example,b" });
  expect(echoed(own)).toBe("echo http://proxy.example:3128 a.example,b");
  expect(file(own, "system/etc/environment")?.content).toBe(
    "http_proxy=http://proxy.example:3128\nhttps_proxy=http://proxy.example:3128\nno_proxy=a.example,b\n",
  );
  expect(JSON.stringify(own)).not.toContain("Canary");
});

test("another proxy is another image, since it stays in it", () => {
  expect(layer({ VISA_HTTP_PROXY: "http://one:1" }).fingerprint).not.toBe(
    layer({ VISA_HTTP_PROXY: "http://two:1" }).fingerprint,
  );
});

test("files that an earlier run of build-image.sh left are not used", () => {
  writeFiles(folder, {
    "templates/system-base/environment.yml": "environment: {proxy: old, no_proxy: old}\n",
    "templates/system-base/system/etc/environment": "http_proxy=old\n",
  });
  expect(JSON.stringify(layer())).not.toContain("old");
});

test("a variable of the process still takes the place of the filled one, and explain knows where it is from", () => {
  expect(echoed(layer({ proxy: "http://mine:1", VISA_HTTP_PROXY: "http://other:1" }))).toBe(
    "echo http://mine:1 localhost",
  );
  const origins = originsOf({
    catalog: Catalog.fromDirectory(folder, { parents: [] }),
    template: "system-base",
    environment: { VISA_HTTP_PROXY: "http://other:1" },
  });
  expect(origins).toContainEqual({
    template: "system-base",
    name: "proxy",
    value: "http://other:1",
    origin: "environment.yml.tlt",
  });
});

test("the runner writes what was filled in, and not the .tlt file", async () => {
  const scratch = mkdtempSync(join(tmpdir(), "visa-image-filled-"));
  try {
    await stageFiles(layer({ VISA_HTTP_PROXY: "http://proxy.example:3128" }), folder, scratch);
    expect(readFileSync(join(scratch, "files/system-base/system/etc/environment"), "utf8")).toMatch(
      /^http_proxy=http:\/\/proxy\.example:3128\n/,
    );
  } finally {
    rmSync(scratch, { recursive: true });
  }
});

test("fails for a .tlt file with a mistake, at its own line", () => {
  writeFiles(folder, {
    "templates/system-base/environment.yml.tlt": "environment:\n  proxy: {http_proxy}\n  a: 1\n  a: 2\n",
  });
  expect(() => layer()).toThrow(/environment\.yml\.tlt:4:3: the same key stands here twice/);
});

describe("VISA's public key as a file of the tree", () => {
  const copiesKey = `packer:\n  ${DISK}\n  provisioners:\n    - type: file\n      source: system/etc/visa/public.pem\n      destination: /etc/visa/public.pem\n`;
  const pem = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ type: "spki", format: "pem" });

  beforeEach(() => writeFiles(folder, { "templates/system-base/manifest.yml": copiesKey, "key.pem": pem as string }));

  test("is the one that is given, whatever the tree has", () => {
    const warnings: string[] = [];
    const own = layer({}, join(folder, "key.pem"), (text) => warnings.push(text));
    expect(file(own, "public.pem")).toMatchObject({ content: pem, mode: 0o644 });
    expect(warnings).toEqual([]);
    mkdirSync(join(folder, "templates/system-base/system/etc/visa"), { recursive: true });
    writeFileSync(join(folder, "templates/system-base/system/etc/visa/public.pem"), "old");
    expect(layer({}, join(folder, "key.pem")).fingerprint).toBe(own.fingerprint);
  });

  test("fails without one, and says what to give", () => {
    expect(() => layer()).toThrow(
      /manifest\.yml:5:15: "system-base" needs VISA's public key.*\n {2}fix: --pam-public FILE/,
    );
  });
});

test("lines whose placeholder is empty go, others stay", () => {
  const values = { http_proxy: "http://p:1", https_proxy: "http://p:1", no_proxy: "" };
  expect(fillFile("# {x} stays\nA={http_proxy}\nB={no_proxy}\nC=1\n", values)).toBe("# {x} stays\nA=http://p:1\nC=1\n");
});

describe("a tree of the original's shape", () => {
  const ENVIRONMENT = { VISA_ROOT_PASSWORD: "canary", VISA_HTTP_PROXY: "http://proxy.example:3128" };
  const build = (catalogFolder: string) => {
    const warnings: string[] = [];
    const { layers } = specify({
      catalog: Catalog.fromDirectory(catalogFolder),
      template: "visa-apps",
      environment: ENVIRONMENT,
      onWarning: (message) => warnings.push(message),
    });
    return { layers, warnings };
  };
  const tree = resolve("test/fixtures/catalogs/original");

  test("is taken as it is: medium without a checksum, typed password, block tags, .tlt files, packages", () => {
    const { layers, warnings } = build(tree);
    expect(layers.map(({ name }) => name)).toEqual(["system-base", "visa-base", "visa-apps"]);
    const base = layers[0]?.base;
    expect(base).toMatchObject({
      kind: "installer",
      media: [{ firstUse: { name: "https://archive.example/netboot/mini.iso" } }],
      secrets: [{ name: "root_password" }],
    });
    const typed = JSON.stringify(base);
    expect(typed).toContain(`passwd/root-password-crypted=\${var.root_password_hash}`);
    expect(typed).toContain("mirror/http/proxy=http://proxy.example:3128");
    expect(typed).not.toMatch(/root-password(-again)?=|canary/);
    expect(layers[2]?.files.map(({ path }) => path)).toContain("packages/viewer/visa-apps/install.sh");
    expect(warnings.filter((line) => line.includes("has no checksum"))).toHaveLength(1);
  });

  test("stands on the package's system-base where its own is left out", () => {
    cpSync(tree, folder, { recursive: true });
    const config = readFileSync(join(folder, "config.yml"), "utf8");
    writeFileSync(join(folder, "config.yml"), config.replace("  system-base:\n", ""));
    const { layers } = build(folder);
    const [own] = specify({ catalog: Catalog.shipped(), template: "system-base", environment: ENVIRONMENT }).layers;
    expect(layers[0]).toMatchObject({ name: "system-base", base: { kind: "bootstrap" } });
    expect(layers[0]?.configuration).toEqual(own?.configuration);
    expect(layers[1]?.files.map(({ path }) => path)).toContain("files/visa-base/scripts/install.sh");
  });
});
