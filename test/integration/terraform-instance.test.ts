/** What Terraform plans for an instance, with a cloud that nobody answers for. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type TerraformStack, TerraformVariable, Token } from "cdktf";
import { Construct } from "constructs";
import { VisaImage } from "../../lib/constructs/visa-image";
import { VisaInstance } from "../../lib/constructs/visa-instance";
import { VisaSecurityGroup } from "../../lib/constructs/visa-network";
import { sha256 } from "../../lib/fingerprint/digest";
import { newStack, synthesizedFolder, userData } from "../constructs/support";
import { keepStateInFolder, TerraformFolder, terraformDataState, writeState } from "./terraform-support";

jest.setTimeout(120_000);

const before = { imageId: "5f0e9b7c-0000-4000-8000-000000000001", fingerprint: "a".repeat(64) };
const after = { imageId: "5f0e9b7c-0000-4000-8000-000000000002", fingerprint: "b".repeat(64) };

function addInstance(scope: Construct, { imageId, fingerprint }: typeof before): void {
  new VisaInstance(scope, "instance", {
    image: VisaImage.fromImageId(imageId, { fingerprint, userData }),
    flavorName: "m1.medium",
    networkIds: ["5f0e9b7c-0000-4000-8000-00000000000a"],
    owner: "ada",
  });
}

/**
 * A plan for an instance that exists.
 *
 * @param now what the code says that the image is
 * @param more adds more to the stack, before the instance
 * @param triggers what the state has besides, by address: fingerprints
 */
function planWith(
  now: typeof before,
  more: (stack: TerraformStack) => void = () => {},
  triggers: Readonly<Record<string, string>> = { instance_image: before.fingerprint },
): string {
  const stack = newStack("infrastructure");
  more(stack);
  addInstance(stack, now);
  const { folder, json } = synthesizedFolder(stack);
  const stackFolder = join(folder, "stacks", "infrastructure");
  keepStateInFolder(stackFolder);
  const instances = Object.entries<Record<string, unknown>>(json.resource.openstack_compute_instance_v2);
  const [name, instance] = instances.find(([, { image_id }]) => image_id === now.imageId) ?? ["", {}];
  const { "//": _, lifecycle: __, ...configured } = instance;
  writeState(stackFolder, [
    ...Object.entries(triggers).map(([name, fingerprint]) => terraformDataState(name, { fingerprint })),
    {
      type: "openstack_compute_instance_v2",
      name,
      attributes: {
        ...configured,
        id: "5f0e9b7c-0000-4000-8000-00000000000b",
        image_id: before.imageId,
        user_data: createHash("sha1").update(userData.text).digest("hex"),
        power_state: "active",
        // The provider's defaults, without which every plan changes something.
        force_delete: false,
        stop_before_destroy: false,
        all_metadata: configured.metadata,
        all_tags: [],
        security_groups: ["default"],
        network: [{ uuid: "5f0e9b7c-0000-4000-8000-00000000000a", name: "", port: "", access_network: false }],
      },
      sensitive: ["admin_pass"],
    },
  ]);
  planned = new TerraformFolder(stackFolder);
  return planned.run("plan", "-input=false", "-compact-warnings", "-refresh=false", "-out=plan");
}

/** Where the last plan was made. */
let planned: TerraformFolder;

test("a new image replaces the instance", () => {
  const plan = planWith(after);
  expect(plan).toMatch(/openstack_compute_instance_v2\.\S+ will be replaced due to changes in replace_triggered_by/);
  expect(plan).not.toContain("will be updated in-place");
  expect(planned.review("plan").losses).toMatchObject([
    { what: "instance", fate: "replaced", name: "instance", owner: "ada", why: "its image changes", allowed: false },
  ]);
});

test("the same image leaves it alone", () => {
  expect(planWith(before)).toContain("No changes.");
  expect(planned.review("plan").verdict).toBe("nothing");
});

describe("a second instance of the same id, in another scope,", () => {
  const second = (stack: TerraformStack) => addInstance(new Construct(stack, "other"), after);

  const [own, others] = ["instance/Image", "other/instance/Image"].map(
    (path) => `instance_image_${sha256(path).slice(0, 8)}`,
  ) as [string, string];

  test("leaves the first one alone when it comes", () => {
    const plan = planWith(before, second);
    expect(plan).toContain("3 to add, 0 to change, 1 to destroy");
    expect(plan).not.toMatch(/openstack_compute_instance_v2\.\S+ (will be replaced|must be replaced|will be updated)/);
  });

  test("leaves it alone while both are there, whose image has a new release", () => {
    const plan = planWith(before, second, { [own]: before.fingerprint, [others]: "c".repeat(64) });
    expect(plan).toContain(`terraform_data.${others} must be replaced`);
    expect(plan).toContain("2 to add, 0 to change, 1 to destroy");
  });

  test("leaves it alone when it goes", () => {
    const plan = planWith(before, undefined, { [own]: before.fingerprint });
    expect(plan).toContain("1 to add, 0 to change, 1 to destroy");
    expect(plan).not.toContain("openstack_compute_instance_v2");
  });
});

test("lists and maps that are Terraform's variables are planned as they are set, and nobody opens JupyterLab to everybody", () => {
  const stack = newStack("infrastructure");
  const list = (name: string, value: readonly string[]) =>
    new TerraformVariable(stack, name, { type: "list(string)", default: value }).listValue;
  const jupyter = new TerraformVariable(stack, "jupyter", { type: "list(string)", default: ["10.0.0.7/32"] });
  new VisaInstance(stack, "instance", {
    image: VisaImage.fromImageId(before.imageId, { fingerprint: before.fingerprint, userData }),
    ...{ flavorName: "m1.medium", owner: "ada" },
    networkIds: list("networks", ["b-first", "a-second"]),
    securityGroups: list("groups", ["visa"]),
    metadata: Token.asStringMap(new TerraformVariable(stack, "more", { default: { layout: "fr" } }).value),
  });
  new VisaSecurityGroup(stack, "ports", {
    apiServerCidrs: list("visa", ["10.0.0.0/24", "fd00::/64"]),
    jupyterProxyCidrs: jupyter.listValue,
  });
  const stackFolder = join(synthesizedFolder(stack).folder, "stacks", "infrastructure");
  keepStateInFolder(stackFolder);
  const terraform = new TerraformFolder(stackFolder);
  const plan = terraform.run("plan", "-input=false", "-compact-warnings");
  expect(plan).toMatch(/"layout" += "fr"/);
  expect(plan).toMatch(/"owner" += "ada"/);
  expect(plan.indexOf('"b-first"')).toBeLessThan(plan.indexOf('"a-second"'));
  expect(plan.match(/ethertype += "IPv6"/g)).toHaveLength(3);
  expect(plan.match(/ethertype += "IPv4"/g)).toHaveLength(4);

  const refused = terraform.try("plan", "-input=false", "-compact-warnings", '-var=jupyter=["0.0.0.0/0"]');
  expect(refused.status).toBe(1);
  expect(refused.text.replaceAll(/[\s│]+/g, " ")).toContain(
    "lets everybody reach JupyterLab, which asks for no password",
  );
});
