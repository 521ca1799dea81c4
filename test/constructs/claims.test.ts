/** What meets in one stack keeps apart, or is told. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { App, TerraformOutput, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { TerraformData } from "../../lib/constructs/terraform-data";
import { VisaImage } from "../../lib/constructs/visa-image";
import { VisaInstance } from "../../lib/constructs/visa-instance";
import { addImage, chain, newApp, newStack, synthesized, synthesizedFolder, userData } from "./support";

const image = VisaImage.fromImageId("5f0e9b7c-0000-4000-8000-000000000001", { fingerprint: "a".repeat(64), userData });
const other = VisaImage.fromImageId("5f0e9b7c-0000-4000-8000-000000000002", { fingerprint: "b".repeat(64), userData });

function addInstance(scope: Construct, id = "desk", of = image): VisaInstance {
  return new VisaInstance(scope, id, { image: of, flavorName: "f", networkIds: ["net"], owner: "ada" });
}

/** What triggers the replacement of each instance, by the image that it boots. */
// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
function triggers(stack: TerraformStack): Record<string, any> {
  const { terraform_data: data, openstack_compute_instance_v2: instances } = synthesized(stack).resource;
  return Object.fromEntries(
    // biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
    Object.values<any>(instances).map((each) => {
      const [address] = each.lifecycle.replace_triggered_by;
      return [each.image_id, { address, ...data[address.replace("terraform_data.", "")].triggers_replace }];
    }),
  );
}

describe("two images", () => {
  test("of different ids share layers and nothing else", () => {
    const stack = newStack();
    addImage(stack, {}, "a");
    addImage(new Construct(stack, "b"), {}, "a");
    const { resource, output } = synthesized(stack);
    const release = "5c329d84cf97";
    expect(Object.keys(resource.openstack_images_image_v2)).toEqual([`a_${release}`, `b_a_${release}`]);
    expect(Object.keys(output ?? {}).length % 2).toBe(0);
  });

  test.each<[string, (stack: TerraformStack) => Construct, string, (stack: TerraformStack) => Construct, string]>([
    ["ids", (stack) => stack, "desk.top", (stack) => stack, "desk_top"],
    ["paths", (stack) => new Construct(stack, "a"), "b", (stack) => stack, "a_b"],
    ["scopes", (stack) => new Construct(stack, "a.b"), "c", (stack) => new Construct(stack, "a_b"), "c"],
  ])("fails for %s that end at one address, with both paths", (_, first, firstId, second, secondId) => {
    const stack = newStack();
    const { path } = addImage(first(stack), {}, firstId).node;
    const scope = second(stack);
    expect(() => addImage(scope, {}, secondId)).toThrow(
      new RegExp(
        `"${path}" and "${scope.node.path}/${secondId}" both end at the image images/\\w+\\n {2}fix: give one of`,
      ),
    );
  });

  test("fails for outputs of one name", () => {
    const stack = newStack();
    addImage(stack, { outputs: true }, "a-b");
    expect(() => addImage(stack, { outputs: true }, "a_b")).toThrow(/both end at output\.a_b_image_id/);
  });

  test("of one template, one raw and one qcow2, are each built as they say", () => {
    const stack = newStack();
    addImage(stack, {}, "large");
    addImage(stack, { diskFormat: "qcow2" }, "small");
    const { folder, json } = synthesizedFolder(stack);
    const formatOf = (layer: string) => {
      const { command } = json.resource.terraform_data[layer].provisioner[0]["local-exec"];
      const [, file] = /--specification (\S+)/.exec(command) ?? [];
      return JSON.parse(readFileSync(join(folder, "stacks", "images", file ?? ""), "utf8")).output.format;
    };
    expect([formatOf("layer_visa-apps"), formatOf("layer_visa-apps_small")]).toEqual(["raw", "qcow2"]);
  });

  test("of one template and two sets of variables have a build each", () => {
    const stack = newStack();
    addImage(stack, {}, "english");
    const { build } = addImage(stack, { specification: chain({ script: "333333333333 0755" }) }, "french");
    const { terraform_data: data } = synthesized(stack).resource;
    expect(data["layer_visa-apps_french"].triggers_replace.fingerprint).toBe(build.layer.fingerprint);
    expect(data["layer_visa-apps"].triggers_replace.fingerprint).toBe(chain().layers[2]?.fingerprint);
  });

  test("in two regions are each registered where their provider is", () => {
    const stack = newStack();
    for (const region of ["north", "south"]) {
      addImage(stack, { provider: new OpenstackProvider(stack, `in-${region}`, { alias: region, region }) }, region);
    }
    const { openstack_images_image_v2: images, terraform_data: data } = synthesized(stack).resource;
    for (const region of ["north", "south"]) {
      expect(images[`${region}_5c329d84cf97`].provider).toBe(`openstack.${region}`);
      const [{ "local-exec": command }] = data[`${region}_5c329d84cf97_registered`].provisioner;
      expect(command.environment).toEqual({ OS_REGION_NAME: region });
    }
    expect(Object.keys(data).filter((name) => name.startsWith("layer_"))).toHaveLength(3);
  });

  test("of one construct, used twice, have addresses by its ids", () => {
    class Desktops extends Construct {
      constructor(scope: Construct, id: string) {
        super(scope, id);
        addInstance(this, "trial", addImage(this, {}, "image"));
      }
    }
    const stack = newStack();
    for (const id of ["physics", "chemistry"]) new Desktops(stack, id);
    const { openstack_images_image_v2: images, terraform_data: data } = synthesized(stack).resource;
    expect(Object.keys(images)).toEqual(["chemistry_image_5c329d84cf97", "physics_image_5c329d84cf97"]);
    expect(Object.keys(data).filter((name) => name.startsWith("trial_image_"))).toHaveLength(2);
  });

  test("of one id in two stacks are two images, also in the lock", () => {
    const app = newApp();
    const stacks = ["one", "two"].map((id) => {
      const stack = new TerraformStack(app, id);
      new OpenstackProvider(stack, "openstack");
      addImage(stack, {}, "desktop");
      return synthesized(stack);
    });
    for (const [index, id] of ["one", "two"].entries()) {
      const { command } = stacks[index].resource.terraform_data.desktop_in_use.provisioner[0]["local-exec"];
      expect(command).toContain(`--image ${id}/desktop`);
    }
  });

  test("fails in two stacks of one id, which cdktf writes to one folder", () => {
    const app = new App();
    const stackIn = (scope: string) => new TerraformStack(new Construct(app, scope), "images");
    addImage(stackIn("production"));
    expect(() => addImage(stackIn("trial"))).toThrow(
      '"production/images" and "trial/images" both end at the folder stacks/images',
    );
  });
});

describe("two instances", () => {
  test("of different ids are triggered by their ids", () => {
    const stack = newStack();
    addInstance(stack, "desk");
    addInstance(stack, "table", other);
    expect(Object.values(triggers(stack)).map(({ address }) => address)).toEqual([
      "terraform_data.desk_image",
      "terraform_data.table_image",
    ]);
  });

  test.each([
    ["of one id in two scopes", "desk", "desk"],
    ["of ids that end at one address", "desk.top", "desk_top"],
  ])("%s never share what replaces them, in whatever order they are made", (_, firstId, secondId) => {
    const make = (reverse: boolean) => {
      const stack = newStack();
      const scope = new Construct(stack, "scope");
      const all = [() => addInstance(stack, firstId), () => addInstance(scope, secondId, other)];
      for (const each of reverse ? all.reverse() : all) each();
      return triggers(stack);
    };
    const found = make(false);
    expect(found[image.imageId].fingerprint).toBe(image.fingerprint);
    expect(found[other.imageId].fingerprint).toBe(other.fingerprint);
    const addresses = Object.values(found).map(({ address }) => address);
    expect(new Set(addresses).size).toBe(2);
    // What is nobody's now was one's, and may be one's again: neither has got the other's entry of the state.
    expect(addresses).not.toContain(`terraform_data.${firstId.replace(".", "_")}_image`);
    expect(make(true)).toEqual(found);
  });

  test("a third one leaves the two as they are", () => {
    const make = (scopes: readonly string[]) => {
      const stack = newStack();
      scopes.forEach((id, index) => {
        const of = { ...image, imageId: id, fingerprint: String(index) };
        addInstance(new Construct(stack, id), "desk", of);
      });
      return triggers(stack);
    };
    expect(make(["a", "b", "c"])).toMatchObject(make(["a", "b"]));
  });
});

describe("somebody else's element at an address of ours", () => {
  test.each<[string, (stack: TerraformStack) => unknown]>([
    ["before", (stack) => [new TerraformData(stack, "desk_image"), addInstance(stack)]],
    ["after", (stack) => [addInstance(stack), new TerraformData(stack, "desk_image")]],
  ])("fails at synth, made %s ours", (_, make) => {
    const stack = newStack();
    make(stack);
    expect(() => synthesized(stack)).toThrow(
      /"images\/desk\/Image" and "images\/desk_image" both end at terraform_data\.desk_image/,
    );
  });

  test("is none where it is of another type", () => {
    const stack = newStack();
    addInstance(stack);
    new TerraformOutput(stack, "desk_image", { value: "x" });
    expect(() => synthesized(stack)).not.toThrow();
  });

  test("fails for two look-ups that end at one address", () => {
    const stack = newStack();
    VisaImage.fromImageName(stack, "visa.apps", { imageName: "x", fingerprint: "f" });
    expect(() => VisaImage.fromImageName(stack, "visaapps", { imageName: "y", fingerprint: "f" })).toThrow(
      /"images\/visa\.apps" and "images\/visaapps" both end at data\.openstack_images_image_v2\.visaapps/,
    );
  });
});
