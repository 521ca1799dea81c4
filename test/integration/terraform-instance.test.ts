/** What Terraform plans for an instance, with a cloud that nobody answers for. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { VisaImage } from "../../lib/constructs/visa-image";
import { VisaInstance } from "../../lib/constructs/visa-instance";
import { newStack, synthesizedFolder, userData } from "../constructs/support";
import { keepStateInFolder, TerraformFolder, terraformDataState, writeState } from "./terraform-support";

jest.setTimeout(120_000);

const before = { imageId: "5f0e9b7c-0000-4000-8000-000000000001", fingerprint: "a".repeat(64) };
const after = { imageId: "5f0e9b7c-0000-4000-8000-000000000002", fingerprint: "b".repeat(64) };

function planWith(image: typeof before): string {
  const stack = newStack("infrastructure");
  new VisaInstance(stack, "instance", {
    image: VisaImage.fromImageId(image.imageId, { fingerprint: image.fingerprint, userData }),
    flavorName: "m1.medium",
    networkIds: ["5f0e9b7c-0000-4000-8000-00000000000a"],
    owner: "ada",
  });
  const { folder, json } = synthesizedFolder(stack);
  const stackFolder = join(folder, "stacks", "infrastructure");
  keepStateInFolder(stackFolder);
  const [[name, instance]] = Object.entries(json.resource.openstack_compute_instance_v2) as [[string, object]];
  const { "//": _, lifecycle: __, ...configured } = instance as Record<string, unknown>;
  writeState(stackFolder, [
    terraformDataState("instance_image", { fingerprint: before.fingerprint }),
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
  return new TerraformFolder(stackFolder).run("plan", "-input=false", "-compact-warnings", "-refresh=false");
}

test("a new image replaces the instance", () => {
  const plan = planWith(after);
  expect(plan).toMatch(/openstack_compute_instance_v2\.\S+ will be replaced due to changes in replace_triggered_by/);
  expect(plan).not.toContain("will be updated in-place");
});

test("the same image leaves it alone", () => {
  expect(planWith(before)).toContain("No changes.");
});
