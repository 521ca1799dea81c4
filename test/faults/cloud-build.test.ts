/** Builds by a cloud that are stopped and killed: a stand-in for Packer starts a server in a stand-in for the cloud. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Workspace } from "../integration/runner-support";
import { BuildCloud } from "../runner/cloud/build-cloud";
import { standInSpecification, writePackerStandIn } from "../runner/cloud/packer-stand-in";
import { compileCommand } from "../runner/support/command";

jest.setTimeout(120_000);

let cloud: BuildCloud;
let folder: string;
let workspace: Workspace;

beforeEach(async () => {
  cloud = new BuildCloud();
  await cloud.start();
  folder = mkdtempSync(join(tmpdir(), "visa-cb-"));
  workspace = new Workspace(compileCommand());
  writePackerStandIn(folder);
  writeFileSync(join(folder, "specification.json"), JSON.stringify(standInSpecification(folder)));
});
afterEach(async () => {
  workspace.remove();
  await cloud.stop();
  rmSync(folder, { recursive: true, force: true });
});

const ARGUMENTS = (more: string[] = []) => ["build", "--specification", join(folder, "specification.json"), ...more];
const environment = () => ({
  ...cloud.environment,
  ...{ PATH: `${join(folder, "bin")}:${process.env.PATH}`, VISA_BUILDER: "openstack", VISA_BUILD_FLAVOR: "m1.ten" },
  VISA_BUILD_FLOATING_IP_POOL: "outer",
});
const left = () => ({ servers: cloud.servers, addresses: cloud.floatingips, groups: cloud.groups });
const NOTHING = { servers: [], addresses: [], groups: [] };

async function startHanging() {
  const build = workspace.start(ARGUMENTS(["--http-proxy", "http://hangs"]), environment());
  await workspace.until("a server runs", () => cloud.servers.length > 0 && workspace.log().includes("Connected"), 60);
  expect([cloud.floatingips, cloud.groups]).toEqual([[expect.anything()], [expect.anything()]]);
  return build;
}

/**
 * @fault builder: SIGTERM or SIGINT of `visa-image` while its server runs, or the end of Terraform
 * @then 143, 130: server, floating address and security group are removed before it ends
 */
test("one that is stopped removes what it has in the cloud", async () => {
  const build = await startHanging();
  build.kill("SIGTERM");
  expect(await build.ended).toMatchObject({ code: 143, stderr: expect.stringContaining("nothing of it is left") });
  expect(left()).toEqual(NOTHING);
  expect(workspace.leftovers()).toEqual([]);
});

/**
 * @fault builder: SIGKILL of `visa-image`, its worker and Packer at once
 * @then the next build on this machine removes what they left: `removed what an interrupted build left in the cloud`; another machine's, or `visa-image prune`, once the build's time is over
 */
test("what a killed one leaves is removed by the next one, which goes on", async () => {
  const build = await startHanging();
  for (const { pid } of workspace.processes()) process.kill(pid, "SIGKILL");
  await build.ended;
  await workspace.untilNothingRuns();
  expect(left()).not.toEqual(NOTHING);
  const next = await workspace.run(ARGUMENTS(), environment());
  expect(next.stderr).toMatch(/removed what an interrupted build left in the cloud: server visa-build-one-/);
  expect(next.code).toBe(0);
  expect(left()).toEqual(NOTHING);
  // The base was uploaded once.
  expect(cloud.images.map(({ name }) => String(name).replace(/-[0-9a-f]{12}$/, ""))).toEqual([
    "visa-layer-base",
    "visa-layer-one",
    "visa-layer-two",
  ]);
});
