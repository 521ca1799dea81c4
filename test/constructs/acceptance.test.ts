/** The gate behind the upload: what a plan shows of it, what waits for it, and that a stack without it is what it was. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { formatLock, type Release } from "../../lib/releases/release-lock";
import { scratchFolder } from "../support/scratch";
import { addImage, newStack, synthesized } from "./support";

const DIGITS = "5c329d84cf97";
const ACCEPTANCE = { flavor: "m1.medium", network: "visa" };

// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
function dataOf(props: Parameters<typeof addImage>[1]): any {
  const stack = newStack();
  addImage(stack, props);
  return synthesized(stack).resource.terraform_data;
}

test("stands between the image and what shows it, and the plan says where", () => {
  const data = dataOf({ acceptance: { ...ACCEPTANCE, securityGroups: ["visa", "lab"], source: "both" } });
  const accepted = data["visa-apps_accepted"];
  expect(accepted.triggers_replace).toEqual({
    image: `\${openstack_images_image_v2.visa-apps_${DIGITS}.id}`,
    ...{ flavor: "m1.medium", network: "visa", "security groups": "visa lab", source: "both" },
    ...{ contract: "boot", verifier: expect.any(String), "boot command": expect.stringMatching(/^[0-9a-f]{12}$/) },
  });
  const [{ command }] = accepted.provisioner.map((each: Record<string, unknown>) => each["local-exec"]);
  expect(command).toContain(`verify --on-cloud \${openstack_images_image_v2.visa-apps_${DIGITS}.id} --profile gate`);
  expect(command).toContain(
    "--flavor m1.medium --network visa --source both --security-group visa --security-group lab",
  );
  expect(command).toMatch(/--specification specifications\/\S+ --boot-command boot-commands\/visa-apps/);
  expect(data[`visa-apps_${DIGITS}_registered`].depends_on).toEqual(["terraform_data.visa-apps_accepted"]);
});

test("without it nothing of a stack is other than it was", () => {
  const lockFile = join(scratchFolder(), "visa-images.lock.json");
  const [without, withIt] = [dataOf({ lockFile }), dataOf({ lockFile, acceptance: ACCEPTANCE })];
  expect(without).not.toHaveProperty("visa-apps_accepted");
  expect(without[`visa-apps_${DIGITS}_registered`]).not.toHaveProperty("depends_on");
  const { "visa-apps_accepted": _, ...others } = withIt;
  delete others[`visa-apps_${DIGITS}_registered`].depends_on;
  expect(others).toEqual(without);
});

test("rolled back it stays as it is in the state, and boots nothing", () => {
  const lockFile = join(scratchFolder(), "visa-images.lock.json");
  const past: Release = {
    ...{ release: "111111111111", fingerprint: "1".repeat(64), template: "visa-apps", name: "old", diskFormat: "raw" },
    ...{ imageId: "i", sha512: "ab", sizeBytes: 1, registered: "2026-11-01T00:00:00Z" },
  };
  writeFileSync(lockFile, formatLock({ version: 1, images: { "images/visa-apps": [past] } }));
  const accepted = dataOf({ acceptance: ACCEPTANCE, lockFile, release: "111111111111" })["visa-apps_accepted"];
  expect(accepted).not.toHaveProperty("provisioner");
  expect(accepted.lifecycle).toEqual({ ignore_changes: ["triggers_replace"] });
});

test("another cloud has its own, or none", () => {
  const stack = newStack();
  const image = addImage(stack, { acceptance: ACCEPTANCE });
  const provider = new OpenstackProvider(stack, "north", { alias: "north", cloud: "north" });
  image.addDestination("north", { provider });
  const far = new OpenstackProvider(stack, "south", { alias: "south", cloud: "south" });
  image.addDestination("south", { provider: far, acceptance: { flavor: "large", network: "lab" } });
  const data = synthesized(stack).resource.terraform_data;
  const names = Object.keys(data).filter((name) => name.endsWith("_accepted"));
  expect(names.sort()).toEqual(["visa-apps_accepted", "visa-apps_south_accepted"]);
  const { command, environment } = data["visa-apps_south_accepted"].provisioner[0]["local-exec"];
  expect(command).toContain("--flavor large --network lab");
  expect(environment).toMatchObject({ OS_CLOUD: "south" });
});

test("fails where flavour or network are empty", () => {
  expect(() => dataOf({ acceptance: { flavor: "", network: "visa" } })).toThrow(
    '"acceptance.flavor" is empty: an instance is made with it\n  fix: acceptance: { flavor: "m1.medium", network: "visa" }',
  );
});
