/** examples/infrastructure: images and what runs on them, in one stack and in two. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../lib/package-root";
import { scratchFolder } from "../support/scratch";

/** Runs an example, and returns what its stacks are synthesized to. */
// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
function run(example: string, ...stacks: string[]): any[] {
  const folder = scratchFolder();
  process.env.CDKTF_OUTDIR = folder;
  try {
    jest.isolateModules(() => require(join(packageRoot(), "examples", "infrastructure", example)));
  } finally {
    delete process.env.CDKTF_OUTDIR;
  }
  return stacks.map((stack) => JSON.parse(readFileSync(join(folder, "stacks", stack, "cdk.tf.json"), "utf8")));
}

// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
const only = (all: object): [string, any] => Object.entries(all)[0] as [string, any];

test("all in one stack: the instance waits for the image, its flavour fits, its data are a volume of their own", () => {
  const [{ resource }] = run("one-stack", "desktops");
  const [image, { min_disk_gb: disk, min_ram_mb: ram }] = only(resource.openstack_images_image_v2);
  const [flavor, made] = only(resource.openstack_compute_flavor_v2);
  expect(made).toMatchObject({ name: "desktop", vcpus: 2, disk, ram });
  const [name, instance] = only(resource.openstack_compute_instance_v2);
  expect(instance).toMatchObject({
    image_id: `\${openstack_images_image_v2.${image}.id}`,
    flavor_id: `\${openstack_compute_flavor_v2.${flavor}.id}`,
    network: [{ fixed_ip_v4: "10.42.0.17" }],
  });
  const [volume] = only(resource.openstack_blockstorage_volume_v3);
  expect(only(resource.openstack_compute_volume_attach_v2)[1]).toMatchObject({
    instance_id: `\${openstack_compute_instance_v2.${name}.id}`,
    volume_id: `\${openstack_blockstorage_volume_v3.${volume}.id}`,
  });
});

test("in two stacks: the second one reads the image from the first one's state, and compares it with the flavour", () => {
  const [images, servers] = run("two-stacks", "images", "servers");
  const [image, { min_disk_gb: disk, min_ram_mb: ram }] = only(images.resource.openstack_images_image_v2);
  const [, instance] = only(servers.resource.openstack_compute_instance_v2);
  const [device] = instance.block_device;
  const [, output = ""] = /^\$\{data\.terraform_remote_state\.\S+\.outputs\.(\S+)\}$/.exec(device.uuid) ?? [];
  expect(images.output[output].value).toBe(`\${openstack_images_image_v2.${image}.id}`);
  expect(device).toMatchObject({ destination_type: "volume", volume_size: 40, volume_type: "ssd" });
  expect(servers.data.openstack_compute_flavor_v2.flavor.lifecycle.postcondition).toMatchObject([
    { condition: `\${(self.ram >= ${ram})}` },
    { condition: `\${((self.disk < 1) || (self.disk >= ${disk}))}` },
  ]);
});
