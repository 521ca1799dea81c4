/**
 * Canaries: a root password and a proxy's password, handed over in every way there is, are looked for wherever a build
 * and a synth leave something. A key is public, or refused.
 */
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { App, TerraformStack } from "cdktf";
import { LayerBuild } from "../../lib/constructs/layer-build";
import { specify } from "../../lib/specify/specify";
import { Catalog } from "../../lib/template/catalog";
import { writeFiles } from "../fixtures/temporary-catalog";
import { writeTinySpecification } from "../support/tiny-guest/tiny-guest";
import { type Workspace, workspaces } from "./runner-support";

jest.setTimeout(300_000);

const PASSWORD = "Canary/password'+2718 é";
const PROXY_PASSWORD = "Canary-proxy-3141";
const PROXY = `http://builder:${PROXY_PASSWORD}@127.0.0.1:9`;
/** Both share this; other forms of the password are looked for one by one. */
const COMMON = "Canary";
const FORMS = [
  COMMON,
  ...[PASSWORD, `${PASSWORD}\n`, PROXY_PASSWORD, `builder:${PROXY_PASSWORD}`].flatMap((text) => {
    const bytes = Buffer.from(text);
    // The last digits depend on what follows.
    return [bytes.subarray(0, bytes.length - (bytes.length % 3)).toString("base64"), bytes.toString("hex")];
  }),
];

const current = workspaces();
let workspace: Workspace;
beforeEach(() => {
  workspace = current();
});

function expectNoCanary(text: string): void {
  for (const form of FORMS) expect(text).not.toContain(form);
}

function expectNoCanaryBelow(folder: string, ...exclude: string[]): void {
  const { status, stdout } = spawnSync("grep", [
    "-raoF",
    ...exclude.map((name) => `--exclude=${name}`),
    ...FORMS.flatMap((form) => ["-e", form]),
    folder,
  ]);
  expect([status, stdout.toString()]).toEqual([1, ""]);
}

/** All command lines of this machine. */
function commandLines(): string {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return "";
      }
    })
    .join("\n");
}

/** A layer whose script prints what it was given, and puts none of it onto the disk. */
function printingSpecification(): string {
  const secrets = [{ name: "root_password", environment: "VISA_ROOT_PASSWORD", required: true }];
  const { file, specification } = writeTinySpecification(workspace.folder, [
    {
      name: "printing",
      secrets,
      provisioners: [
        {
          shell: {
            environment_vars: ["PASSWORD=${var.root_password}", "PROXY=${var.proxy}"],
            inline: [
              'echo "proxy: $PROXY"',
              'echo "password: $PASSWORD"',
              'printf "%s\\n" "$PASSWORD" | base64',
              'echo "printed" >&2; sleep 2',
            ],
          },
        },
      ],
    },
  ]);
  const [layer] = specification.layers;
  (layer?.configuration.variable as Record<string, unknown>).proxy = { type: "string", default: "" };
  writeFileSync(file, JSON.stringify(specification));
  return file;
}

const file = () => {
  const path = join(workspace.folder, "..", `${workspace.folder.split("/").at(-1)}.password`);
  writeFileSync(path, `${PASSWORD}\n`);
  return path;
};

test.each<[string, () => { args?: string[]; environment?: Record<string, string> }]>([
  ["on the command line, as with build-image.sh", () => ({ args: ["-rp", PASSWORD, "-hp", PROXY] })],
  [
    "in the original's variables",
    () => ({ environment: { VISA_ROOT_PASSWORD: PASSWORD, VISA_HTTP_PROXY: PROXY, VISA_NO_PROXY_HOSTS: "localhost" } }),
  ],
  [
    "in a file, with a proxy of the build alone",
    () => ({ args: ["--root-password-file", file()], environment: { VISA_BUILD_PROXY: PROXY } }),
  ],
  [
    "in a file that a variable names",
    () => ({ environment: { VISA_ROOT_PASSWORD_FILE: file(), VISA_HTTP_PROXY: PROXY } }),
  ],
  ["as packme's own variable", () => ({ environment: { root_password: PASSWORD, VISA_HTTP_PROXY: PROXY } })],
])("a build leaves no secret that it is given %s", async (_, given) => {
  const { args = [], environment = {} } = given();
  try {
    const child = workspace.start(
      ["build", "--specification", printingSpecification(), "--format", "raw", "--verbose", ...args],
      environment,
    );
    await workspace.untilGuestPrints("printed");
    expectNoCanary(commandLines());
    const { code, stdout, stderr } = await child.ended;
    expect(code).toBe(0);
    expectNoCanary(stdout + stderr);
    // It really got there: what stands in its place shows it.
    expect(stderr).toMatch(/password: (\*\*\*\*|<sensitive>)/);
    expect(stderr).toMatch(/proxy: http:\/\/(\*\*\*\*)@10\.0\.2\.2:9/);
    // The whole cache: logs, manifests, and the disk as it is and as it is flattened.
    expectNoCanaryBelow(workspace.folder);
  } finally {
    rmSync(`${workspace.folder}.password`, { force: true });
  }
});

test("no tool of a build but Packer sees a secret", async () => {
  const bin = join(workspace.folder, "bin");
  const seen = join(workspace.folder, "seen");
  for (const folder of [bin, seen]) mkdirSync(folder);
  const tools = ["qemu-img", "ssh-keygen", "flock", "setpriv", "git", "xorriso", "packer", "qemu-system-x86_64"];
  for (const tool of tools) {
    const real = spawnSync("sh", ["-c", `command -v ${tool}`])
      .stdout.toString()
      .trim();
    const script = `#!/bin/sh\nenv > '${seen}/${tool}'.$$\nexec '${real}' "$@"\n`;
    writeFileSync(join(bin, tool), script, { mode: 0o755 });
  }
  const { code, stderr } = await workspace.run(["build", "--specification", printingSpecification()], {
    PATH: `${bin}:${process.env.PATH}`,
    VISA_ROOT_PASSWORD: PASSWORD,
    OS_PASSWORD: PASSWORD,
    OS_APPLICATION_CREDENTIAL_SECRET: PASSWORD,
    https_proxy: PROXY,
  });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const names = readdirSync(seen);
  for (const tool of tools) expect(names).toContainEqual(expect.stringMatching(`^${tool}\\.`));
  const withSecret = names.filter((name) => readFileSync(join(seen, name), "utf8").includes(COMMON));
  // Packer is told the guest's; setpriv starts it, and hands it over to its QEMU.
  expect(new Set(withSecret.map((name) => name.split(".")[0]))).toEqual(
    new Set(["packer", "setpriv", "qemu-system-x86_64", "qemu-img", "xorriso"]),
  );
  for (const name of withSecret) {
    const lines = readFileSync(join(seen, name), "utf8").split("\n");
    expect(lines.filter((line) => line.includes(COMMON))).toEqual([`PKR_VAR_root_password=${PASSWORD}`]);
  }
});

describe("a synth", () => {
  const tree = {
    "config.yml": "templates: {one: }\n",
    "one/environment.yml.tlt":
      "environment:\n  proxy: {http_proxy}\n  site_proxy: ''\n  colour: red\nsecrets:\n  licence: {required: false}\n",
    "one/manifest.yml": `packer:
  base: {file: {path: base.qcow2, checksum: "sha256:${"b".repeat(64)}"}}
  builders: [{type: qemu, ssh_password: "{{ root_password }}", boot_command: ["{{ proxy }}{{ site_proxy }}"]}]
  provisioners:
    - type: shell
      inline: ["echo {{ root_password }} {{ licence }} {{ proxy }} {{ site_proxy }} {{ colour }}"]
    - {type: file, source: proxy.conf, destination: /etc/proxy.conf}
`,
    "one/proxy.conf.tlt": "proxy={http_proxy}\n",
  };
  const environment = {
    VISA_ROOT_PASSWORD: PASSWORD,
    root_password: PASSWORD,
    VISA_LICENCE: PASSWORD,
    VISA_HTTP_PROXY: PROXY,
    proxy: PROXY,
    site_proxy: PROXY,
    http_proxy: PROXY,
  };

  function specification() {
    writeFiles(workspace.folder, tree);
    const catalog = Catalog.fromDirectory(workspace.folder, { parents: [] });
    return specify({ catalog, template: "one", environment, onWarning: expectNoCanary });
  }

  test("puts no secret into the specification", () => {
    const text = JSON.stringify(specification());
    expectNoCanary(text);
    expect(text).toContain("${var.root_password} ${var.licence} http://127.0.0.1:9 http://127.0.0.1:9 red");
  });

  test("puts no secret into anything that cdktf writes", () => {
    const outdir = join(workspace.folder, "cdktf.out");
    const app = new App({ outdir });
    const stack = new TerraformStack(app, "images");
    new OpenstackProvider(stack, "openstack");
    LayerBuild.chain(stack, { specification: specification(), output: { format: "raw", minDiskGb: 10 } });
    app.synth();
    expect(readdirSync(join(outdir, "stacks/images/specifications"))).toHaveLength(1);
    expectNoCanaryBelow(outdir);
  });

  test.each(["render", "explain"])("shows no secret in what %s prints", async (name) => {
    writeFiles(workspace.folder, tree);
    for (const option of ["--json", ...(name === "render" ? ["--legacy"] : [])]) {
      const { code, stdout, stderr } = await workspace.run(
        [name, "one", "--catalog", workspace.folder, option],
        environment,
      );
      expect([code, stderr]).toEqual([0, ""]);
      expectNoCanary(stdout);
    }
  });

  test("a password given as a variable is refused, and not shown", async () => {
    writeFiles(workspace.folder, tree);
    const { code, stdout, stderr } = await workspace.run([
      "explain",
      "one",
      "--catalog",
      workspace.folder,
      "--variable",
      `root_password=${PASSWORD}`,
    ]);
    expect(code).toBe(2);
    expectNoCanary(stdout + stderr);
  });

  test("a private key is refused, and nothing of it shown", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    writeFiles(workspace.folder, { ...tree, "key.pem": pem });
    const { code, stdout, stderr } = await workspace.run(
      ["render", "one", "--catalog", workspace.folder, "-pp", join(workspace.folder, "key.pem")],
      environment,
    );
    expect(code).toBe(2);
    expect(stderr).toContain("this is a private key");
    for (const line of pem.split("\n").filter((each) => each.length > 40)) expect(stdout + stderr).not.toContain(line);
  });
});
