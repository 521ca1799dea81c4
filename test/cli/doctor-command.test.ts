import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { examine, nodeVersion, uefi } from "../../lib/cli/doctor-command";
import { compareVersions } from "../../lib/runner/host/requirements";
import { BuildCloud } from "../runner/cloud/build-cloud";

jest.setTimeout(60_000);

let folder: string;
let server: Server;
let port: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "visa-image-doctor-"));
  server = createServer((_, response) => response.writeHead(401).end());
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  ({ port } = server.address() as { port: number });
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** A program on PATH that prints a version. */
function program(name: string, prints: string): void {
  mkdirSync(join(folder, "bin"), { recursive: true });
  writeFileSync(join(folder, "bin", name), `#!/bin/sh\necho '${prints}'\n`, { mode: 0o755 });
}

async function find(name: string, environment: Record<string, string> = {}, cache = join(folder, "cache")) {
  const findings = await examine(
    { PATH: join(folder, "bin"), VISA_HTTP_PROXY: `http://127.0.0.1:${port}`, ...environment },
    cache,
  );
  return findings.find((finding) => finding.name === name);
}

test("a program is found with its version, too old, without one, or missing, each with the package", async () => {
  program("packer", "1.6.6");
  expect(await find("packer")).toEqual({ name: "packer", status: "ok", found: "1.6.6" });
  program("packer", "Packer v1.5.0");
  expect(await find("packer")).toMatchObject({ status: "missing", found: "1.5.0, older than 1.6.6" });
  program("packer", "usage: packer dictionary");
  expect(await find("packer")).toMatchObject({ status: "missing", fix: "on Debian: apt install packer" });
  expect(await find("xorriso")).toMatchObject({
    status: "missing",
    found: "not on PATH",
    fix: "on Debian: apt install xorriso",
  });
});

/**
 * @fault machine: Terraform is missing or too old
 * @then `visa-image doctor` says so (exit code 1); where a stack forgets past releases it asks for 1.7, so that an
 *   older Terraform names its version
 */
test("Terraform or OpenTofu will do, of the version that knows removed blocks", async () => {
  expect(await find("terraform or tofu")).toMatchObject({ status: "missing" });
  program("tofu", "OpenTofu v1.12.6");
  expect(await find("tofu")).toMatchObject({ status: "ok", found: "1.12.6" });
  program("terraform", "Terraform v1.5.7");
  expect(await find("terraform")).toMatchObject({ status: "missing", found: "1.5.7, older than 1.7" });
});

test("the provider is looked for in the mirrors of Terraform's configuration", async () => {
  const mirror = join(folder, "mirror");
  const own = join(mirror, "registry.terraform.io/terraform-provider-openstack/openstack");
  mkdirSync(join(own, "1.54.1"), { recursive: true });
  const rc = join(folder, "terraform.rc");
  writeFileSync(rc, `provider_installation {\n  filesystem_mirror {\n    path = "${mirror}"\n  }\n}\n`);
  expect(await find("OpenStack provider", { TF_CLI_CONFIG_FILE: rc })).toMatchObject({
    status: "ok",
    found: `1.54.1 in ${mirror}`,
  });
});

test("a proxy that answers, one that does not, and never its password", async () => {
  expect(await find("network")).toMatchObject({ status: "ok" });
  const finding = await find("network", { VISA_HTTP_PROXY: "http://user:Canary-1732@127.0.0.1:1" });
  expect(finding).toMatchObject({ status: "warning", found: expect.stringContaining("ECONNREFUSED") });
  expect(JSON.stringify(finding)).not.toContain("Canary");
});

test("credentials that are missing, and a cloud that refuses them, are warnings: builds work without", async () => {
  expect(await find("cloud")).toMatchObject({ status: "warning", fix: expect.stringContaining("OS_CLOUD") });
  const finding = await find("cloud", {
    OS_AUTH_URL: `http://127.0.0.1:${port}/v3`,
    OS_USERNAME: "ada",
    OS_PASSWORD: "Canary-2236",
    OS_PROJECT_NAME: "visa",
    OS_USER_DOMAIN_NAME: "Default",
    OS_PROJECT_DOMAIN_NAME: "Default",
  });
  expect(finding).toMatchObject({ status: "warning", found: expect.stringContaining("401") });
  expect(JSON.stringify(finding)).not.toContain("Canary");
});

describe("with the builder openstack", () => {
  const by = { VISA_BUILDER: "openstack" };

  test("QEMU is needed for the gate alone, and qemu-img as before", async () => {
    expect(await find("qemu-system-x86_64")).toMatchObject({ status: "missing" });
    expect(await find("qemu-system-x86_64", by)).toMatchObject({
      status: "warning",
      found: expect.stringContaining("builds by openstack do without"),
    });
    expect(await find("qemu-img", by)).toMatchObject({ status: "missing" });
    expect(await find("KVM", by)).toBeUndefined();
  });

  test("flavour and network are looked for in the cloud", async () => {
    const cloud = new BuildCloud();
    await cloud.start();
    try {
      const environment = { ...by, ...cloud.environment };
      expect(await find("builder", environment)).toMatchObject({
        status: "missing",
        fix: expect.stringMatching(/m1\.ten/),
      });
      expect(await find("builder", { ...environment, VISA_BUILD_FLAVOR: "m1.ten" })).toMatchObject({
        status: "ok",
        found: expect.stringContaining("m1.ten (10 GiB)"),
      });
      expect(await find("builder")).toBeUndefined();
    } finally {
      await cloud.stop();
    }
  });
});

test("UEFI's firmware is needed by some images alone", async () => {
  expect(await find("UEFI")).toBeDefined();
  expect(uefi(undefined)).toEqual({ name: "UEFI", status: "ok", found: expect.any(String) });
  expect(uefi("/usr/share/OVMF/x.fd")).toEqual({
    name: "UEFI",
    status: "warning",
    found: '/usr/share/OVMF/x.fd is not here: images with firmware "uefi" cannot be verified',
    fix: "on Debian: apt install ovmf",
  });
});

test("the signing key is read, where there is one; a command is not run", async () => {
  const key = join(folder, "signing.pem");
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  writeFileSync(key, privateKey.export({ type: "pkcs8", format: "pem" }));
  const shown = join(folder, "signing.pub");
  writeFileSync(shown, publicKey.export({ type: "spki", format: "pem" }));
  const byKey = (file: string) => find("signing key", { VISA_SIGNING_KEY_FILE: file });
  expect(await find("signing key")).toBeUndefined();
  expect(await byKey(key)).toMatchObject({ status: "ok", found: "secp384r1, by VISA_SIGNING_KEY_FILE" });
  expect(await byKey(join(folder, "none.pem"))).toMatchObject({
    status: "missing",
    found: expect.stringContaining("none.pem"),
    fix: expect.any(String),
  });
  const byCommand = { VISA_SIGNING_COMMAND: `touch ${join(folder, "ran")}`, VISA_SIGNING_PUBLIC_KEY_FILE: shown };
  expect(await find("signing key", byCommand)).toMatchObject({
    status: "ok",
    found: "secp384r1, by VISA_SIGNING_COMMAND (not run)",
  });
  expect(existsSync(join(folder, "ran"))).toBe(false);
});

test("a cache folder that is not there yet is measured where it will be", async () => {
  expect(await find("cache", {}, join(folder, "a", "b", "c"))).toMatchObject({
    found: expect.stringMatching(/free$/),
  });
  expect(await find("cache", {}, "/proc/cache")).toMatchObject({ status: "missing" });
});

test("versions are compared by number", () => {
  expect(compareVersions("1.10.0", "1.9")).toBeGreaterThan(0);
  expect(compareVersions("1.7", "1.7.0")).toBe(0);
  expect(compareVersions("20.19", "20.20.2")).toBeLessThan(0);
});

test("takes the Node.js that package.json asks for, and says where nobody has tried it", () => {
  const statuses = ["18.20.0", "20.18.9", "20.19.0", "22.23.3", "24.21.0", "26.12.1", "27.0.0"].map(
    (version) => nodeVersion(version).status,
  );
  expect(statuses).toEqual(["missing", "missing", "ok", "ok", "ok", "ok", "warning"]);
  expect(JSON.parse(readFileSync("package.json", "utf8")).engines.node).toBe(">=20.19 <27");
});
