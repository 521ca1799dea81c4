import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const project = join(__dirname, "../..");
const scratch = mkdtempSync(join(tmpdir(), "set up "));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const name = "terraform-provider-openstack/openstack/1.54.1/linux_amd64";
const binary = "terraform-provider-openstack_v1.54.1";

/** What the scripts need of every system. */
const TOOLS = ["bash", "dirname", "basename", "sed", "uname", "mkdir", "rm", "cat", "timeout"];

/** An executable script. */
function script(path: string, text: string): string {
  writeFileSync(path, `#!/usr/bin/env bash\nset -eu\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe("set-up", () => {
  it("fails on other systems, and says what to install", () => {
    const release = join(scratch, "os-release");
    writeFileSync(release, 'ID=fedora\nVERSION_ID="41"\n');
    const { status, stderr } = spawnSync(join(project, "dev/setup"), {
      env: { ...process.env, VISA_EMBEDDED_DIR: join(scratch, "e1"), VISA_SETUP_OS_RELEASE: release },
      encoding: "utf8",
    });
    expect(status).toBe(2);
    expect(stderr).toMatch(/^setup: this system \(fedora\) is neither Debian nor Ubuntu/);
    for (const program of ["packer", "mmdebstrap", "keystone-manage", "glance-api", "Terraform  1.7"]) {
      expect(stderr).toContain(program);
    }
  });

  describe("with Node.js", () => {
    /** A run that has this Node.js, Terraform, and nothing that leads to the provider, which it asks for next. */
    function setUp(version: string): { status: number | null; stderr: string } {
      const folder = mkdtempSync(join(scratch, "node-"));
      const tools = join(folder, "tools");
      mkdirSync(tools);
      for (const tool of [...TOOLS, "sort", "head", "touch", "tail"])
        symlinkSync(join("/usr/bin", tool), join(tools, tool));
      script(join(tools, "node"), `echo ${version}`);
      script(join(tools, "npm"), "exit 1");
      script(join(tools, "terraform"), "[[ $1 == version ]] && echo Terraform v1.11.4");
      return spawnSync("/bin/bash", [join(project, "dev/setup")], {
        env: { PATH: tools, VISA_EMBEDDED_DIR: join(folder, "embedded"), VISA_SETUP_PACKAGES: "skip" },
        encoding: "utf8",
      });
    }

    it.each(["20.19.0", "22.23.3"])("%s goes on", (version) => {
      const { stderr } = setUp(version);
      expect(stderr).toMatch(/^install: the provider registry cannot be reached/);
    });

    it.each([
      ["18.20.0", "old"],
      ["20.18.9", "old"],
      ["23.0.0", "new for cdktf-cli 0.21"],
      ["24.21.0", "new for cdktf-cli 0.21"],
    ])("fails with %s, which is too %s, and says the README's range", (version, what) => {
      const range = "20.19 to 22";
      expect(setUp(version)).toMatchObject({
        status: 2,
        stderr: `setup: Node.js ${version} is too ${what}\n  fix: install Node.js ${range}, with npm\n`,
      });
      expect(readFileSync(join(project, "README.md"), "utf8")).toContain(`with Node.js ${range} `);
    });
  });

  it("explains itself", () => {
    const text = execFileSync(join(project, "dev/setup"), ["--help"], { encoding: "utf8" });
    expect(text).toMatch(/^Makes a fresh machine ready/);
  });
});

describe("the provider mirror", () => {
  it("takes the provider from the registry where it can be reached", () => {
    const embedded = join(scratch, "e2");
    mkdirSync(embedded);
    // Stands in for the registry, which the machine that tests may not reach: it mirrors a zip, as Terraform does.
    const terraform = script(
      join(scratch, "terraform"),
      `mirror=\${!#}/registry.terraform.io/terraform-provider-openstack/openstack
mkdir -p "$mirror"
cd "$mirror"
echo "the provider" >${binary}
python3 -m zipfile -c terraform-provider-openstack_1.54.1_linux_amd64.zip ${binary}`,
    );
    const run = () =>
      execFileSync(join(project, "dev/provider/install"), [terraform], {
        env: { ...process.env, VISA_EMBEDDED_DIR: embedded },
        encoding: "utf8",
      });
    expect(run()).toMatch(/OpenStack provider 1\.54\.1: from the registry/);
    for (const host of ["registry.terraform.io", "registry.opentofu.org"]) {
      const file = join(embedded, "providers", host, name, binary);
      expect(readFileSync(file, "utf8")).toBe("the provider\n");
      expect(statSync(file).mode & 0o111).toBe(0o111);
    }
    expect(readFileSync(join(embedded, "terraform.rc"), "utf8")).toContain(
      `path    = "${join(embedded, "providers")}"`,
    );
    expect(existsSync(join(embedded, "provider-build"))).toBe(false);
    expect(run()).toBe("");
  });

  it("fails with what to install where neither registry nor Go is there", () => {
    const embedded = join(scratch, "e3");
    mkdirSync(embedded);
    const tools = join(scratch, "tools");
    mkdirSync(tools);
    for (const tool of TOOLS) {
      symlinkSync(join("/usr/bin", tool), join(tools, tool));
    }
    const offline = script(join(scratch, "offline"), "exit 1");
    const { status, stderr } = spawnSync("/bin/bash", [join(project, "dev/provider/install"), offline], {
      env: { PATH: tools, VISA_EMBEDDED_DIR: embedded },
      encoding: "utf8",
    });
    expect(stderr).toBe(
      "install: the provider registry cannot be reached, and Go is not installed\n" +
        "  fix: install Go 1.24 or newer, so that it can be built\n",
    );
    expect(status).toBe(2);
  });
});
