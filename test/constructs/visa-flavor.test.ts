import { TerraformVariable } from "cdktf";
import type { IVisaImage } from "../../lib/constructs/existing-image";
import { VisaFlavor, type VisaFlavorProps } from "../../lib/constructs/visa-flavor";
import { VisaImage } from "../../lib/constructs/visa-image";
import { addImage, newStack, synthesized, userData } from "./support";

const image: IVisaImage = {
  ...VisaImage.fromImageId("5f0e9b7c-0000-4000-8000-000000000001", { fingerprint: "a".repeat(64), userData }),
  ...{ minDiskGb: 10, minRamMb: 2048 },
};
const unknown = VisaImage.fromImageId("5f0e9b7c-0000-4000-8000-000000000002", { fingerprint: "b", userData });

// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
function flavorOf(props: Partial<VisaFlavorProps> = {}): any {
  const stack = newStack();
  new VisaFlavor(stack, "desktop", { vcpus: 2, images: [image], ...props });
  const [flavor] = Object.values(synthesized(stack).resource.openstack_compute_flavor_v2);
  return flavor;
}

describe("a flavour that is made", () => {
  test("has as much memory and disk as the image that asks for most, and is everybody's", () => {
    const larger = { ...image, minDiskGb: 20, minRamMb: 1024 };
    expect(flavorOf({ images: [image, larger] })).toMatchObject({
      ...{ name: "desktop", vcpus: 2, ram: 2048, disk: 20, is_public: true },
    });
  });

  test("fits an image that this app makes", () => {
    const stack = newStack();
    const made = addImage(stack, { minRamMb: 4096 });
    new VisaFlavor(stack, "desktop", { vcpus: 2, images: [made] });
    const [flavor] = Object.values(synthesized(stack).resource.openstack_compute_flavor_v2);
    expect(flavor).toMatchObject({ ram: 4096, disk: made.minDiskGb });
  });

  test("has its GPUs and devices as Nova writes them", () => {
    const { extra_specs: specs } = flavorOf({
      vgpus: 1,
      pciDevices: { a100: 2, nic: 1 },
      extraSpecs: { "hw:cpu_policy": "dedicated" },
    });
    expect(specs).toEqual({
      "hw:cpu_policy": "dedicated",
      "resources:VGPU": "1",
      "pci_passthrough:alias": "a100:2,nic:1",
    });
    expect(flavorOf().extra_specs).toBeUndefined();
  });

  test("is compared by the plan where only Terraform knows what the image asks for", () => {
    const stack = newStack();
    const found = VisaImage.fromImageName(stack, "image", { imageName: "x", fingerprint: "f", userData });
    new VisaFlavor(stack, "given", { vcpus: 1, ramMb: 2048, diskGb: 0, images: [found] });
    new VisaFlavor(stack, "asked", { vcpus: 1, images: [found, image] });
    const [asked, given] = Object.values<Record<string, unknown>>(
      synthesized(stack).resource.openstack_compute_flavor_v2,
    );
    expect(given?.lifecycle).toEqual({
      precondition: [
        {
          condition: "${(2048 >= data.openstack_images_image_v2.image.min_ram_mb)}",
          error_message:
            'the flavour "given" has 2048 MiB of memory; the image asks for at least ${tostring(data.openstack_images_image_v2.image.min_ram_mb)}: Nova would refuse it.',
        },
      ],
    });
    expect(asked).toMatchObject({
      ram: "${max(data.openstack_images_image_v2.image.min_ram_mb, 2048)}",
      disk: "${max(data.openstack_images_image_v2.image.min_disk_gb, 10)}",
    });
  });

  test.each<[string, Partial<VisaFlavorProps>, string]>([
    ["less memory", { ramMb: 1024 }, 'the flavour "desktop" has 1024 MiB of memory; the image asks for at least 2048'],
    ["less disk", { diskGb: 5 }, 'the flavour "desktop" has 5 GiB of disk; the image asks for at least 10'],
    ["no size", { images: [] }, '"ramMb" is not given, and there is no image to say it'],
    [
      "no size that all images say",
      { images: [image, unknown] },
      '"ramMb" is not given, and not every image to say it',
    ],
    ["no processor", { vcpus: 0 }, '"vcpus" is 0, expected a whole number of processors, at least 1'],
    ["half a GiB", { diskGb: 10.5 }, '"diskGb" is 10.5, expected a whole number of GiB'],
    ["an empty name", { flavorName: "" }, '"flavorName" is "", which Nova does not take'],
    ["no GPU", { vgpus: 0 }, '"vgpus" is 0, expected a whole number of virtual GPUs'],
    ["a device with its count in its name", { pciDevices: { "a100:1": 1 } }, '"pciDevices" has "a100:1"'],
    ["GPUs by two names", { vgpus: 1, extraSpecs: { "resources:VGPU": "1" } }, "is given twice"],
    ["a spec that is no name of Nova's", { extraSpecs: { "hw/x": "1" } }, 'the extra specs name "hw/x" is none'],
  ])("fails for %s", (_, props, message) => {
    expect(() => flavorOf(props)).toThrow(message);
  });

  test("takes no disk, for instances that boot from a volume", () => {
    expect(flavorOf({ diskGb: 0 })).toMatchObject({ disk: 0 });
  });
});

describe("a flavour that is there", () => {
  test("is compared with the image by every plan", () => {
    const stack = newStack();
    const { flavorName, flavorId } = VisaFlavor.fromFlavorName(stack, "flavor", {
      ...{ flavorName: "m1.medium", images: [image] },
    });
    expect([flavorName, typeof flavorId]).toEqual(["m1.medium", "string"]);
    expect(synthesized(stack).data.openstack_compute_flavor_v2.flavor).toMatchObject({
      name: "m1.medium",
      lifecycle: {
        postcondition: [
          {
            condition: "${(self.ram >= 2048)}",
            error_message: expect.stringContaining(
              "has ${tostring(self.ram)} MiB of memory; the image asks for at least 2048",
            ),
          },
          { condition: "${((self.disk < 1) || (self.disk >= 10))}" },
        ],
      },
    });
  });

  test("may have any size where no image is named", () => {
    const stack = newStack();
    const flavorName = new TerraformVariable(stack, "name", { type: "string" }).stringValue;
    VisaFlavor.fromFlavorName(stack, "flavor", { flavorName, images: [unknown] });
    expect(synthesized(stack).data.openstack_compute_flavor_v2.flavor).toMatchObject({ name: "${var.name}" });
  });
});
