/** examples/find-image: three ways to have the release that is in use. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { VisaImage } from "../../lib";
import { packageRoot } from "../../lib/package-root";
import { scratchFolder } from "../support/scratch";
import { newStack, synthesized } from "./support";

/** Runs an example, and returns what its stacks are synthesized to. */
// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
function run(example: string, ...stacks: string[]): any[] {
  const folder = scratchFolder();
  process.env.CDKTF_OUTDIR = folder;
  try {
    jest.isolateModules(() => require(join(packageRoot(), "examples", "find-image", example)));
  } finally {
    delete process.env.CDKTF_OUTDIR;
  }
  return stacks.map((stack) => JSON.parse(readFileSync(join(folder, "stacks", stack, "cdk.tf.json"), "utf8")));
}

// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
function imageOfInstance(stack: any): string {
  const [instance] = Object.values<{ readonly image_id: string }>(stack.resource.openstack_compute_instance_v2);
  return instance?.image_id ?? "";
}

test("by reference, in the stack that makes it", () => {
  const [stack] = run("by-reference", "desktops");
  const [image] = Object.keys(stack.resource.openstack_images_image_v2);
  expect(imageOfInstance(stack)).toBe(`\${openstack_images_image_v2.${image}.id}`);
});

test("by reference across stacks, by the state of the one that makes it", () => {
  const [images, servers] = run("cross-stack", "images", "servers");
  const [image] = Object.keys(images.resource.openstack_images_image_v2);
  const [, output = ""] =
    /^\$\{data\.terraform_remote_state\.\S+\.outputs\.(\S+)\}$/.exec(imageOfInstance(servers)) ?? [];
  expect(images.output[output].value).toBe(`\${openstack_images_image_v2.${image}.id}`);
});

test("by name and property, in somebody else's app", () => {
  const [stack] = run("by-name", "servers");
  expect(stack.data.openstack_images_image_v2.image).toMatchObject({
    name: "visa-apps",
    most_recent: true,
    properties: { visa_image: "images/general" },
  });
  expect(stack.data.openstack_images_image_v2.image.hidden).toBeUndefined();
  expect(stack.data.openstack_images_image_v2.image.lifecycle.postcondition).toEqual([
    {
      condition:
        '${join("", [for name in ["image_type","base_image_ref","instance_uuid"] : lookup(self.properties, name, "")]) == ""}',
      error_message: expect.stringContaining("is a snapshot of an instance"),
    },
    {
      condition: '${lookup(self.properties, "visa_image", "") == "images/general"}',
      error_message: expect.stringContaining("deploy the stack that makes it first"),
    },
  ]);
  // Another release has another fingerprint, which replaces the instance.
  expect(stack.resource.terraform_data.trial_image.triggers_replace.fingerprint).toBe(
    '${lookup(data.openstack_images_image_v2.image.properties, "visa_fingerprint", data.openstack_images_image_v2.image.id)}',
  );
});

test("fails for a name alone, which is not unique", () => {
  const stack = newStack();
  expect(() => VisaImage.fromImageName(stack, "image", { imageName: "x" })).toThrow("by its name alone");
});

test("a fingerprint asks for exactly that release", () => {
  const stack = newStack();
  const image = VisaImage.fromImageName(stack, "image", { imageName: "x", fingerprint: "f" });
  expect(synthesized(stack).data.openstack_images_image_v2.image.properties).toEqual({ visa_fingerprint: "f" });
  expect(image.fingerprint).toBe("f");
});
