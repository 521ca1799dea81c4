/** The variables of the original's README, as they are, lead everything to a cloud: a real Keystone and Glance. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { App, LocalBackend, TerraformStack } from "cdktf";
import { EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import { readLock } from "../../lib/releases/release-lock";
import { addImage, chain } from "../constructs/support";
import { compileCommand } from "../runner/support/command";
import { cloudEnvironmentOf, TerraformFolder, useStandIn } from "./terraform-support";

jest.setTimeout(240_000);

const scratch = mkdtempSync(join(tmpdir(), "visa-images-test-"));
const cloud = new EmbeddedCloud(join(scratch, "cloud"));
const lockFile = join(scratch, "visa-images.lock.json");
/** What an operator's shell has after `. openrc`, and nothing else of OpenStack. */
let environment: Record<string, string>;
let command: string;

beforeAll(async () => {
  command = compileCommand();
  await cloud.start();
  const administrator = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...cloudEnvironmentOf(join(scratch, "cloud")) };
  const create = (what: string, ...args: string[]) => {
    const options = { env: administrator, encoding: "utf8" } as const;
    return execFileSync("openstack", [what, "create", "-f", "value", "-c", "id", ...args], options).trim();
  };
  // Keystone's first domain is called Default. MySQL takes "default" for the same name, and sqlite does not.
  const domain = create("domain", "default");
  const project = create("project", "--domain", domain, "VISA Development");
  const user = create("user", "--domain", domain, "--password", "only-for-this-test", "operator");
  execFileSync("openstack", ["role", "add", "--project", project, "--user", user, "admin"], { env: administrator });

  const openrc = join(scratch, "openrc");
  // The original's, but for its user, password and address.
  writeFileSync(
    openrc,
    `export OS_PROJECT_DOMAIN_NAME=default
export OS_USERNAME=operator
export OS_PASSWORD=only-for-this-test
export OS_TENANT_NAME="VISA Development"
export OS_AUTH_URL=${(await cloud.status()).services?.keystone.endpoint}
export OS_USER_DOMAIN_NAME=default
export OS_REGION_NAME="RegionOne"
export OS_INTERFACE=public
export OS_IDENTITY_API_VERSION=3
`,
  );
  const variables = execFileSync("bash", ["--norc", "-c", '. "$1"; env -0', "bash", openrc], {
    env: {},
    encoding: "utf8",
  });
  const entries = variables.split("\0").map((line) => [line.split("=")[0] ?? "", line.replace(/^[^=]*=/, "")] as const);
  environment = Object.fromEntries(entries.filter(([name]) => name.startsWith("OS_")));
});
afterAll(async () => {
  await cloud.reset();
  rmSync(scratch, { recursive: true, force: true });
});

function visaImage(...args: string[]) {
  const env = { PATH: process.env.PATH, HOME: scratch, VISA_IMAGE_CACHE: join(scratch, "cache"), ...environment };
  return spawnSync(process.execPath, [command, ...args], { cwd: scratch, env, encoding: "utf8" });
}

test("an image is registered through the provider, and found, shown and pruned by the command", () => {
  expect(Object.keys(environment)).toHaveLength(9);
  const app = new App({ outdir: join(scratch, "out") });
  const stack = new TerraformStack(app, "images");
  new LocalBackend(stack, { path: "terraform.tfstate" });
  new OpenstackProvider(stack, "openstack");
  addImage(stack, { lockFile, specification: chain() });
  app.synth();
  const folder = join(scratch, "out", "stacks", "images");
  useStandIn(folder);
  const terraform = new TerraformFolder(folder, environment);
  expect(terraform.run("apply", "-auto-approve", "-input=false")).toContain("Apply complete!");
  expect(terraform.run("plan", "-input=false")).toContain("No changes.");
  expect(readLock(lockFile).images["images/visa-apps"]).toHaveLength(1);

  const doctor = visaImage("doctor", "--json");
  const found = (JSON.parse(doctor.stdout) as { name: string }[]).find(({ name }) => name === "cloud");
  expect(found).toMatchObject({ status: "ok", found: expect.stringContaining("signed in at 127.0.0.1") });

  expect(visaImage("cache", "list", "--json")).toMatchObject({ status: 0, stdout: "[]\n" });
  expect(visaImage("prune", "--dry-run")).toMatchObject({ status: 0, stdout: "nothing to delete\n", stderr: "" });
  expect(visaImage("lock", "sync", "--dry-run").stdout).toBe("images/visa-apps: 1 releases, as it should be\n");
});

test("fails with what is wrong where a variable is", () => {
  environment = { ...environment, OS_TENANT_NAME: "VISA Production" };
  const { status, stderr } = visaImage("lock", "sync", "--dry-run");
  expect(stderr).toContain("answered 401 to the sign-in");
  expect(status).toBe(2);
});
